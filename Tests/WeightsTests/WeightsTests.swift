import Testing
import Weights

@Suite struct WeightsTests {
  @Test func scopesNest() throws {
    let weights = try Sample.weights([("a.b.weight", [2]), ("a.bias", [1])])
    #expect(try weights["a"]["b"].tensor("weight", [2]).tensor().elements == [0, 0])
    #expect(try weights["a.b"].tensor("weight", [2]).name == "a.b.weight")
    #expect(weights["a"].contains("bias") && !weights.contains("bias"))
    #expect(weights.parameterCount == 3)
  }

  @Test func aMissingTensorIsNamedWithItsLikelySelf() throws {
    let weights = try Sample.weights([("model.down.0.weight", [2]), ("up.bias", [1])])
    #expect {
      _ = try weights["down.0"].tensor("weight", [2])
    } throws: {
      "\($0)" == "x.safetensors: no tensor down.0.weight; did you mean model.down.0.weight?"
    }
    #expect(throws: WeightsError.missing(tensor: "q.gamma", file: "x.safetensors", nearest: nil)) {
      _ = try weights["q"].tensor("gamma", [2])
    }
  }

  @Test func aMisshapenTensorIsNamedWithBothShapes() throws {
    let weights = try Sample.weights([("conv.weight", [4, 3, 1, 1])])
    let expected = WeightsError.shape(
      tensor: "conv.weight", file: "x.safetensors", found: [4, 3, 1, 1], expected: [4, 3])
    #expect(throws: expected) { _ = try weights["conv"].tensor("weight", [4, 3]) }
    #expect("\(expected)".contains("[4, 3, 1, 1]") && "\(expected)".contains("expected [4, 3];"))
    let reshaped = try weights["conv"].tensor("weight", [4, 3], reshaping: [[4, 3, 1, 1]])
    #expect(reshaped.shape == [4, 3] && reshaped.tensor().shape == [4, 3])
  }

  @Test func integersAreNoWeights() throws {
    let file = try Sample.file("{\(Sample.entry("a", "I64", "[1]", 0, 8))}", data: Array(repeating: 0, count: 8))
    let weights = Weights(file.tensors, source: "x")
    #expect(throws: WeightsError.type(tensor: "a", file: "x", found: "I64")) { _ = try weights.tensor("a", [1]) }
  }

  @Test func surplusIsWhatNothingAskedFor() throws {
    let weights = try Sample.weights([
      ("a.weight", [1]), ("b.weight", [1]), ("c", [1]), ("text_model.embeddings.position_ids", [1]),
      ("logit_scale", [1]), ("model_ema.x", [1]), ("optimizer.state", [1]), ("norm.num_batches_tracked", [1]),
    ])
    _ = try weights["a"].tensor("weight", [1])
    #expect(weights.surplus == ["b.weight", "c"])
  }
}
