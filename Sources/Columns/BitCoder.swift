import Bytes
import CMachine

/// An adaptive probability that the next bit is 1: 22 bits of probability above 10 bits of count. It moves by 1/(n+1.5)
/// of the error until `n` reaches the caller's limit, so it learns fast when new and stays precise when old
/// (the state map of lpaq, Mahoney 2007; the same estimator as Krichevsky-Trofimov for small n).
public typealias BitModel = UInt32

/// A model that has seen nothing: even odds.
@inlinable public var freshModel: BitModel { @inline(__always) get { 1 << 31 } }

/// Codes bits by adaptive probabilities. The encoder and the decoder both conform, so that a column's model is written
/// once and run in both directions: every `code` takes the value to write and returns the value written; a decoder
/// ignores what it is given and returns what it reads.
public protocol BitCoder: ~Copyable {
  /// Whether values come out of the coder (decoder) instead of going in.
  static var decodes: Bool { get }

  /// One bit (0 or 1) under `model`, which learns it. `limit` bounds the model's memory, at most 1023.
  mutating func code(_ bit: UInt32, _ model: inout BitModel, limit: UInt32) -> UInt32

  /// A symbol below 16 by its frequency.
  mutating func code(_ symbol: Int, by model: Frequencies) -> Int

  /// The same in a range coder of its own: a decoder then need not be done with the symbol before, which takes it longer
  /// than to find this one. For symbols that hang on the one before, as the lower half of a byte does on the upper.
  mutating func codeBeside(_ symbol: Int, by model: Frequencies) -> Int

  /// The low `count` bits of `value`, 0 to 64 of them, as they are.
  mutating func codeRaw(_ value: UInt64, count: Int) -> UInt64

  /// Why and where a decoder gave up, if it did; an encoder never does.
  var failed: Bool { get }

  /// Bytes written or read so far, for statistics.
  var spent: Int { get }

  /// Tells a decoder that its input makes no sense. It returns zeros from here on.
  mutating func fail()
}

@inlinable @inline(__always)
func learn(_ model: inout BitModel, _ bit: UInt32, _ limit: UInt32, _ table: UnsafePointer<UInt32>) {
  let n = model & 1023
  let p = Int64(model >> 10)
  let target: Int64 = bit == 0 ? 0 : (1 << 22) - 1
  let moved = unsafe p + ((target - p) * Int64(table[Int(n)])) >> 16
  model = UInt32(truncatingIfNeeded: moved) << 10 | (n < limit ? n + 1 : n)
}

/// The reciprocal table at a fixed address for the coders' whole life.
@safe @usableFromInline
struct ReciprocalTable: @unchecked Sendable {
  @usableFromInline let base: UnsafePointer<UInt32>
  @usableFromInline static let shared = ReciprocalTable()
  init() {
    let memory = UnsafeMutablePointer<UInt32>.allocate(capacity: 1024)
    for n in 0..<1024 { unsafe memory[n] = UInt32(65536.0 / (Double(n) + 1.5)) }
    unsafe base = UnsafePointer(memory)
  }
}

/// Two range encoders over 64 bits (Martin 1979; carries are added to the bytes already written) beside a plain bit stream
/// for the bits that are random anyway.
@safe
public struct RangeEncoder: BitCoder, ~Copyable {
  /// What one of the two stands at, and the bytes that all numbers in the interval begin with.
  @usableFromInline
  struct Interval: ~Copyable {
    @usableFromInline var low: UInt64 = 0
    @usableFromInline var range: UInt64 = .max
    @usableFromInline var bytes = Buffer<UInt8>(capacity: 1 << 12)

    init() {}

    @inlinable @inline(__always)
    mutating func code(_ symbol: Int, by model: Frequencies) {
      let unit = range >> 15
      let (from, to) = model.interval(symbol)
      advance(unit &* from)
      range = unit &* (to &- from)
      if range < 1 << 32 { shift() }
    }

    @inlinable @inline(__always)
    mutating func advance(_ by: UInt64) {
      let (sum, carries) = low.addingReportingOverflow(by)
      low = sum
      if carries { carry() }
    }

    /// Adds one to the number that the bytes so far are. It never leaves them: the whole interval lies below 1.
    @inlinable @inline(never)
    mutating func carry() {
      var at = bytes.count &- 1
      while at >= 0 {
        bytes[at] &+= 1
        if bytes[at] != 0 { return }
        at &-= 1
      }
    }

    @inlinable @inline(__always)
    mutating func shift() {
      bytes.append(integer: UInt32(truncatingIfNeeded: low >> 32).byteSwapped)
      low <<= 32
      range <<= 32
    }

    mutating func start() {
      bytes.removeAll()
      (low, range) = (0, .max)
    }

