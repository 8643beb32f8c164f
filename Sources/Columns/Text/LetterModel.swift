import Bytes

/// Letters of new words, bit by bit: three contexts (the last one and two letters, and the word so far) each give a
/// probability, and a small network learns whom to believe (logistic mixing; Mahoney, "Adaptive Weighing of Context
/// Models", 2005). `LetterMixer` without what costs it most time.
///
/// A letter is two trees of four bits, the second under the first. All contexts share one table without checks, large
/// enough that a context's count mostly tells whether it was ever met. Integers only, so that every machine decodes
/// alike.
struct LetterModel: ~Copyable {
  /// Probabilities as `BitModel` has them, in lines of sixteen; made with the first letter, since where the slow model has
  /// the text there is none.
  private var table = Buffer<BitModel>()
  /// Three weights, of 16 fractional bits, for each of: the longest context that was seen, and the bit of the letter; a
  /// fourth is not used.
  private var weights = Buffer<Int32>(repeating: 36_000, count: 4 * 8 * 4)
  /// For each count: what share of an error a probability moves by, of 16 fractional bits, and above them whether the
  /// count goes on.
  private var steps = Buffer<UInt32>(capacity: 64)
  private let logistic = Logistic.shared

  private static let limit = 60

  init() {
    for n in 0..<64 {
      steps.append((n == 0 ? 52_000 : UInt32(655_360 / (10 * n + 15))) | (n < Self.limit ? 1 << 16 : 0))
    }
  }

  /// Codes one letter behind `before` (the newest letter lowest) in the word that `word` hashes so far.
  mutating func code<C: BitCoder & ~Copyable>(
    _ byte: UInt8, after before: UInt64, word: UInt32, _ coder: inout C
  ) -> UInt8 {
    if table.isEmpty { table.append(repeating: freshModel, count: 1 << 17) }
    var lines = (
      Self.hash(before & 0xFF, 1), Self.hash(before & 0xFFFF, 2), Self.hash(UInt64(word), 4)
    )
    let high = codeNibble(UInt32(byte >> 4), lines, 0, &coder)
    let spread = UInt64(high &+ 1) &* 0x9E37_79B9_7F4A_7C15
    lines = (lines.0 ^ spread, lines.1 ^ spread, lines.2 ^ spread)
    let low = codeNibble(UInt32(byte & 15), lines, 4, &coder)
    return UInt8(truncatingIfNeeded: high << 4 | low)
  }

  @inline(__always)
  private static func hash(_ letters: UInt64, _ order: UInt64) -> UInt64 {
    let product = (letters &+ order << 56) &* 0x9FB2_1C65_1E98_DF25
    return product ^ product >> 32
  }

  /// Why it is sound: `code` has made the table, lines begin at multiples of 16 below its size, which is a power of two,
  /// and `node` is below 16; `longest` is at most 3 and `bit` at most 7, which is what `weights` was made for; the logistic
  /// takes what 12 bits or the clamp before it allow; counts index `steps` below their limit.
  @inline(__always)
  private mutating func codeNibble<C: BitCoder & ~Copyable>(
    _ nibble: UInt32, _ lines: (UInt64, UInt64, UInt64), _ from: Int, _ coder: inout C
  ) -> UInt32 {
    let mask = UInt64(table.count &- 16)
    let table = unsafe self.table.pointer
    let steps = unsafe self.steps.pointer
    let a = unsafe table + Int((lines.0 ^ lines.0 >> 24) & mask)
    let b = unsafe table + Int((lines.1 ^ lines.1 >> 24) & mask)
    let c = unsafe table + Int((lines.2 ^ lines.2 >> 24) & mask)
    var node = 1
    for step in 0..<4 {
      let (ma, mb, mc) = unsafe (a[node], b[node], c[node])
      let longest = mc & 1023 > 0 ? 3 : mb & 1023 > 0 ? 2 : ma & 1023 > 0 ? 1 : 0
      let weights = unsafe self.weights.pointer + (longest &* 8 &+ from &+ step) &* 4
      let sa = logistic.stretch(Int(ma >> 20))
      let sb = logistic.stretch(Int(mb >> 20))
      let sc = logistic.stretch(Int(mc >> 20))
      let dot = unsafe sa &* weights[0] &+ sb &* weights[1] &+ sc &* weights[2]
      let p = logistic.squash(Int(dot >> 16))
      var model = UInt32(truncatingIfNeeded: min(max(p, 1), 4094)) << 20
      let bit = coder.code(nibble >> UInt32(3 &- step) & 1, &model, limit: 0)
      let error = (Int32(bit) << 12 &- Int32(truncatingIfNeeded: p)) &* Self.rate
      unsafe Self.correct(&weights[0], sa, error)
      unsafe Self.correct(&weights[1], sb, error)
      unsafe Self.correct(&weights[2], sc, error)
      unsafe a[node] = Self.taught(ma, bit, steps)
      unsafe b[node] = Self.taught(mb, bit, steps)
      unsafe c[node] = Self.taught(mc, bit, steps)
      node = node << 1 | Int(bit)
    }
    return UInt32(truncatingIfNeeded: node) & 15
  }

  private static let rate: Int32 = 48

  /// Weights wrap around where someone makes them: alike in both directions.
  @inline(__always)
  private static func correct(_ weight: inout Int32, _ input: Int32, _ error: Int32) {
    weight = weight &+ (input &* error &+ 0x8000) >> 16
  }

  /// A probability after a bit: moved by about 1/(n + 1.5).
  @inline(__always)
  private static func taught(_ model: BitModel, _ bit: UInt32, _ steps: UnsafeMutablePointer<UInt32>) -> BitModel {
    let step = unsafe steps[Int(model & 1023)]
    let target: Int64 = bit == 0 ? 0 : (1 << 22) &- 1
    let moved = ((target &- Int64(model >> 10)) &* Int64(step & 0xFFFF)) >> 16
    return model &+ UInt32(truncatingIfNeeded: moved) << 10 &+ step >> 16
  }
}
