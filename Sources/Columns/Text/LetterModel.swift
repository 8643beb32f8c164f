import Bytes

/// Letters of new words, nibble by nibble: the upper half, then the lower under it. Four contexts (none, the last letter,
/// the last two, the last three) have frequencies each, as `codeNibble` has them; they are mixed into one set by how often
/// each was met, the longer over the shorter. A few vector steps for a nibble: what mixing bit by bit in the logistic
/// domain (`LetterMixer`) takes for each context and bit.
///
/// All contexts share one table of lines of sixteen 16-bit numbers. Lane 0 has nothing to say in cumulative
/// frequencies: its low seven bits count the symbols, the upper nine are those of the context's hash, and a line that
/// belongs to another context begins anew.
struct LetterModel: ~Copyable {
  /// 2^14 lines, made with the first letter: where the slow model has the text there is none.
  private var lines = Buffer<UInt32>()
  /// The mixed frequencies.
  private var mixed = Buffer<UInt32>(repeating: 0, count: ModelSize.nibble)
  /// By count: how far the error is shifted right, what is added to it before, the context's weight in eighths, each in
  /// 16 bits, and above them 1 while the count goes on.
  private var paces = Buffer<UInt64>(capacity: 128)
  private let tables = NibbleTables.shared

  private static var lineCount: Int { 1 << 14 }

  init() {
    mixed.frequencies(at: 0).begin(note: 0)
    for seen in 0..<128 {
      let shift = seen < 3 ? 1 : seen < 7 ? 2 : seen < 12 ? 3 : seen < 40 ? 4 : 5
      let weight = seen == 0 ? 0 : seen == 1 ? 3 : seen == 2 ? 4 : seen < 20 ? 5 : 6
      paces.append(
        UInt64(shift) | UInt64(1 << (shift - 1)) << 16 | UInt64(weight) << 32 | (seen < 127 ? 1 << 48 : 0))
    }
  }

  /// Codes one letter behind `before`, the newest letter lowest.
  mutating func code<C: BitCoder & ~Copyable>(_ byte: UInt8, after before: UInt64, _ coder: inout C) -> UInt8 {
    if lines.isEmpty { lines.append(repeating: 0, count: Self.lineCount * Sixteen.elements) }
    var contexts = (
      Self.hash(0, 0), Self.hash(before & 0xFF, 1), Self.hash(before & 0xFFFF, 2), Self.hash(before & 0xFF_FFFF, 3)
    )
    let high = codeNibble(Int(byte >> 4), contexts, &coder)
    let spread = UInt64(high &+ 1) &* 0x9E37_79B9_7F4A_7C15
    contexts = (contexts.0 ^ spread, contexts.1 ^ spread, contexts.2 ^ spread, contexts.3 ^ spread)
    let low = codeNibble(Int(byte & 15), contexts, &coder, beside: true)
    return UInt8(truncatingIfNeeded: high << 4 | low)
  }

  @inline(__always)
  private static func hash(_ letters: UInt64, _ order: UInt64) -> UInt64 {
    let product = (letters &+ order << 56) &* 0x9FB2_1C65_1E98_DF25
    return product ^ product >> 32
  }

  @inline(__always)
  private mutating func codeNibble<C: BitCoder & ~Copyable>(
    _ nibble: Int, _ contexts: (UInt64, UInt64, UInt64, UInt64), _ coder: inout C, beside: Bool = false
  ) -> Int {
    let (a, b, c, d) = (line(contexts.0), line(contexts.1), line(contexts.2), line(contexts.3))
    let (pa, pb, pc, pd) = (pace(a), pace(b), pace(c), pace(d))
    var mix = a.signed
    mix = Self.mix(mix, b.signed, pb)
    mix = Self.mix(mix, c.signed, pc)
    mix = Self.mix(mix, d.signed, pd)
    // What rounding has brought closer together, or out of order, gets its distance back.
    let frequencies = mixed.frequencies(at: 0)
    frequencies.starts.signed = (mix &- (mix &>> 6) &+ Self.distances) & Self.others
    let found = beside ? coder.codeBeside(nibble, by: frequencies) : coder.code(nibble, by: frequencies)
    let target = tables.target(found)
    Self.learn(a, target, pa)
    Self.learn(b, target, pb)
    Self.learn(c, target, pc)
    Self.learn(d, target, pd)
    return found
  }

  /// The line of a context, fresh if it was another's.
  @inline(__always)
  private mutating func line(_ context: UInt64) -> Sixteen {
    let place = Int(truncatingIfNeeded: context ^ context >> 24) & (Self.lineCount &- 1)
    let line = lines.sixteen(at: place &* Sixteen.elements)
    // A line that has seen nothing must be made, too.
    let check = UInt16(truncatingIfNeeded: context >> 55) << 7
    if line.first & 0xFF80 != check || line.first & 0x7F == 0 { Self.begin(line, check) }
    return line
  }

  /// Apart, so that what is read then is what memory holds.
  @inline(never)
  private static func begin(_ line: Sixteen, _ check: UInt16) {
    var fresh = NibbleTables.even
    fresh[0] = check
    line.all = fresh
  }

  @inline(__always)
  private func pace(_ line: Sixteen) -> UInt64 { paces[Int(line.first & 0x7F)] }

  /// `shorter` moved towards `longer` by its weight. No lane ends more than 7 below what it is moved between.
  @inline(__always)
  private static func mix(_ shorter: SIMD16<Int16>, _ longer: SIMD16<Int16>, _ pace: UInt64) -> SIMD16<Int16> {
    shorter &+ ((longer &- shorter) &>> 3) &* SIMD16(repeating: Int16(truncatingIfNeeded: pace >> 32 & 15))
  }

  /// 32 a lane: with what `floor` is of it already, at least 28 are left between any two.
  private static var distances: SIMD16<Int16> {
    @inline(__always) get {
      SIMD16(0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 480)
    }
  }

  /// All lanes but the first.
  private static var others: SIMD16<Int16> {
    @inline(__always) get { SIMD16(0, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1) }
  }

  /// Moves the frequencies towards the symbol of `target`, and counts it: lane 0 by as much as it is told to.
  @inline(__always)
  private static func learn(_ line: Sixteen, _ target: SIMD16<Int16>, _ pace: UInt64) {
    let lanes = line.signed
    let half = SIMD16(repeating: Int16(truncatingIfNeeded: pace >> 16))
    let share = (target &- lanes &+ half) &>> SIMD16(repeating: Int16(truncatingIfNeeded: pace & 15))
    let words = unsafe unsafeBitCast(share, to: SIMD4<UInt64>.self)
    let step = words & SIMD4(~0xFFFF, ~0, ~0, ~0) | SIMD4(pace >> 48, 0, 0, 0)
    line.signed = unsafe lanes &+ unsafeBitCast(step, to: SIMD16<Int16>.self)
  }
}
