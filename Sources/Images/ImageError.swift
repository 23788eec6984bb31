/// What can be wrong with a picture's file.
public enum ImageError: Error, Equatable, CustomStringConvertible {
  case unknownFormat
  case damaged(format: ImageFormat, why: String)
  case tooLarge(width: Int, height: Int, limit: Int)
  case cannotEncode(format: ImageFormat, why: String)

  public var description: String {
    switch self {
    case .unknownFormat: "not a picture in a known format; give JPEG, PNG, WebP or PNM"
    case .damaged(let format, let why): "a damaged \(format.rawValue) picture: \(why)"
    case .tooLarge(let width, let height, let limit):
      "\(width) x \(height) pixels are more than the limit of \(limit); raise it with --max-pixels"
    case .cannotEncode(let format, let why): "cannot be written as \(format.rawValue): \(why)"
    }
  }
}
