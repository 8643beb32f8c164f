/// The generators the codec knows; raw values are stored in archives.
enum IdFamily: UInt8, CaseIterable, Sendable {
  /// No generator: ids as they are.
  case none = 0
  /// `ThreadLocalRandom` up to JDK 16, and from JDK 17 on.
  case java8 = 1
  case java17 = 2
  /// V8's `Math.random`: 32 bits a draw (Node), 4 or 8 (browsers).
  case node = 3
  case webDigits = 4
  case webBytes = 5
  /// .NET's xoshiro256**, a thread each.
  case dotnet = 6
  /// opentelemetry-cpp's xorshift128+, a thread each.
  case cpp = 7
  /// Go's math/rand as a byte stream, and by 63-bit words.
  case goBytes = 8
  case goWords = 9
  /// MT19937 by 32-bit words, in CPython's order and in Ruby's.
  case python = 10
  case ruby = 11

  var isJava: Bool { self == .java8 || self == .java17 }

  /// The type of a generator that is a sequence.
  var sequence: (any IdSequence.Type)? {
    switch self {
    case .none, .java8, .java17: nil
    case .node: NodeRandom.self
    case .webDigits: WebDigitRandom.self
    case .webBytes: WebByteRandom.self
    case .dotnet: XoshiroStarStar.self
    case .cpp: XorshiftPlus.self
    case .goBytes: GoByteIds.self
    case .goWords: GoWordIds.self
    case .python: PythonIds.self
    case .ruby: RubyIds.self
    }
  }

  var name: String {
    switch self {
    case .none: "none"
    case .java8: "Java ThreadLocalRandom (to JDK 16)"
    case .java17: "Java ThreadLocalRandom (JDK 17 on)"
    default: sequence?.name ?? "unknown"
    }
  }

  /// How ids are made of outputs. Java: units are 64-bit outputs.
  var shape: IdShape {
    sequence?.shape ?? IdShape(unitBits: 64, highFirst: true, traceIsFirst: false)
  }
}
