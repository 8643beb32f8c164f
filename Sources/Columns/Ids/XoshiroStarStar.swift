import Bytes

/// .NET's `Activity` ids (System.Diagnostics.DiagnosticSource, RandomNumberGenerator.cs, .NET 5 and later):
/// xoshiro256** (Blackman, Vigna: Scrambled linear pseudorandom number generators, 2018), one per thread, 8
/// little-endian bytes an output; a root draws its trace id, then its span id.
///
/// The scrambler is a bijection of one state word, `s1`, so every id gives that word, and these words are linear over
/// GF(2) in the 256 bits of state: any five in a row obey one law of 64 bits (``FiveTerms``). Threads are found by looking,
/// in a window of ids, for pairs (a, b) that meet triples (c, d, e).
struct XoshiroStarStar: IdSequence {
  private var s: (UInt64, UInt64, UInt64, UInt64)

  static var name: String { ".NET xoshiro256**" }
  static var shape: IdShape { IdShape(unitBits: 64, highFirst: true, traceIsFirst: true) }

  @inline(__always)
  private static func rotate(_ x: UInt64, _ k: UInt64) -> UInt64 { x << k | x >> (64 - k) }

  @inline(__always)
  mutating func step() -> UInt64 {
    let output = Self.rotate(s.1 &* 5, 7) &* 9
    let t = s.1 << 17
    s.2 ^= s.0
    s.3 ^= s.1
    s.1 ^= s.2
    s.0 ^= s.3
    s.2 ^= t
    s.3 = Self.rotate(s.3, 45)
    return output
  }

  mutating func rewind(_ units: Int) {
    for _ in 0..<units {
      let sum3 = Self.rotate(s.3, 19)
      let mixed = s.1 ^ s.2
      let s1 = mixed ^ mixed << 17 ^ mixed << 34 ^ mixed << 51
      let s0 = s.0 ^ sum3
      s = (s0, s1, s.1 ^ s1 ^ s0, sum3 ^ s1)
    }
  }

  mutating func append(_ count: Int, to units: inout Buffer<UInt64>) {
    units.reserve(count)
    for _ in 0..<count { units.append(step().byteSwapped) }
  }

  func state(budget: inout Int) -> [UInt8] {
    var bytes = Buffer<UInt8>(capacity: 32)
    for word in [s.0, s.1, s.2, s.3] { bytes.append(integer: word) }
    return bytes.array
  }

  init?(state: ByteView, budget: inout Int) {
    guard state.count == 32 else { return nil }
    s = (
      state.load(UInt64.self, at: 0), state.load(UInt64.self, at: 8), state.load(UInt64.self, at: 16),
      state.load(UInt64.self, at: 24)
    )
  }

  /// The state word `s1` that gave an id.
  private static func word(_ id: UInt64) -> UInt64 {
    rotate(id.byteSwapped &* 0x8E38_E38E_38E3_8E39, 57) &* 0xCCCC_CCCC_CCCC_CCCD
  }

  // MARK: Finding threads

  static func recover(_ sample: IdSample, budget: inout Int) -> XoshiroStarStar? {
    var words: [UInt64] = []
    for draw in sample.draws {
      if draw.isTrace { words.append(word(draw.high)) }
      words.append(word(draw.low))
    }
    let terms = words.map { FiveTerms($0) }
    budget -= 60 * words.count
    // The wider the window, the more threads may run beside the one that is found, and the more it costs.
    for width in [12, 24, 48, 96] {
      if let found = search(words, terms, width: width, &budget) { return found }
      if budget < 0 { return nil }
    }
    return nil
  }

  private static func search(
    _ words: [UInt64], _ terms: [FiveTerms], width: Int, _ budget: inout Int
  ) -> XoshiroStarStar? {
    // Pairs by their sum; a newer pair may push an old one out, which loses little.
    let slots = 32 * width * width
    var bits = 8
    while 1 << bits < min(slots, 1 << 16) { bits += 1 }
    let shift = UInt64(64 - bits)
    var sums = Buffer<UInt64>(repeating: 0, count: 1 << bits)
    var pairs = Buffer<(a: Int32, b: Int32)>(repeating: (-1, -1), count: 1 << bits)
    @inline(__always) func slot(_ sum: UInt64) -> Int {
      Int(truncatingIfNeeded: (sum &* ThreadLocalRandom.gamma) >> shift)
    }
    for e in 0..<terms.count {
      let oldest = max(0, e - width + 1)
      budget -= 2 * width * width
      if budget < 0 { return nil }
      // Triples (c, d, e) against pairs before c.
      for d in stride(from: e - 1, through: oldest, by: -1) {
        let end = terms[d].t3 ^ terms[e].t4
        for c in stride(from: d - 1, through: oldest, by: -1) {
          let sum = terms[c].t2 ^ end
          let at = slot(sum)
          guard sums[at] == sum, Int(pairs[at].a) >= oldest, Int(pairs[at].b) < c else { continue }
          let (a, b) = (Int(pairs[at].a), Int(pairs[at].b))
          if let found = XoshiroStarStar(following: words[a], words[b], words[c], words[d]) { return found }
        }
      }
      for a in oldest..<max(oldest, e) {
        let sum = terms[a].t0 ^ terms[e].t1
        let at = slot(sum)
        sums[at] = sum
        pairs[at] = (Int32(a), Int32(e))
      }
    }
    return nil
  }
}

/// What five words `s1` in a row, a to e, have in common, with x << 17 as Ax and a turn left by 45 as R:
///
///     R(a ^ Aa) ^ (b ^ Ab ^ R(b ^ Ab)) = (Ac ^ Rc) ^ (d ^ Rd) ^ e
///
/// A step makes s1' = s0 ^ s1 ^ s2, s0' = s0 ^ s1 ^ s3, s2' = s0 ^ s2 ^ A s1 and s3' = R(s1 ^ s3). So s2 follows from the
/// two words before, s0 from its neighbours, and s3 from two of s0; the last equation is the law.
private struct FiveTerms {
  /// The terms of a, b, c and d, each for one word; that of e is the word.
  let t0: UInt64
  let t1: UInt64
  let t2: UInt64
  let t3: UInt64
  let t4: UInt64

  init(_ word: UInt64) {
    let shifted = word << 17
    let turned = Self.turn(word ^ shifted)
    t0 = turned
    t1 = word ^ shifted ^ turned
    t2 = shifted ^ Self.turn(word)
    t3 = word ^ Self.turn(word)
    t4 = word
  }

  @inline(__always)
  private static func turn(_ x: UInt64) -> UInt64 { x << 45 | x >> 19 }
}

extension XoshiroStarStar {
  /// The generator that is about to make the first of four words `s1` in a row; see ``FiveTerms``.
  fileprivate init?(following a: UInt64, _ b: UInt64, _ c: UInt64, _ d: UInt64) {
    let before = a ^ a << 17
    s = (c ^ before, b, b ^ before, d ^ c ^ b << 17 ^ before)
    rewind(1)
    if s == (0, 0, 0, 0) { return nil }
  }
}
