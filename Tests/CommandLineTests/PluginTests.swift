import Foundation
import LatentDiffusion
import Testing

/// Shared objects as the binary loads them, in C.
@Suite struct PluginTests {
  let ldm: Binary

  init() throws { ldm = try Binary() }

  /// Compiles a plug-in whose `prepare` is `body`, as `NAME.so`.
  private func compile(_ name: String, version: Int = 1, prepare body: String) throws {
    let source = """
      #include "ldm_plugin.h"
      #include <stdlib.h>
      static int32_t prepare(const struct ldm_plugin *p, const struct ldm_host *host, const struct ldm_request *request) {
        (void)p, (void)request;
        \(body)
      }
      const struct ldm_plugin *ldm_plugin_table(uint32_t version) {
        static const char *const options[] = {"by=N  how much", NULL};
        static const struct ldm_plugin table = {
          .version = \(version), .name = "\(name)", .summary = "a test", .options = options, .prepare = prepare};
        (void)version;
        return &table;
      }
      """
    try Data(source.utf8).write(to: ldm.file("\(name).c"))
    let header = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../Sources/CPlugin/include").path
    let outcome = try ldm.shell(
      "$(command -v cc || command -v clang) -shared -fPIC -I '\(header)' -o \(name).so \(name).c")
    try #require(outcome.status == 0, "\(outcome.words)")
  }

  @Test func aPluginSaysTheSizeOfTheResult() throws {
    defer { ldm.remove() }
    try compile(
      "wider",
      prepare: "return host->put_number(host, LDM_WIDTH, request->width + atof(ldm_option_value(host, \"by\")));")
    let outcome = try ldm.shell(
      "LDM_PLUGIN_PATH=$PWD $ldm txt2img -q --steps 1 --size 32x16 --plugin wider:by=24 cat > out.png")
    #expect(outcome.status == 0, "\(outcome.words)")
    let image = try ldm.image("out.png")
    #expect((image.width, image.height) == (56, 16))
  }

  @Test(arguments: [
    (
      "broken", 1, "return host->fail(host, \"the moon is down\");", 65,
      "plug-in broken failed in prepare: the moon is down"
    ),
    ("silent", 1, "return 3;", 65, "plug-in silent failed in prepare: it returned 3"),
    (
      "misplaced", 1, "return host->put(host, LDM_LATENTS, &request->image);", 65, "plug-in misplaced failed in prepare"
    ),
    (
      "strong", 1, "return host->put_number(host, LDM_STRENGTH, 1e300);", 65,
      "plug-in strong failed in prepare: a strength of 1e+300"
    ),
    ("astray", 1, "return host->put_number(host, LDM_LABEL, 1);", 65, "it may not set number"),
    ("future", 99, "return 0;", 69, "a plug-in of version 99, this ldm takes 1"),
  ])
  func whatFailsIsNamedInOneLine(name: String, version: Int, body: String, status: Int32, words: String) throws {
    defer { ldm.remove() }
    try compile(name, version: version, prepare: body)
    let outcome = try ldm.shell("$ldm txt2img -q --steps 1 --plugin ./\(name).so cat > out.png")
    #expect(outcome.status == status)
    #expect(outcome.words.contains(words) && outcome.words.split(separator: "\n").count == 1, "\(outcome.words)")
    #expect(try Data(contentsOf: ldm.file("out.png")).isEmpty)
  }

  /// The last gives the host less memory than it says.
  @Test(arguments: [
    ("abort();", SIGABRT), ("*(volatile int *)0 = 1; return 0;", SIGSEGV),
    ("volatile char page[65536]; page[0] = 1; return prepare(p, host, request) + page[0];", SIGSEGV),
    (
      "struct ldm_tensor t = {(const float *)64, 4, {1, 3, 8, 8}}; return host->put(host, LDM_IMAGE, &t);", SIGSEGV
    ),
  ])
  func whatCrashesIsNamedAndDiesByItsSignal(body: String, signal: Int32) throws {
    defer { ldm.remove() }
    try compile("crasher", prepare: body)
    let outcome = try ldm.shell("exec $ldm txt2img -q --steps 1 --plugin ./crasher.so cat > out.png")
    #expect(outcome.wasKilled && outcome.status == signal)
    #expect(outcome.words == "ldm: plug-in crasher crashed in prepare\n")
  }

  @Test(arguments: [
    ("--plugin nowhere", 69), ("--plugin ./none.so", 69), ("--plugin ./some.so:to=3", 64),
    ("--plugin ./some.so:by", 64),
  ])
  func whatCannotBeUsedIsToldBeforeWork(option: String, status: Int32) throws {
    defer { ldm.remove() }
    try compile("some", prepare: "return 0;")
    let outcome = try ldm.shell("$ldm txt2img -q \(option) cat > out.png")
    #expect(outcome.status == status && outcome.words.split(separator: "\n").count == 1, "\(outcome.words)")
  }

  /// Its mask is the one that counts, for what is drawn over the result later too.
  @Test func aPluginsMaskIsTheMask() throws {
    defer { ldm.remove() }
    try compile(
      "all",
      prepare: """
        size_t count = (size_t)request->height * request->width;
        float *mask = malloc(count * sizeof *mask);
        for (size_t i = 0; i < count; i++) mask[i] = 1;
        struct ldm_tensor t = {mask, 4, {1, 1, request->height, request->width}};
        return host->put(host, LDM_MASK, &t);
        """)
    try ldm.write(Samples.picture(alpha: true), "in.png")
    try ldm.write(Samples.mask(), "mask.png")
    let outcome = try ldm.shell("$ldm inpaint -q --steps 1 --mask mask.png --plugin ./all.so in.png > out.png")
    #expect(outcome.status == 0, "\(outcome.words)")
    let alpha = try #require(try ldm.image("out.png").alphaTensor())
    #expect(alpha.elements.allSatisfy { $0 == 1 })
  }

  /// Numbers that do not fit the border are the user's fault, not the plug-in's.
  @Test func aLevelThatDoesNotFitIsAUsersError() throws {
    defer { ldm.remove() }
    try compile("some", prepare: "return 0;")
    try ldm.write(Samples.picture(), "in.png")
    let outcome = try ldm.shell("$ldm upscale -q --noise-level 3000000000 --plugin ./some.so < in.png > out.png")
    #expect(outcome.words.contains("the noise level is 3000000000") && !outcome.words.contains("crashed"))
    #expect(outcome.status != 0 && !outcome.wasKilled)
  }

  @Test func pluginsListsTheirOptionsAndPlaces() throws {
    defer { ldm.remove() }
    try compile("some", prepare: "return 0;")
    try Data("no shared object".utf8).write(to: ldm.file("zz.so"))
    let outcome = try ldm.shell("LDM_PLUGIN_PATH=$PWD $ldm plugins")
    let text = String(decoding: outcome.output, as: UTF8.self)
    #expect(outcome.status == 0 && text.contains("inpainting\t"))
    #expect(text.contains("some\ta test\t") && text.contains("/some.so\n\tby=N  how much\n"))
    #expect(outcome.words.contains("zz.so: cannot be loaded"))
  }

  @Test func inpaintNeedsAMaskOrAPlugin() throws {
    defer { ldm.remove() }
    try ldm.write(Samples.picture(), "in.png")
    let outcome = try ldm.shell("$ldm inpaint -q < in.png > out.png")
    #expect(outcome.status == 64 && outcome.words.contains("--mask is missing"))
  }
}
