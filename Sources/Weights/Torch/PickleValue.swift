/// What a pickle's machine has on its stack. Containers are handles into the machine's table: nothing owns another, so a
/// structure that contains itself, or is a million levels deep, costs what its opcodes cost and no recursion.
enum PickleValue {
  case none
  case bool(Bool)
  case integer(Int)
  /// A whole number beyond 64 bits, little-endian.
  case large([UInt8])
  case number(Double)
  case string(String)
  case bytes([UInt8])
  case global(PickleGlobal)
  case node(Int)

  var integer: Int? { if case .integer(let value) = self { value } else { nil } }
  var string: String? { if case .string(let value) = self { value } else { nil } }
}

/// What a handle stands for.
enum PickleNode {
  case tuple([PickleValue])
  /// Lists and sets.
  case list([PickleValue])
  case dictionary([(key: PickleValue, value: PickleValue)])
  case storage(PickleStorage)
  case tensor(PickleTensor)
  /// An instance of a class that was never loaded: its name, and the state it would have been given.
  case inert(name: String, state: PickleValue)
}

/// Numbers that tensors share, by the key under which the file holds them.
struct PickleStorage {
  var type: ElementType
  var key: String
  /// Elements.
  var count: Int
}

/// A view of a storage; offset and strides in elements.
struct PickleTensor {
  var storage: PickleStorage
  var offset: Int
  var shape, strides: [Int]
}

/// A name that a pickle may mention, and what this reader makes of it. No name is ever looked up or called.
enum PickleGlobal: Equatable {
  case orderedDict
  case rebuildTensor, rebuildTensorV3, rebuildParameter
  case storage(ElementType)
  /// A storage of bytes, whose tensors bring their own type.
  case untypedStorage
  case type(ElementType)
  case encode
  case list, dictionary, tuple
  /// A class or function of which only the name is kept.
  case inert(String)

  /// - Returns: nil for every name that is not on the list.
  init?(module: String, name: String) {
    let full = "\(module).\(name)"
    if let known = Self.known[full] {
      self = known
    } else if Self.inertNames.contains(full)
      || Self.inertModules.contains(where: { module == $0 || module.hasPrefix($0 + ".") }) && Self.isPlain(name)
    {
      self = .inert(full)
    } else {
      return nil
    }
  }

  /// One identifier: dotted names walk attributes.
  private static func isPlain(_ name: String) -> Bool {
    !name.isEmpty && !name.hasPrefix("__")
      && name.utf8.allSatisfy { $0 == 0x5f || (0x30...0x7a).contains($0) && $0 != 0x2e }
  }

  private static let known: [String: PickleGlobal] = {
    var known: [String: PickleGlobal] = [
      "collections.OrderedDict": .orderedDict,
      "torch._utils._rebuild_tensor": .rebuildTensor,
      "torch._utils._rebuild_tensor_v2": .rebuildTensor,
      "torch._utils._rebuild_tensor_v3": .rebuildTensorV3,
      "torch._utils._rebuild_parameter": .rebuildParameter,
      "torch._utils._rebuild_parameter_with_state": .rebuildParameter,
      "torch.storage.UntypedStorage": .untypedStorage,
      "_codecs.encode": .encode,
    ]
    let storages: [(String, ElementType)] = [
      ("Double", .f64), ("Float", .f32), ("Half", .f16), ("BFloat16", .bf16), ("Long", .i64), ("Int", .i32),
      ("Short", .i16), ("Char", .i8), ("Byte", .u8), ("Bool", .bool),
    ]
    for (name, type) in storages { known["torch.\(name)Storage"] = .storage(type) }
    let types: [(String, ElementType)] = [
      ("float64", .f64), ("float32", .f32), ("float16", .f16), ("bfloat16", .bf16), ("int64", .i64), ("int32", .i32),
      ("int16", .i16), ("int8", .i8), ("uint8", .u8), ("bool", .bool), ("uint16", .u16), ("uint32", .u32),
      ("uint64", .u64), ("float8_e4m3fn", .f8e4m3), ("float8_e5m2", .f8e5m2),
    ]
    for (name, type) in types { known["torch.\(name)"] = .type(type) }
    for module in ["builtins", "__builtin__"] {
      known["\(module).list"] = .list
      known["\(module).dict"] = .dictionary
      known["\(module).tuple"] = .tuple
      known["\(module).set"] = .list
      known["\(module).frozenset"] = .list
    }
    return known
  }()

  /// What trainers leave behind beside the weights.
  private static let inertNames: Set<String> = [
    "argparse.Namespace", "collections.defaultdict", "collections.Counter", "torch.Size", "torch.device",
    "torch.nn.modules.container.ParameterDict", "torch.nn.parameter.Parameter", "numpy.dtype", "numpy.ndarray",
    "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct", "builtins.int", "builtins.float", "builtins.str", "builtins.bool",
    "builtins.complex", "__builtin__.long", "builtins.bytearray", "builtins.object", "__builtin__.int",
    "__builtin__.float",
    "__builtin__.str", "__builtin__.bool", "__builtin__.object", "copyreg._reconstructor", "copy_reg._reconstructor",
    "pathlib.PosixPath", "pathlib.WindowsPath", "datetime.datetime", "datetime.timedelta", "typing.Any",
  ]

  private static let inertModules = ["pytorch_lightning", "lightning", "omegaconf"]
}
