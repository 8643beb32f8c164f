import Bytes

/// The additive lagged Fibonacci generator of Go's math/rand (Mitchell and Moore 1958, in Knuth, TAOCP 3.2.2):
/// x[n] = x[n-607] + x[n-273] mod 2^64. The law holds as well for the low bits alone, which is all that ids show of a word.
struct LaggedFibonacci: Sendable, Equatable {
  static let long = 607
  static let short = 273

  /// The next 607 words, a ring that begins at `at`.
  private var ring: [UInt64]
  private var at = 0
  /// The bits of a word that are known: 56 or 63 ones.
  let mask: UInt64

  /// The generator whose next 607 outputs are `words`.
  init(words: [UInt64], mask: UInt64) {
    precondition(words.count == Self.long)
    self.mask = mask
    ring = words.map { $0 & mask }
  }

  /// The next 607 outputs.
  var words: [UInt64] { Array(ring[at...] + ring[..<at]) }

  /// Calls `body` with the next `count` words.
  @inline(__always)
  mutating func run(_ count: Int, _ body: (UInt64) -> Void) {
    var left = count
    while left > 0 {
      // Up to where one of the two indices wraps. x[n+607] = x[n+334] + x[n].
      let tap = at < Self.short ? at + Self.long - Self.short : at - Self.short
      let n = min(left, Self.long - at, Self.long - tap)
      for k in 0..<n {
        let word = ring[at &+ k]
        ring[at &+ k] = (word &+ ring[tap &+ k]) & mask
        body(word)
      }
      at += n
      if at == Self.long { at = 0 }
      left -= n
    }
  }

  /// Moves back by `count` words: x[n-1] = x[n+606] - x[n+333].
  mutating func back(_ count: Int) {
    for _ in 0..<count {
      let tap = at <= Self.short ? at + Self.long - Self.short - 1 : at - Self.short - 1
      at = at == 0 ? Self.long - 1 : at - 1
      ring[at] = (ring[at] &- ring[tap]) & mask
    }
  }
}

/// Ids that Go programs cut out of math/rand as bytes: the OpenTelemetry SDK up to 1.35 fills them with `rand.Read`,
/// which hands out the low 56 bits of each word from the lowest byte up. A root reads its trace id, then its span id.
public struct GoByteIds: IdSequence {
  public static let name = "Go math/rand bytes"
  public static let shape = IdShape(unitBits: 64, highFirst: true, traceIsFirst: true)
  static let mask: UInt64 = 1 << 56 - 1

  var generator: LaggedFibonacci
  /// Bytes of the generator's next word that earlier ids took, 0 to 6.
  var taken: Int

  /// The ids that follow when the next 607 words are `words` and `taken` bytes of the first are gone.
  init(words: [UInt64], taken: Int) {
    generator = LaggedFibonacci(words: words, mask: Self.mask)
    self.taken = taken
  }

  public mutating func rewind(_ units: Int) {
    // Eight bytes back are a word and a byte back.
    guard units > 0 else { return }
    let bytes = units * 8 - taken
    let words = (bytes + 6) / 7
    generator.back(words)
    taken = words * 7 - bytes
  }

  public mutating func append(_ count: Int, to units: inout Buffer<UInt64>) {
    guard count > 0 else { return }
    units.reserve(count)
    // Seven units are eight words; the last word begun is left in the generator.
    var held: UInt64 = 0
    var bits: UInt64 = 0
    if taken > 0 {
      generator.run(1) { held = $0 >> UInt64(8 * taken) }
      bits = UInt64(56 - 8 * taken)
    }
    let bytesWanted = count * 8 - Int(bits / 8)
    let words = (bytesWanted + 6) / 7
    var left = count
    generator.run(words) { word in
      let unit = held | word &<< bits
      if bits >= 8 {
        units.append(unit.byteSwapped)
        left -= 1
        bits -= 8
        held = word &>> (56 &- bits)
      } else {
        held = unit
        bits += 56
      }
    }
    taken = words * 7 - bytesWanted
    if taken > 0 {
      // What is held are the last bytes of the word just run.
      taken = 7 - taken
      generator.back(1)
    }
    precondition(left == 0)
  }

  public func state(budget: inout Int) -> [UInt8] {
    if let found = GoSeed.find(before: generator, budget: &budget) {
      return [LaggedFibonacciState.seeded] + found.bytes(offset: UInt64(found.words * 7 + taken))
    }
    return [UInt8(taken)] + LaggedFibonacciState.pack(generator.words, bits: 56)
  }

