import Bytes

/// Whether a long match goes on: one decision for a whole byte, by a few chances mixed as in `LetterMixer`. Most text of
/// traces repeats, so most bytes take this short way, and are foreseen better than bit by bit.
struct MatchMixer: ~Copyable {
  /// Bytes a match must have been right for.
  static var least: Int { 16 }

  private static var tableBits: Int { 14 }
  /// One table per context, of chances.
  private var table = Buffer<UInt32>(repeating: Chances.fresh, count: 5 << tableBits)
  /// 14 fractional bits; lanes 5 to 7 are not used.
  private var weights = SIMD8<Int32>(repeating: 5000)
  private let logistic = Logistic.shared
  private let chances = Chances.shared

  /// Codes whether `expected` comes after `length` right bytes (`least` and more), in a text whose newest bytes are
  /// `before` (the newest lowest), with `word` and `path` as `MixedModel` has them.
  mutating func code<C: BitCoder & ~Copyable>(
    _ isRight: Bool, expected: UInt8, length: Int, before: UInt64, word: UInt32, path: UInt32, _ coder: inout C
  ) -> Bool {
    let byte = UInt32(expected)
    let places = (
      Self.place(0, UInt32(truncatingIfNeeded: Self.lengthClass(length)) << 18),
      Self.place(1, mix(path ^ byte, 0x9E37_79B1)),
      Self.place(2, mix(UInt32(truncatingIfNeeded: before & 0xFF_FFFF) ^ byte &* 0x100_0193, 0x85EB_CA6B)),
      Self.place(
        3, mix(UInt32(truncatingIfNeeded: before & 0xFFFF) ^ byte << 16 ^ UInt32(min(length, 40)) << 24, 0xC2B2_AE35)),
      Self.place(4, mix(word ^ byte, 0x27D4_EB2F))
    )
    var inputs = SIMD8<Int32>.zero
    inputs[0] = logistic.stretch(Int(table[places.0] >> 20))
    inputs[1] = logistic.stretch(Int(table[places.1] >> 20))
    inputs[2] = logistic.stretch(Int(table[places.2] >> 20))
    inputs[3] = logistic.stretch(Int(table[places.3] >> 20))
    inputs[4] = logistic.stretch(Int(table[places.4] >> 20))
    let p = logistic.squash(Int(Mixing.sum(inputs &* weights) >> 14))
    var model = UInt32(truncatingIfNeeded: min(max(p &* 16, 12), 65523)) << 16
    let bit = coder.code(isRight ? 1 : 0, &model, limit: 0)
    weights = Mixing.taught(weights, inputs, bit, p, rate: 8)
    let target: Int32 = bit == 0 ? 0 : 65535
    table[places.0] = chances.taught(table[places.0], target)
    table[places.1] = chances.taught(table[places.1], target)
    table[places.2] = chances.taught(table[places.2], target)
    table[places.3] = chances.taught(table[places.3], target)
    table[places.4] = chances.taught(table[places.4], target)
    return bit != 0
  }

  @inline(__always)
  private static func place(_ context: Int, _ hash: UInt32) -> Int {
    context << tableBits | Int(hash >> UInt32(32 &- tableBits))
  }

  private static func lengthClass(_ length: Int) -> Int {
    length < 24 ? length &- 16 : length < 48 ? 8 &+ (length &- 24) >> 2 : length < 128 ? 14 : length < 512 ? 15 : 16
  }
}
