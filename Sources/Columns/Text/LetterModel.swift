import Bytes

/// Letters of new words, bit by bit: four contexts (the last one, two and three letters, and the word so far) each give a
/// probability, and a small network learns whom to believe (logistic mixing; Mahoney, "Adaptive Weighing of Context
/// Models", 2005). `LetterMixer` without what costs it most time.
///
/// A letter is two trees of four bits, the second under the first. All contexts share one table without checks, which
/// grows with use: twice as large, both halves are what the whole was, so nothing is forgotten. Integers only, so that
/// every machine decodes alike.
struct LetterModel: ~Copyable {
  /// Probabilities as `BitModel` has them, in lines of sixteen.
  private var table = Buffer<BitModel>(repeating: freshModel, count: 1 << 11)
  /// Four weights, of 16 fractional bits, for each of: the longest context that was seen, and the bit of the letter.
  private var weights = Buffer<Int32>(repeating: 28_000, count: 5 * 8 * 4)
  private var reciprocals = Buffer<Int32>(capacity: 64)
  private let logistic = Logistic.shared
  private var letters = 0

  private static let bound = 1 << 18
  private static let limit: UInt32 = 60

  init() {
    for n in 0..<64 { reciprocals.append(n == 0 ? 52_000 : Int32(655_360 / (10 * n + 15))) }
  }

  /// Codes one letter behind `before` (the newest letter lowest) in the word that `word` hashes so far.
  mutating func code<C: BitCoder & ~Copyable>(
    _ byte: UInt8, after before: UInt64, word: UInt32, _ coder: inout C
  ) -> UInt8 {
    letters &+= 1
    if letters &* 16 > table.count, table.count < Self.bound { grow() }
    var lines = (
      Self.hash(before & 0xFF, 1), Self.hash(before & 0xFFFF, 2), Self.hash(before & 0xFF_FFFF, 3),
      Self.hash(UInt64(word), 4)
    )
    let high = codeNibble(UInt32(byte >> 4), lines, 0, &coder)
    let spread = UInt64(high &+ 1) &* 0x9E37_79B9_7F4A_7C15
    lines = (lines.0 ^ spread, lines.1 ^ spread, lines.2 ^ spread, lines.3 ^ spread)
    let low = codeNibble(UInt32(byte & 15), lines, 4, &coder)
    return UInt8(truncatingIfNeeded: high << 4 | low)
  }

  @inline(__always)
  private static func hash(_ letters: UInt64, _ order: UInt64) -> UInt64 {
    let product = (letters &+ order << 56) &* 0x9FB2_1C65_1E98_DF25
    return product ^ product >> 32
  }

  /// Why it is sound: lines begin at multiples of 16 below the table's size, which is a power of two, and `node` is below
  /// 16; `longest` is at most 4 and `bit` at most 7, which is what `weights` was made for; the logistic takes what 12 bits
  /// or the clamp before it allow; counts index `reciprocals` below their limit.
  @inline(__always)
  private mutating func codeNibble<C: BitCoder & ~Copyable>(
    _ nibble: UInt32, _ lines: (UInt64, UInt64, UInt64, UInt64), _ from: Int, _ coder: inout C
  ) -> UInt32 {
    let mask = UInt64(table.count &- 16)
    let table = unsafe self.table.pointer
    let reciprocals = unsafe self.reciprocals.pointer
    let a = unsafe table + Int((lines.0 ^ lines.0 >> 24) & mask)
    let b = unsafe table + Int((lines.1 ^ lines.1 >> 24) & mask)
    let c = unsafe table + Int((lines.2 ^ lines.2 >> 24) & mask)
    let d = unsafe table + Int((lines.3 ^ lines.3 >> 24) & mask)
    var node = 1
    for step in 0..<4 {
      let (ma, mb, mc, md) = unsafe (a[node], b[node], c[node], d[node])
      let longest = md & 1023 > 0 ? 4 : mc & 1023 > 0 ? 3 : mb & 1023 > 0 ? 2 : ma & 1023 > 0 ? 1 : 0
      let weights = unsafe self.weights.pointer + (longest &* 8 &+ from &+ step) &* 4
      let sa = logistic.stretch(Int(ma >> 20))
      let sb = logistic.stretch(Int(mb >> 20))
      let sc = logistic.stretch(Int(mc >> 20))
      let sd = logistic.stretch(Int(md >> 20))
      let dot = unsafe sa &* weights[0] &+ sb &* weights[1] &+ sc &* weights[2] &+ sd &* weights[3]
      let p = logistic.squash(Int(dot >> 16))
      var model = UInt32(truncatingIfNeeded: min(max(p, 1), 4094)) << 20
      let bit = coder.code(nibble >> UInt32(3 &- step) & 1, &model, limit: 0)
      let error = (Int32(bit) << 12 &- Int32(truncatingIfNeeded: p)) &* Self.rate
      unsafe Self.correct(&weights[0], sa, error)
      unsafe Self.correct(&weights[1], sb, error)
      unsafe Self.correct(&weights[2], sc, error)
      unsafe Self.correct(&weights[3], sd, error)
      unsafe a[node] = Self.taught(a[node], bit, reciprocals)
      unsafe b[node] = Self.taught(b[node], bit, reciprocals)
      unsafe c[node] = Self.taught(c[node], bit, reciprocals)
      unsafe d[node] = Self.taught(d[node], bit, reciprocals)
      node = node << 1 | Int(bit)
    }
    return UInt32(truncatingIfNeeded: node) & 15
  }

  private static let rate: Int32 = 48

  @inline(__always)
  private static func correct(_ weight: inout Int32, _ input: Int32, _ error: Int32) {
    weight = min(max(weight &+ (input &* error &+ 0x8000) >> 16, -(1 << 18)), 1 << 18)
  }

  /// A probability after a bit: moved by about 1/(n + 1.5).
  @inline(__always)
  private static func taught(
    _ model: BitModel, _ bit: UInt32, _ reciprocals: UnsafeMutablePointer<Int32>
  ) -> BitModel {
    let n = model & 1023
    let p = Int64(model >> 10)
    let target: Int64 = bit == 0 ? 0 : (1 << 22) &- 1
    let moved = unsafe p &+ ((target &- p) &* Int64(reciprocals[Int(n)])) >> 16
    return UInt32(truncatingIfNeeded: moved) << 10 | (n < limit ? n &+ 1 : n)
  }

  private mutating func grow() { table.append(copyOf: 0, count: table.count) }
}
