import LatentDiffusion

extension Workshop {
  /// Reworks picture files: each is read, and what `draft` makes of it is made and written.
  func rework(_ sources: [Source], maximumPixels: Int, draft: (Image, Source) throws -> Draft) throws {
    try each(sources, label: \.description) { source in
      let bytes = try Streams.picture(source, maximumPixels: maximumPixels)
      let name = source.fileName
      try make(
        from: source, label: source.description, name: name, format: ImageFormat(magic: bytes), fileSuffix: name.suffix
      ) {
        let image = try Image(decoding: bytes, maximumPixels: maximumPixels)
        teller.detail("\(source): \(image.width) x \(image.height)")
        if let remark = image.remark { teller.warn("\(source): \(remark)") }
        let colours = Colours(of: image)
        var draft = try draft(colours.forModel, source)
        (draft.colours, draft.depth) = (colours, image.depth)
        return draft
      }
    }
  }
}

extension Image {
  var size: Size { Size(height: height, width: width) }
}
