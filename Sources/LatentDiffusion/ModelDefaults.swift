import Diffusion
import Foundation
import Models

/// What a model folder says of itself in `ldm.json`: which part serves which task, and how to sample well. Every key may be
/// missing, and so may the file.
public struct ModelDefaults: Sendable {
  /// Folder of the part that serves a task, relative to this one.
  public var tasks: [String: String] = [:]
  /// Another autoencoder's folder, relative to this one.
  public var autoencoder: String?
  /// Side in pixels of the pictures the model was trained on.
  public var nativeSize: Int?
  /// Side in pixels of the pictures that text to image makes first, of which it then makes larger ones; nil: it makes a picture
  /// at once at its full size.
  public var layoutSize: Int?
  /// Side in latents of the windows that larger pictures are cut into.
  public var window: Int?
  public var steps: Int?
  public var sampler: String?
  /// Samplers of tasks that want another, by task.
  public var taskSampler: [String: String] = [:]
  public var guidance: Double?
  /// Guidance of tasks that want another, by task.
  public var taskGuidance: [String: Double] = [:]
  public var noiseLevel: Int?
  public var encoding: Encoding?
  /// `Request.matchesBorder` where a job leaves it open.
  public var matchesBorder: Bool?
  /// `Request.matchesTexture` where a job leaves it open.
  public var matchesTexture: Bool?
  /// `Request.matchesDetail` where a job leaves it open.
  public var matchesDetail: Bool?
  /// Beginnings of the captions the model was trained on: a prompt without one of them gets the first.
  public var promptPrefixes: [String] = []
  /// What a prompt without a known beginning gets instead where a picture is reworked.
  public var picturePrefix: String?
  /// What a user should know before relying on a task, by task.
  public var notes: [String: String] = [:]

  public init() {}

  /// - Throws: `ConfigError` naming the key that is ill-typed.
  public init(folder: String) throws {
    let path = "\(folder)/ldm.json"
    guard FileManager.default.fileExists(atPath: path) else { return }
    let config = try Config(at: path)
    for task in Job.Task.allCases {
      tasks[task.rawValue] = try config.object("tasks")?.optionalString(task.rawValue)
      taskSampler[task.rawValue] = try config.object("task_sampler")?.optionalString(task.rawValue)
      taskGuidance[task.rawValue] = try config.object("task_guidance")?.optionalNumber(task.rawValue)
      notes[task.rawValue] = try config.object("notes")?.optionalString(task.rawValue)
    }
    autoencoder = try config.optionalString("vae")
    nativeSize = try config.optionalInteger("native_size")
    layoutSize = try config.optionalInteger("layout_size")
    window = try config.optionalInteger("window")
    steps = try config.optionalInteger("steps")
    sampler = try config.optionalString("sampler")
    guidance = try config.optionalNumber("guidance")
    noiseLevel = try config.optionalInteger("noise_level")
    if let name = try config.optionalString("encode") {
      guard let encoding = Encoding(rawValue: name) else { throw config.invalid("encode", "sample or mean") }
      self.encoding = encoding
    }
    matchesBorder = try config.optionalBool("match_border")
    matchesTexture = try config.optionalBool("match_texture")
    matchesDetail = try config.optionalBool("match_detail")
    promptPrefixes = try config.optionalStrings("prompt_prefixes") ?? []
    picturePrefix = try config.optionalString("picture_prefix")
    let numbers = [("native_size", nativeSize), ("layout_size", layoutSize), ("window", window), ("steps", steps)]
    for (key, value) in numbers {
      if let value, value < 1 { throw config.invalid(key, "a number above 0") }
    }
  }

  /// The prompt as the model's captions begin.
  ///
  /// - Parameter reworks: a picture is given, as text to image has none.
  public func prefixed(_ prompt: Prompt, reworks: Bool) -> String {
    // compel's calls are the whole of a prompt.
    if prompt.style == .compel, prompt.text.contains(#/\)\s*\.(?:blend|and|add)\(/#) { return prompt.text }
    guard let first = (reworks ? picturePrefix : nil) ?? promptPrefixes.first, !prompt.text.isEmpty else {
      return prompt.text
    }
    func prefixed(_ text: String) -> String {
      let start = text.lowercased().drop { "([ ".contains($0) }
      let known = promptPrefixes.contains { start.hasPrefix($0.lowercased()) }
      return known ? text : "\(first) \(text)"
    }
    // What AND joins are prompts of their own.
    let parts = prompt.composed()
    guard parts.count > 1 else { return prefixed(prompt.text) }
    return parts.map { "\(prefixed($0.prompt.text)) :\(String(format: "%.6f", $0.weight))" }
      .joined(separator: " AND ")
  }
}