    /// Writes what singles out the interval, in as few bytes as will do: where `zerosFollow`, a decoder reads zeros
    /// behind them, and zeros at the end are dropped, up to eight; else it may read anything.
    mutating func finish(zerosFollow: Bool) {
      if bytes.isEmpty, range == .max { return }
      let top = low &+ (range &- 1)
      var keep: UInt64 = 56
      while true {
        let within: UInt64 = (1 << keep) &- 1
        let (above, wraps) = low.addingReportingOverflow(within)
        let value = above & ~within
        if value &- low < range, zerosFollow || top &- value >= within {
          if wraps { carry() }
          low = value
          break
        }
        keep -= 8
      }
      while keep < 64 {
        bytes.append(UInt8(truncatingIfNeeded: low >> 56))
        low <<= 8
        keep += 8
      }
      var dropped = 0
      while zerosFollow, dropped < 8, bytes.count > 0, bytes[bytes.count - 1] == 0 {
        bytes.truncate(to: bytes.count - 1)
        dropped += 1
      }
    }
  }

  @usableFromInline var first = Interval()
  @usableFromInline var beside = Interval()
  @usableFromInline let table: UnsafePointer<UInt32>
  /// Raw bits so far, whole bytes; when finished, behind them the bytes of the second encoder, the last first.
  @usableFromInline var raw = Buffer<UInt8>(capacity: 1 << 12)
  @usableFromInline var bits: UInt64 = 0
  @usableFromInline var bitCount = 0

  @inlinable public static var decodes: Bool { @inline(__always) get { false } }
  @inlinable public var failed: Bool { false }
  @inlinable public var spent: Int { first.bytes.count + beside.bytes.count + raw.count }
  public mutating func fail() {}

  public init() { unsafe table = ReciprocalTable.shared.base }

  @inlinable @inline(__always)
  public mutating func code(_ bit: UInt32, _ model: inout BitModel, limit: UInt32) -> UInt32 {
    let bound = (first.range >> 16) &* UInt64(model >> 16 | 1)
    if bit != 0 {
      first.range = bound
    } else {
      first.advance(bound)
      first.range &-= bound
    }
    unsafe learn(&model, bit, limit, table)
    if first.range < 1 << 32 { first.shift() }
    return bit
  }

  @inlinable @inline(__always)
  public mutating func code(_ symbol: Int, by model: Frequencies) -> Int {
    first.code(symbol, by: model)
    return symbol
  }

  @inlinable @inline(__always)
  public mutating func codeBeside(_ symbol: Int, by model: Frequencies) -> Int {
    beside.code(symbol, by: model)
    return symbol
  }

  @inlinable @inline(__always)
  public mutating func codeRaw(_ value: UInt64, count: Int) -> UInt64 {
    if count > 32 {
      putRaw(value & 0xFFFF_FFFF, 32)
      putRaw(value >> 32, count - 32)
    } else {
      putRaw(value, count)
    }
    return value
  }

  @inlinable @inline(__always)
  mutating func putRaw(_ value: UInt64, _ count: Int) {
    bits |= (value & ((1 &<< UInt64(count)) &- 1)) &<< UInt64(bitCount)
    bitCount &+= count
    if bitCount >= 32 {
      raw.append(integer: UInt32(truncatingIfNeeded: bits))
      bits >>= 32
      bitCount &-= 32
    }
  }

  /// Begins anew, in the memory that has been used.
  public mutating func start() {
    first.start()
    beside.start()
    raw.removeAll()
    (bits, bitCount) = (0, 0)
  }

  /// Writes out what is still held. The coder must not be used for values afterwards, unless it is started again.
  public mutating func finish() {
    first.finish(zerosFollow: true)
    beside.finish(zerosFollow: false)
    while bitCount > 0 {
      raw.append(UInt8(truncatingIfNeeded: bits))
      bits >>= 8
      bitCount -= 8
    }
    bits = 0
    bitCount = 0
    for i in 0..<beside.bytes.count { raw.append(beside.bytes[beside.bytes.count - 1 - i]) }
    beside.start()
  }

  /// What a decoder takes, once finished: the bytes of the first encoder, and those of the bit stream and the second.
  public var coded: ByteView { first.bytes.view }
  public var rest: ByteView { raw.view }
}

/// The mirror of `RangeEncoder`. Reads zeros past the end of the first range coder's bytes: a few, since the encoder drops
/// them; a raw bit that is not there makes it `failed`.
@safe
public struct RangeDecoder: BitCoder, ~Copyable {
  /// What one of the two stands at: the length of the interval, and how far into it the number lies that the bytes are.
  @usableFromInline
  struct Interval {
    @usableFromInline var range: UInt64 = .max
    @usableFromInline var value: UInt64 = 0

    @inlinable init() {}

    @inlinable @inline(__always)
    mutating func code(by model: Frequencies) -> Int {
      let unit = range >> 15
      // An encoder leaves no value that is 32768 units or more; `range` is never below 2^32 here.
      let found = model.symbol(at: UInt16(truncatingIfNeeded: tracezip_quotient(value, unit)))
      let (from, to) = model.interval(found)
      value &-= unit &* from
      range = unit &* (to &- from)
      return found
    }

    @inlinable @inline(__always)
    mutating func shift(_ word: UInt32) {
      range <<= 32
      value = value << 32 | UInt64(word)
    }
  }

