import Bytes

/// The adaptive probabilities of a segment: one flat table that only grows. Codecs allocate runs of models and keep the
/// base; both directions allocate in the same order, so a base means the same to encoder and decoder.
@safe
public struct Models: ~Copyable {
  public var states = Buffer<BitModel>(capacity: 1 << 14)
  @usableFromInline let nibbles: NibbleTables

  /// Model 0 is never used, so that 0 can mean "none yet".
  public init() {
    nibbles = NibbleTables.shared
    states.append(freshModel)
  }

  /// `count` fresh models; the index of the first.
  @inlinable
  public mutating func allocate(_ count: Int) -> Int {
    let base = states.count
    states.append(repeating: freshModel, count: count)
    return base
  }

  /// Makes the fresh nibble models at `base` expect the first `n` symbols, 1 or 4, rather than any other.
  public mutating func expectFirst(_ n: Int, at base: Int) {
    var table = SIMD16<UInt16>.zero
    let rare = 300
    let common = (32768 - (16 - n) * rare) / n
    for k in 1..<16 { table[k] = UInt16(k <= n ? k * common : n * common + (k - n) * rare) }
    let model = states.frequencies(at: base)
    model.starts.all = table
    model.begin(note: 1)
  }

  /// Copies `n` sets of nibble models.
  public mutating func copyNibbles(_ n: Int, from: Int, to: Int) {
    for k in 0..<n * ModelSize.nibble { states[to + k] = states[from + k] }
  }

  /// A copy of the `codeSigned` models at `from` that knows what they know but is quick to change.
  @inline(never)
  public mutating func copySigned(_ from: Int) -> Int {
    let base = states.count
    states.append(copyOf: from, count: ModelSize.signed)
    for k in 0..<ModelSize.number / ModelSize.nibble {
      let at = base + k * ModelSize.nibble
      let model = states.frequencies(at: at)
      if model.note != NibbleTables.fresh { model.note = min(model.note, 10) }
    }
    return base
  }
}

/// Shapes of the number codes: how many models each takes. Computed, since a stored constant of another module is a call
/// wherever it is read.
public enum ModelSize {
  /// `codeNibble`.
  @inlinable public static var nibble: Int { @inline(__always) get { Frequencies.elements } }
  /// `codeNumber`: a nibble for the upper half of the bucket, and one for the lower under each of those.
  @inlinable public static var number: Int { @inline(__always) get { 17 &* nibble } }
  /// `codeSigned`: the same.
  @inlinable public static var signed: Int { @inline(__always) get { number } }
  /// `codeTree` of `bits` bits.
  @inlinable public static func tree(_ bits: Int) -> Int { 1 << bits }
}

extension BitCoder where Self: ~Copyable {
  /// A bit in the models at `index`.
  @inlinable @inline(__always)
  public mutating func codeBit(_ bit: Bool, _ models: inout Models, _ index: Int, limit: UInt32 = 255) -> Bool {
    code(bit ? 1 : 0, &models.states[index], limit: limit) != 0
  }

  /// A symbol below `1 << bits`, most significant bit first, each under the bits before it.
  @inlinable @inline(__always)
  public mutating func codeTree(
    _ symbol: Int, bits: Int, _ models: inout Models, _ base: Int, limit: UInt32 = 255
  ) -> Int {
    var node = 1
    var shift = bits
    while shift > 0 {
      shift &-= 1
      let bit = code(UInt32(truncatingIfNeeded: symbol &>> shift) & 1, &models.states[base &+ node], limit: limit)
      node = node << 1 | Int(bit)
    }
    return node &- (1 << bits)
  }

