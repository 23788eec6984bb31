import Foundation
import Testing

/// The manual pages agree with the commands, and their examples work.
@Suite struct ManualTests {
  private static var folder: URL { Binary.repository.appendingPathComponent("Man") }

  static let pages = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
    .filter { $0.hasSuffix(".1") }.sorted()

  private func text(_ page: String) throws -> String {
    try String(contentsOf: Self.folder.appendingPathComponent(page), encoding: .utf8)
  }

  @Test func everyCommandHasAPage() throws {
    let ldm = try Binary()
    defer { ldm.remove() }
    let help = String(decoding: try ldm.shell("$ldm --help").output, as: UTF8.self)
    let list = try #require(help.components(separatedBy: "SUBCOMMANDS:\n").last)
    let commands = list.matches(of: /(?m)^  ([a-z0-9]+)/).map { String($0.1) }
    #expect(commands.count >= 10)
    #expect(Set(Self.pages) == Set(["ldm.1"] + commands.map { "ldm-\($0).1" }))
  }

  @Test(arguments: pages)
  func optionsAreThoseOfHelp(page: String) throws {
    let ldm = try Binary()
    defer { ldm.remove() }
    let command = page.dropLast(2).split(separator: "-").dropFirst().joined(separator: " ")
    let help = String(decoding: try ldm.shell("$ldm \(command) --help").output, as: UTF8.self)
    // A switch that goes both ways is one entry: --x/--no-x.
    let told = Set(
      help.matches(of: /(?m)^  (?:-[a-z], )?(--[a-z0-9-]+)(?:\/(--[a-z0-9-]+))?/).flatMap {
        [String($0.1)] + ($0.2.map { [String($0)] } ?? [])
      })
    let written = Set(try text(page).matches(of: /(?m)^\.It Fl (?:[a-z] , )?-([a-z0-9-]+)/).map { "--\($0.1)" })
    #expect(told.subtracting(written).isEmpty && written.subtracting(told).isEmpty, "run Man/make.sh")
  }

  /// `ldm` is found first in a folder where it stands for the binary with one step instead of many.
  @Test(arguments: pages)
  func examplesWork(page: String) throws {
    // Those that need another program besides are left to Examples/run-docs.sh.
    let examples = try text(page).matches(of: /(?m)^\.Dl \$ (.*)$/).map {
      $0.1.replacing("\\(dq", with: "\"").replacing("\\(aq", with: "'")
    }.filter { !$0.hasPrefix("convert ") }
    guard !examples.isEmpty else { return }
    let ldm = try Binary()
    defer { ldm.remove() }
    for name in ["photo.jpg", "photos/b.jpg"] {
      try FileManager.default.createDirectory(at: ldm.file("photos"), withIntermediateDirectories: true)
      try ldm.write(Samples.picture(width: 32, height: 32), name, as: .jpeg)
    }
    // Square, as the pictures they are for.
    for name in ["mask.png", "m.png"] { try ldm.write(Samples.mask(width: 128, height: 128), name) }
    try ldm.write(Samples.picture(width: 128, height: 128, alpha: true), "cutout.png")
    try ldm.write(Samples.picture(), "marked.png")
    try ldm.write(Samples.picture(), "picture.png")
    let prepared = try ldm.shell(
      """
      mkdir bin; $ldm encode photo.jpg > latents.safetensors && cp latents.safetensors model.safetensors
      cat > bin/ldm <<'X'
      #!/bin/sh
      case $1 in txt2img) exec "$ldm" "$@" --steps 1 --size 32x32 ;; img2img) exec "$ldm" "$@" --steps 2 --strength 1 ;;
        upscale) exec "$ldm" "$@" --steps 1 ;; inpaint) exec "$ldm" "$@" --steps 1 ;; bench) exec "$ldm" "$@" --runs 1 ;;
        *) exec "$ldm" "$@" ;; esac
      X
      chmod +x bin/ldm
      """)
    #expect(prepared.status == 0, "\(prepared.words)")
    for example in examples {
      let outcome = try ldm.shell("PATH=$PWD/bin:$PATH; \(example)")
      #expect(outcome.status == 0, "\(example): \(outcome.words)")
    }
  }
}