  public init?(state: ByteView, budget: inout Int) {
    guard let kind = state.isEmpty ? nil : state[0] else { return nil }
    if kind == LaggedFibonacciState.seeded {
      guard let (seed, offset) = GoSeed.read(state.dropFirst(1)),
        let generator = GoSeed.generator(seed, words: offset / 7, mask: Self.mask, budget: &budget)
      else { return nil }
      self.generator = generator
      taken = Int(offset % 7)
    } else {
      guard kind < 7, let words = LaggedFibonacciState.unpack(state.dropFirst(1), bits: 56) else { return nil }
      generator = LaggedFibonacci(words: words, mask: Self.mask)
      taken = Int(kind)
    }
  }
}

/// Ids that are one 63-bit word each, `rand.Int63` or `rand.Uint64` shifted: dd-trace-go, the Jaeger and SignalFx clients. A
/// root's trace id repeats its span id.
public struct GoWordIds: IdSequence {
  public static let name = "Go math/rand words"
  public static let shape = IdShape(unitBits: 64, highFirst: true, traceIsFirst: true, drawsTraces: false)
  static let mask: UInt64 = 1 << 63 - 1

  var generator: LaggedFibonacci

  init(words: [UInt64]) { generator = LaggedFibonacci(words: words, mask: Self.mask) }

  public mutating func rewind(_ units: Int) { generator.back(units) }

  public mutating func append(_ count: Int, to units: inout Buffer<UInt64>) {
    units.reserve(count)
    generator.run(count) { units.append($0) }
  }

  public func state(budget: inout Int) -> [UInt8] {
    if let found = GoSeed.find(before: generator, budget: &budget) {
      return [LaggedFibonacciState.seeded] + found.bytes(offset: UInt64(found.words))
    }
    return [0] + LaggedFibonacciState.pack(generator.words, bits: 63)
  }

  public init?(state: ByteView, budget: inout Int) {
    guard let kind = state.isEmpty ? nil : state[0] else { return nil }
    if kind == LaggedFibonacciState.seeded {
      guard let (seed, offset) = GoSeed.read(state.dropFirst(1)),
        let generator = GoSeed.generator(seed, words: offset, mask: Self.mask, budget: &budget)
      else { return nil }
      self.generator = generator
    } else {
      guard kind == 0, let words = LaggedFibonacciState.unpack(state.dropFirst(1), bits: 63) else { return nil }
      generator = LaggedFibonacci(words: words, mask: Self.mask)
    }
  }
}

/// The state as an archive holds it. First byte: `seeded`, or how many bytes of the first word are gone. Then seed
/// (4 bytes, little-endian) and a varint, how far the generator has come from there (bytes or words, as ids take them);
/// or the next 607 words, 56 or 63 bits each, packed from the lowest bit up.
enum LaggedFibonacciState {
  static let seeded: UInt8 = 7

  static func pack(_ words: [UInt64], bits: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity((words.count * bits + 7) / 8)
    var held: UInt64 = 0
    var count = 0
    for word in words {
      for (value, width) in [(word & 0xFFFF_FFFF, 32), (word >> 32, bits - 32)] {
        held |= value << UInt64(count)
        count += width
        while count >= 8 {
          bytes.append(UInt8(truncatingIfNeeded: held))
          held >>= 8
          count -= 8
        }
      }
    }
    if count > 0 { bytes.append(UInt8(truncatingIfNeeded: held)) }
    return bytes
  }

  static func unpack(_ bytes: ByteView, bits: Int) -> [UInt64]? {
    guard bytes.count == (LaggedFibonacci.long * bits + 7) / 8 else { return nil }
    var at = 0
    var held: UInt64 = 0
    var count = 0
    func take(_ width: Int) -> UInt64 {
      while count < width {
        held |= UInt64(bytes[at]) << UInt64(count)
        at += 1
        count += 8
      }
      let value = held & (1 << UInt64(width) - 1)
      held >>= UInt64(width)
      count -= width
      return value
    }
    var words: [UInt64] = []
    words.reserveCapacity(LaggedFibonacci.long)
    for _ in 0..<LaggedFibonacci.long {
      let low = take(32)
      words.append(low | take(bits - 32) << 32)
    }
    return words
  }
}