  /// A symbol below 16 by adaptive frequencies, which take `ModelSize.nibble` models at `base`. A code of its own kind
  /// because it takes one step where a tree of bits takes four.
  ///
  /// The frequencies move towards the symbol by a share that falls from a half to 1/128 (the adaptation of AV1, Chen et
  /// al. 2018); none falls below `NibbleTables.floor` of 32768.
  @inlinable @inline(__always)
  public mutating func codeNibble(
    _ symbol: Int, _ models: inout Models, _ base: Int, beside: Bool = false
  ) -> Int {
    // The note counts the symbols.
    let model = models.states.frequencies(at: base)
    if model.note == NibbleTables.fresh { NibbleTables.begin(model) }
    let found = beside ? codeBeside(symbol, by: model) : code(symbol, by: model)
    models.nibbles.learn(found, model)
    return found
  }

  /// A symbol below 256 in two nibbles, the upper half first, the lower under it and beside. Takes `ModelSize.number`
  /// models at `base`.
  @inlinable @inline(__always)
  mutating func codeBucket(_ bucket: Int, _ models: inout Models, _ base: Int) -> Int {
    let upper = codeNibble(bucket >> 4, &models, base)
    let lower = codeNibble(bucket & 15, &models, base &+ (upper &+ 1) &* ModelSize.nibble, beside: true)
    return upper &<< 4 | lower
  }

  /// An unsigned number of up to 64 bits: its bucket, then raw bits. Numbers below 16 are buckets of their own; above, a
  /// bucket is a bit length and the two bits below the leading one. Takes `ModelSize.number` models at `base`.
  @inlinable @inline(__always)
  public mutating func codeNumber(_ value: UInt64, _ models: inout Models, _ base: Int) -> UInt64 {
    var bucket = Int(truncatingIfNeeded: value)
    if !Self.decodes, value >= 16 {
      let length = 64 &- value.leadingZeroBitCount
      bucket = 16 &+ (length &- 5) &* 4 &+ Int(truncatingIfNeeded: value &>> UInt64(length &- 3)) & 3
    }
    bucket = codeBucket(bucket, &models, base)
    if bucket < 16 { return UInt64(truncatingIfNeeded: bucket) }
    bucket &-= 16
    let below = bucket >> 2 &+ 2
    let rest = codeRaw(value, count: below) & ((1 &<< UInt64(below)) &- 1)
    return UInt64(truncatingIfNeeded: 4 | bucket & 3) &<< UInt64(below) | rest
  }

  /// A signed number: its bucket, then raw bits. The first 15 buckets are 0, 1, -1, 2, ... -7; then comes `Int64.min`, and
  /// above a bucket is a bit length, the bit below the leading one, and the sign. Takes `ModelSize.signed` models at `base`.
  @inlinable @inline(__always)
  public mutating func codeSigned(_ value: Int64, _ models: inout Models, _ base: Int) -> Int64 {
    let magnitude = value.magnitude
    let isNegative: UInt64 = value < 0 ? 1 : 0
    var bucket = Int(truncatingIfNeeded: magnitude &* 2 &- (magnitude == 0 ? 0 : 1 &- isNegative))
    if !Self.decodes, magnitude >= 8 {
      let length = 64 &- magnitude.leadingZeroBitCount
      bucket =
        length == 64
        ? 15 : length &* 4 &+ Int(truncatingIfNeeded: magnitude &>> UInt64(length &- 2) & 1 &* 2 &+ isNegative)
    }
    bucket = codeBucket(bucket, &models, base)
    if bucket < 16 {
      if bucket == 15 { return .min }
      let half = Int64(truncatingIfNeeded: bucket &+ 1) >> 1
      return bucket & 1 == 0 ? 0 &- half : half
    }
    let below = bucket >> 2 &- 2
    let rest = codeRaw(magnitude, count: below) & ((1 &<< UInt64(below)) &- 1)
    let size = UInt64(truncatingIfNeeded: 2 | bucket >> 1 & 1) &<< UInt64(below) | rest
    let sign = 0 &- UInt64(truncatingIfNeeded: bucket & 1)
    return Int64(bitPattern: (size ^ sign) &- sign)
  }
}
