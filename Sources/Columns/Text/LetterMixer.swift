import Bytes

/// Predicts text bit by bit: each of seven contexts and a match gives a probability, and a small network learns whom to
/// believe (logistic mixing; Mahoney, "Adaptive Weighing of Context Models", 2005, and lpaq, 2007).
///
/// All arithmetic is in integers of 32 bits, eight at a time where it can be, so that every machine decodes alike. Long
/// matches never come here: `MatchMixer` has taken them.
struct LetterMixer: ~Copyable {
  /// In rising order of length; the match is the eighth input.
  static var contexts: Int { 7 }

  /// One table per context, of lines of sixteen: a check of the hash, then chances under the bits of a nibble so far.
  private var table: Buffer<UInt32>
  /// Two sets of weights with 14 fractional bits, whose results are averaged: by the longest context that has been seen,
  /// or how long the match is, and by the bits of the byte so far; and by the byte before and the half of the byte.
  private var weights = Buffer(repeating: equal, count: (contexts + 1 + 2) * 256)
  private var otherWeights = Buffer(repeating: equal, count: 256 * 2)
  /// How often the match was right, by its length and the bit it expects.
  private var matches = Buffer<UInt32>(repeating: Chances.fresh, count: MatchMixer.least * 2)
  /// The last correction: the mixed probability as it turned out, by the bits so far.
  private var corrections = Buffer<UInt16>(repeating: 0, count: 256 * 33)
  private var hashes = SIMD8<UInt32>.zero
  /// Where the contexts' tables begin, and which bits of a hash tell a line in them.
  private let tables: SIMD8<UInt32>
  private let mask: UInt32
  private let logistic = Logistic.shared
  private let chances = Chances.shared

  private static var equal: SIMD8<Int32> { SIMD8(repeating: 3250) }

  /// Each context has `1 << tableBits` places, 14 to 24.
  init(tableBits: Int) {
    table = Buffer(repeating: 0, count: Self.contexts << tableBits)
    mask = 1 << UInt32(tableBits) - 16
    tables = SIMD8(0, 1, 2, 3, 4, 5, 6, 7) &<< UInt32(tableBits)
    for k in 0..<256 * 33 { corrections[k] = UInt16(truncatingIfNeeded: logistic.squash((k % 33 - 16) * 128) * 16) }
  }

  /// Sets context `k` for the next byte.
  @inline(__always)
  mutating func set(_ k: Int, _ hash: UInt32) { hashes[k] = hash }

  /// Sets contexts 0 to 3 and 5 to the newest one to four, and six, bytes of `before` (the newest lowest).
  @inline(__always)
  mutating func setNewest(_ before: UInt64) {
    for k in 0..<4 { set(k, newest: k &+ 1, of: before) }
    set(5, newest: 6, of: before)
  }

  @inline(__always)
  private mutating func set(_ k: Int, newest count: Int, of before: UInt64) {
    let seen = before & (1 << UInt64(count &* 8) &- 1)
    let product = (seen &+ UInt64(count) << 56) &* 0x9FB2_1C65_1E98_DF25
    set(k, UInt32(truncatingIfNeeded: product >> 32))
  }

  /// Codes one byte in the contexts set, `last` being the one before. A match may expect a byte: `expected`, after
  /// `length` right ones, fewer than `MatchMixer.least`.
  ///
  /// Why it is sound: `lines` are below the table's size less 16 and `offset` below 16; `node` is below 256 and `longest`
  /// at most 9, which is what `weights` and `corrections` were made for; `stretch` and `squash` take what 12 bits or the
  /// clamp before them allow. No sum overflows: inputs are at most 2047 and weights `1 << 17`.
  mutating func code<C: BitCoder & ~Copyable>(
    _ byte: UInt8, last: UInt8, expected: UInt8 = 0, length: Int = 0, _ coder: inout C
  ) -> UInt8 {
    let table = unsafe self.table.pointer
    let corrections = unsafe self.corrections.pointer
    let weights = unsafe self.weights.pointer
    var node = 1
    var matching = length
    for half in 0..<2 {
      if half == 1 {
        // The second half of the byte has a line of its own, found from the first half.
        let spread = (hashes &+ UInt32(truncatingIfNeeded: node)) &* 0x2F0B_4C47
        hashes = spread ^ spread &>> 15
      }
      let lines = tables &+ hashes & mask
      let checks = hashes &>> 16 | 1 << UInt32(16 &+ half)
      var seen = 0
      for k in 0..<Self.contexts {
        let place = unsafe table + Int(lines[k])
        if unsafe place[0] != checks[k] {
          unsafe place.update(repeating: Chances.fresh, count: 16)
          unsafe place[0] = checks[k]
        } else if unsafe place[1] & 0xFFFF != 0 {
          seen = k &+ 1
        }
      }
      let other = unsafe self.otherWeights.pointer + (Int(last) &* 2 &+ half)
      var offset = 1
      for step in 0..<4 {
        var inputs = SIMD8<Int32>.zero
        for k in 0..<Self.contexts {
          inputs[k] = unsafe logistic.stretch(Int(table[Int(lines[k]) &+ offset] >> 20))
        }
        let shift = UInt8(truncatingIfNeeded: 7 &- 4 &* half &- step)
        let wanted = UInt32(expected >> shift) & 1
        let matchPlace = matching &* 2 &+ Int(wanted)
        var longest = seen
        if matching > 0 {
          inputs[7] = logistic.stretch(Int(matches[matchPlace] >> 20))
          if matching > 7 { longest = Self.contexts &+ (matching > 14 ? 2 : 1) }
        }
        let set = unsafe weights + (longest &* 256 &+ node)
        let first = unsafe min(max(Int(Mixing.sum(inputs &* set[0]) >> 14), -2047), 2047)
        let second = unsafe min(max(Int(Mixing.sum(inputs &* other[0]) >> 14), -2047), 2047)
        let mixed = (first &+ second) >> 1
        let cell = node &* 33 &+ (mixed &+ 2048) >> 7
        let part = (mixed &+ 2048) & 127
        let corrected = unsafe (Int(corrections[cell]) &* (128 &- part) &+ Int(corrections[cell &+ 1]) &* part) >> 7
        // Of 16 bits from here on.
        let final = min(max((logistic.squash(mixed) &* 16 &+ corrected) >> 1, 12), 65523)
        var model = UInt32(truncatingIfNeeded: final) << 16
        let bit = coder.code(UInt32(byte >> shift) & 1, &model, limit: 0)
        let target: Int32 = bit == 0 ? 0 : 65535
        let near = part > 63 ? cell &+ 1 : cell
        unsafe corrections[near] = UInt16(
          truncatingIfNeeded: Int(corrections[near]) &+ (Int(target) &- Int(corrections[near])) >> 6)
        unsafe set[0] = Mixing.taught(set[0], inputs, bit, logistic.squash(first), rate: Self.rate)
        unsafe other[0] = Mixing.taught(other[0], inputs, bit, logistic.squash(second), rate: Self.rate)
        for k in 0..<Self.contexts {
          let place = Int(lines[k]) &+ offset
          unsafe table[place] = chances.taught(table[place], target)
        }
        if matching > 0 {
          matches[matchPlace] = chances.taught(matches[matchPlace], target)
          if bit != wanted { matching = 0 }
        }
        node = node << 1 | Int(bit)
        offset = offset << 1 | Int(bit)
      }
    }
    return UInt8(truncatingIfNeeded: node)
  }

  private static var rate: Int32 { 28 }
}