  @usableFromInline var first = Interval()
  @usableFromInline var beside = Interval()
  @usableFromInline let table: UnsafePointer<UInt32>
  @usableFromInline let coded: ByteView
  @usableFromInline var at = 0
  /// The bit stream from its beginning on, and from the end back the bytes of the second range coder.
  @usableFromInline let rest: ByteView
  /// The next bit of the bit stream.
  @usableFromInline var rawBit: UInt = 0
  /// Bytes taken from the end of `rest`.
  @usableFromInline var fromEnd = 0

  @inlinable public static var decodes: Bool { @inline(__always) get { true } }
  /// Whether the streams ran out or a model found nonsense.
  public private(set) var failed = false
  public mutating func fail() { failed = true }

  @inlinable public var spent: Int { at + rawBytes + fromEnd }

  /// Bytes of the bit stream that have been begun.
  @inlinable var rawBytes: Int { Int(truncatingIfNeeded: (rawBit &+ 7) &>> 3) }

  /// Both views, `coded` and `rest` of an encoder, must outlive the decoder.
  public init(coded: ByteView, rest: ByteView) {
    unsafe table = ReciprocalTable.shared.base
    self.coded = coded
    self.rest = rest
    first.value = UInt64(nextWord()) << 32
    first.value |= UInt64(nextWord())
    beside.value = UInt64(wordFromEnd()) << 32
    beside.value |= UInt64(wordFromEnd())
  }

  @inlinable @inline(__always)
  mutating func nextWord() -> UInt32 {
    if at &+ 4 <= coded.count {
      at &+= 4
      return coded.load(UInt32.self, at: at &- 4).byteSwapped
    }
    return lastWord()
  }

  @inlinable @inline(never)
  mutating func lastWord() -> UInt32 {
    var word: UInt32 = 0
    for _ in 0..<4 {
      word = word << 8 | (at < coded.count ? UInt32(coded[at]) : 0)
      at &+= 1
    }
    if at > coded.count &+ 16 { fail() }
    return word
  }

  @inlinable @inline(__always)
  mutating func wordFromEnd() -> UInt32 {
    if fromEnd &+ 4 <= rest.count {
      fromEnd &+= 4
      return rest.load(UInt32.self, at: rest.count &- fromEnd)
    }
    return lastWordFromEnd()
  }

  @inlinable @inline(never)
  mutating func lastWordFromEnd() -> UInt32 {
    var word: UInt32 = 0
    for _ in 0..<4 {
      fromEnd &+= 1
      word = word << 8 | (fromEnd <= rest.count ? UInt32(rest[rest.count &- fromEnd]) : 0)
    }
    if fromEnd > rest.count &+ 16 { fail() }
    return word
  }

  @inlinable @inline(__always)
  public mutating func code(_ bit: UInt32, _ model: inout BitModel, limit: UInt32) -> UInt32 {
    let bound = (first.range >> 16) &* UInt64(model >> 16 | 1)
    // 1 lies at the bottom of the interval.
    let out: UInt32
    if first.value < bound {
      first.range = bound
      out = 1
    } else {
      first.value &-= bound
      first.range &-= bound
      out = 0
    }
    unsafe learn(&model, out, limit, table)
    if first.range < 1 << 32 { first.shift(nextWord()) }
    return out
  }

  @inlinable @inline(__always)
  public mutating func code(_ symbol: Int, by model: Frequencies) -> Int {
    let found = first.code(by: model)
    if first.range < 1 << 32 { first.shift(nextWord()) }
    return found
  }

  @inlinable @inline(__always)
  public mutating func codeBeside(_ symbol: Int, by model: Frequencies) -> Int {
    let found = beside.code(by: model)
    if beside.range < 1 << 32 { beside.shift(wordFromEnd()) }
    return found
  }

  @inlinable @inline(__always)
  public mutating func codeRaw(_ value: UInt64, count: Int) -> UInt64 {
    if count > 56 {
      let low = takeRaw(32)
      return low | takeRaw(count - 32) << 32
    }
    return takeRaw(count)
  }

  /// At most 56 bits.
  @inlinable @inline(__always)
  mutating func takeRaw(_ count: Int) -> UInt64 {
    let at = Int(truncatingIfNeeded: rawBit &>> 3)
    let first = rawBit & 7
    rawBit &+= UInt(bitPattern: count)
    let word = at &+ 8 <= rest.count ? rest.load(UInt64.self, at: at) : lastRaw(at)
    return word &>> UInt64(first) & ((1 &<< UInt64(count)) &- 1)
  }

  /// The bytes from `at` on where there are fewer than eight, zeros behind them.
  @usableFromInline @inline(never)
  mutating func lastRaw(_ at: Int) -> UInt64 {
    if rawBytes > rest.count { fail() }
    var word: UInt64 = 0
    for k in 0..<8 where at + k < rest.count { word |= UInt64(rest[at + k]) << UInt64(8 * k) }
    return word
  }
}
