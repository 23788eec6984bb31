import Foundation
import Testing
import Weights

@Suite struct ConfigTests {
  private func config(_ text: String) throws -> Config { try Config(Data(text.utf8), path: "config.json") }

  @Test func valuesHaveTheirKinds() throws {
    let c = try config(
      #"{"n":4,"x":0.5,"s":"silu","b":true,"l":[1,2],"h":8,"m":null,"o":{"k":3},"t":["a","b"],"bs":[true,false]}"#)
    #expect(try c.integer("n", default: 1) == 4 && c.integer("absent", default: 1) == 1)
    #expect(try c.number("x", default: 0) == 0.5 && c.number("n", default: 0) == 4)
    #expect(try c.string("s", default: "") == "silu" && c.strings("t") == ["a", "b"])
    #expect(try c.bool("b", default: false) && c.integers("l") == [1, 2])
    #expect(try c.integerOrList("h", count: 3, default: 1) == [8, 8, 8])
    #expect(try c.integerOrList("l", count: 2, default: 1) == [1, 2])
    #expect(try c.integerOrList("absent", count: 2, default: 5) == [5, 5])
    #expect(try c.boolOrList("bs", count: 2, default: true) == [true, false])
    #expect(try c.object("o")?.integer("k", default: 0) == 3)
    #expect(c.has("n") && !c.has("m") && !c.has("absent"))
    #expect(try c.optionalInteger("m") == nil)
  }

  /// As Python writes numbers that JSON has not: diffusers' DPM-Solver schedulers do.
  @Test func infinitiesAreRead() throws {
    let c = try config(#"{"lambda_min_clipped": -Infinity, "x": NaN, "n": 4}"#)
    #expect(try c.integer("n", default: 0) == 4 && c.optionalNumber("lambda_min_clipped") == -.infinity)
    #expect(try Config(c.json, path: "again").optionalNumber("lambda_min_clipped") == nil)
  }

  @Test func aWrongKindIsNamedWithItsFileAndKey() throws {
    let c = try config(#"{"n":4.5,"l":[1,"2"],"s":3}"#)
    #expect { _ = try c.integer("n", default: 1) } throws: {
      "\($0)" == "config.json: n is 4.5, expected a whole number"
    }
    #expect(throws: ConfigError.self) { _ = try c.integers("l") }
    #expect(throws: ConfigError.self) { _ = try c.integers("absent") }
    #expect(throws: ConfigError.self) { _ = try c.string("s", default: "") }
    #expect(throws: ConfigError.self) { _ = try c.integerOrList("l", count: 3, default: 1) }
    #expect(throws: ConfigError.self) { _ = try c.object("s") }
  }

  @Test(arguments: ["", "[1]", "{", "nonsense"])
  func whatIsNoObjectIsRefused(text: String) {
    #expect(throws: ConfigError.unreadable(file: "config.json", why: "not a JSON object")) { _ = try config(text) }
  }
}
