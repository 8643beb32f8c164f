import Bytes

/// MT19937 (Matsumoto and Nishimura 1998): 624 words of 32 bits,
/// x[n+624] = x[n+397] ^ f(top bit of x[n], low 31 bits of x[n+1]), each output a tempered word.
struct MersenneTwister: Sendable {
  static let long = 624
  static let short = 397

  /// The next 624 words, a ring that begins at `at`.
  private var ring: [UInt32]
  private var at = 0

  /// The generator whose next 624 words, untempered, are `words`. The low 31 bits of the first play no part in later words;
  /// they are made what earlier words must have made them.
  init(words: [UInt32]) {
    precondition(words.count == Self.long)
    ring = words
    ring[0] = words[0] & 0x8000_0000 | Self.untwist(words[623] ^ words[396]) & 0x7FFF_FFFF
  }

  /// The next 624 words, untempered.
  var words: [UInt32] { Array(ring[at...] + ring[..<at]) }

  /// The twist of the top bit of `a` and the low 31 bits of `b`.
  @inline(__always)
  static func twist(_ a: UInt32, _ b: UInt32) -> UInt32 {
    (a & 0x8000_0000 | b & 0x7FFF_FFFF) >> 1 ^ (0 &- (b & 1)) & 0x9908_B0DF
  }

  /// What was twisted: its top bit that of the first word, its low 31 bits those of the second.
  @inline(__always)
  static func untwist(_ t: UInt32) -> UInt32 {
    let odd = t >> 31
    return (t ^ (0 &- odd) & 0x9908_B0DF) << 1 | odd
  }

  @inline(__always)
  static func temper(_ word: UInt32) -> UInt32 {
    var y = word
    y ^= y >> 11
    y ^= y << 7 & 0x9D2C_5680
    y ^= y << 15 & 0xEFC6_0000
    return y ^ y >> 18
  }

  /// The word whose output is `output`: each step of tempering undone, the seven-bit shift by repetition.
  @inline(__always)
  static func untemper(_ output: UInt32) -> UInt32 {
    var y = output
    y ^= y >> 18
    y ^= y << 15 & 0xEFC6_0000
    var t = y
    for _ in 0..<4 { t = y ^ t << 7 & 0x9D2C_5680 }
    return t ^ t >> 11 ^ t >> 22
  }

  /// Calls `body` with the next `count` words, untempered.
  @inline(__always)
  mutating func run(_ count: Int, _ body: (UInt32) -> Void) {
    var here = at
    for _ in 0..<count {
      let next = here == Self.long - 1 ? 0 : here + 1
      let tap = here < Self.long - Self.short ? here + Self.short : here + Self.short - Self.long
      let word = ring[here]
      ring[here] = ring[tap] ^ Self.twist(word, ring[next])
      body(word)
      here = next
    }
    at = here
  }

  /// Moves back by `count` words.
  mutating func back(_ count: Int) {
    // The slot before another, and the one 397 words on.
    func before(_ slot: Int) -> Int { slot == 0 ? Self.long &- 1 : slot &- 1 }
    func far(_ slot: Int) -> Int {
      slot < Self.long &- Self.short ? slot &+ Self.short : slot &+ Self.short &- Self.long
    }
    var here = at
    var last = before(here)
    for _ in 0..<count {
      // x[n+623] ^ x[n+396] holds the top bit of x[n-1], x[n+622] ^ x[n+395] its low 31 bits.
      let next = before(last)
      let top = Self.untwist(ring[last] ^ ring[far(last)])
      let low = Self.untwist(ring[next] ^ ring[far(next)])
      here = last
      ring[here] = top & 0x8000_0000 | low & 0x7FFF_FFFF
      last = next
    }
    at = here
  }
}

/// Ids that CPython programs draw with `random.getrandbits`: the OpenTelemetry SDK for Python. 64 bits are two outputs and
/// 128 bits four, the lowest first; a root draws its trace id, then its span id.
public struct PythonIds: IdSequence {
  public static let name = "MT19937 (Python)"
  public static let shape = IdShape(unitBits: 32, highFirst: false, traceIsFirst: true)
  var generator: MersenneTwister

  public mutating func rewind(_ units: Int) { generator.back(units) }

  public mutating func append(_ count: Int, to units: inout Buffer<UInt64>) {
    units.reserve(count)
    generator.run(count) { units.append(UInt64(MersenneTwister.temper($0))) }
  }

  public func state(budget: inout Int) -> [UInt8] { MersenneTwisterState.bytes(generator) }

  public init?(state: ByteView, budget: inout Int) {
    guard let generator = MersenneTwisterState.read(state) else { return nil }
    self.generator = generator
  }

  init(generator: MersenneTwister) { self.generator = generator }

  public static func recover(_ sample: IdSample, budget: inout Int) -> PythonIds? {
    MersenneTwisterRecovery.recover(sample, bytes: false, budget: &budget).map { PythonIds(generator: $0) }
  }
}

/// Ids that Ruby programs draw with `Random.bytes`, four bytes of each output from the lowest up: the OpenTelemetry SDK
/// for Ruby.
public struct RubyIds: IdSequence {
  public static let name = "MT19937 (Ruby)"
  public static let shape = IdShape(unitBits: 32, highFirst: true, traceIsFirst: true)
  var generator: MersenneTwister

  public mutating func rewind(_ units: Int) { generator.back(units) }

  public mutating func append(_ count: Int, to units: inout Buffer<UInt64>) {
    units.reserve(count)
    generator.run(count) { units.append(UInt64(MersenneTwister.temper($0).byteSwapped)) }
  }

  public func state(budget: inout Int) -> [UInt8] { MersenneTwisterState.bytes(generator) }

  public init?(state: ByteView, budget: inout Int) {
    guard let generator = MersenneTwisterState.read(state) else { return nil }
    self.generator = generator
  }

  init(generator: MersenneTwister) { self.generator = generator }

  public static func recover(_ sample: IdSample, budget: inout Int) -> RubyIds? {
    MersenneTwisterRecovery.recover(sample, bytes: true, budget: &budget).map { RubyIds(generator: $0) }
  }
}

/// The state as an archive holds it: the next 624 words, untempered, little-endian.
enum MersenneTwisterState {
  static func bytes(_ generator: MersenneTwister) -> [UInt8] {
    var buffer = Buffer<UInt8>(capacity: 4 * MersenneTwister.long)
    for word in generator.words { buffer.append(integer: word) }
    return buffer.array
  }

  static func read(_ state: ByteView) -> MersenneTwister? {
    guard state.count == 4 * MersenneTwister.long else { return nil }
    return MersenneTwister(words: (0..<MersenneTwister.long).map { state.load(UInt32.self, at: 4 * $0) })
  }
}
