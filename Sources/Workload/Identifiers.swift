/// Where one process draws its ids from. `lane` is the thread that starts the span.
public protocol IdentifierSource: Sendable {
  /// The ids of a root span, drawn in the order of the SDK.
  mutating func root(lane: Int) -> (trace: Model.TraceId, span: UInt64)
  mutating func child(lane: Int) -> UInt64
}

/// The language of a service's SDK, which decides the generator and the grain of its clock.
public enum SDKLanguage: String, Sendable, CaseIterable {
  case java, nodejs, go, python, dotnet, cpp, rust, webjs, php

  /// Nanoseconds between two readings that differ.
  var tick: UInt64 {
    switch self {
    case .dotnet: 100
    case .php, .webjs: 1_000
    case .nodejs: 1_000
    default: 1
    }
  }
}

/// Ids without any structure, as Go since 1.36, Rust and PHP draw them.
public struct RandomIdentifiers: IdentifierSource {
  var random: SeededRandom
  public init(seed: UInt64) { random = SeededRandom(seed: seed) }
  public mutating func root(lane: Int) -> (trace: Model.TraceId, span: UInt64) {
    (Model.TraceId(high: random.next(), low: random.next()), random.next())
  }
  public mutating func child(lane: Int) -> UInt64 { random.next() }
}

/// Java's ThreadLocalRandom: `mix64` of one seed per thread. Up to JDK 16 the seed steps by a constant; later by the
/// constant plus twice the thread's number (JDK source, ThreadLocalRandom.nextSeed).
public struct JavaIdentifiers: IdentifierSource {
  var seeds: [UInt64]
  let perThread: Bool

  public init(seed: UInt64, threads: Int = 16, steppingByThread: Bool = true) {
    perThread = steppingByThread
    seeds = (0..<threads).map { Self.mix(seed &+ UInt64($0) &* 0xBB67_AE85_84CA_A73B) }
  }

  static func mix(_ seed: UInt64) -> UInt64 {
    var z = (seed ^ seed >> 33) &* 0xFF51_AFD7_ED55_8CCD
    z = (z ^ z >> 33) &* 0xC4CE_B9FE_1A85_EC53
    return z ^ z >> 33
  }

  mutating func draw(_ lane: Int) -> UInt64 {
    let thread = lane % seeds.count
    // Application threads of a JVM start some way behind its own: 30 is as good as any.
    seeds[thread] &+= 0x9E37_79B9_7F4A_7C15 &+ (perThread ? UInt64(30 + thread) * 2 : 0)
    return Self.mix(seeds[thread])
  }

  public mutating func root(lane: Int) -> (trace: Model.TraceId, span: UInt64) {
    let span = draw(lane)
    let high = draw(lane)
    return (Model.TraceId(high: high, low: draw(lane)), span)
  }
  public mutating func child(lane: Int) -> UInt64 { draw(lane) }
}

/// Node's `Math.random`: V8's xorshift128+, of which a number is the upper half of the first word, handed out in
/// blocks of 64 from the last to the first (v8/src/base/utils/random-number-generator.h, math-random.cc).
public struct NodeIdentifiers: IdentifierSource {
  var first: UInt64
  var second: UInt64
  var block: [UInt32] = []

  public init(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    first = random.next()
    second = random.next()
  }

  mutating func draw() -> UInt64 {
    if block.isEmpty {
      for _ in 0..<64 {
        var s1 = first
        let s0 = second
        first = s0
        s1 ^= s1 << 23
        s1 ^= s1 >> 17
        s1 ^= s0
        s1 ^= s0 >> 26
        second = s1
        block.append(UInt32(truncatingIfNeeded: first >> 32))
      }
    }
    return UInt64(block.removeLast())
  }
  mutating func draw64() -> UInt64 {
    let high = draw()
    return high << 32 | draw()
  }

  public mutating func root(lane: Int) -> (trace: Model.TraceId, span: UInt64) {
    let span = draw64()
    let high = draw64()
    return (Model.TraceId(high: high, low: draw64()), span)
  }
  public mutating func child(lane: Int) -> UInt64 { draw64() }
}

/// CPython's `random.getrandbits`: MT19937 (Matsumoto and Nishimura, 1998), least significant word first.
public struct PythonIdentifiers: IdentifierSource {
  var state: [UInt32]
  var position = 624

  public init(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    state = (0..<624).map { _ in UInt32(truncatingIfNeeded: random.next()) }
  }

  mutating func draw() -> UInt32 {
    if position == 624 {
      for i in 0..<624 {
        let y = (state[i] & 0x8000_0000) | (state[(i + 1) % 624] & 0x7FFF_FFFF)
        state[i] = state[(i + 397) % 624] ^ y >> 1 ^ (y & 1 == 1 ? 0x9908_B0DF : 0)
      }
      position = 0
    }
    var y = state[position]
    position += 1
    y ^= y >> 11
    y ^= y << 7 & 0x9D2C_5680
    y ^= y << 15 & 0xEFC6_0000
    return y ^ y >> 18
  }
  mutating func draw64() -> UInt64 {
    let low = UInt64(draw())
    return UInt64(draw()) << 32 | low
  }

  public mutating func root(lane: Int) -> (trace: Model.TraceId, span: UInt64) {
    let low = draw64()
    let trace = Model.TraceId(high: draw64(), low: low)
    return (trace, draw64())
  }
  public mutating func child(lane: Int) -> UInt64 { draw64() }
}

/// .NET's RandomNumberGenerator of System.Diagnostics: one xoshiro256** per thread, its words written little-endian.
public struct DotnetIdentifiers: IdentifierSource {
  var lanes: [SeededRandom]
  public init(seed: UInt64, threads: Int = 8) {
    lanes = (0..<threads).map { SeededRandom(seed: seed &+ UInt64($0)) }
  }
  mutating func draw(_ lane: Int) -> UInt64 { lanes[lane % lanes.count].next().byteSwapped }
  public mutating func root(lane: Int) -> (trace: Model.TraceId, span: UInt64) {
    let high = draw(lane)
    let trace = Model.TraceId(high: high, low: draw(lane))
    return (trace, draw(lane))
  }
  public mutating func child(lane: Int) -> UInt64 { draw(lane) }
}

/// How the generator gets the ids of a process.
public enum Identifiers: Sendable {
  /// Without structure, in every process.
  case random
  /// As the SDK of the process's language draws them.
  case native
  /// From a generator of the caller's.
  case custom(@Sendable (_ language: SDKLanguage, _ seed: UInt64) -> any IdentifierSource)

  func source(_ language: SDKLanguage, seed: UInt64) -> any IdentifierSource {
    switch self {
    case .random: return RandomIdentifiers(seed: seed)
    case .custom(let make): return make(language, seed)
    case .native:
      switch language {
      case .java: return JavaIdentifiers(seed: seed)
      case .nodejs: return NodeIdentifiers(seed: seed)
      case .python: return PythonIdentifiers(seed: seed)
      case .dotnet: return DotnetIdentifiers(seed: seed)
      case .go, .cpp, .rust, .webjs, .php: return RandomIdentifiers(seed: seed)
      }
    }
  }
}
