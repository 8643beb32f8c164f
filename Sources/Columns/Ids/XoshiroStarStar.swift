import Bytes

/// .NET's `Activity` ids (System.Diagnostics.DiagnosticSource, RandomNumberGenerator.cs, .NET 5 and later):
/// xoshiro256** (Blackman, Vigna: Scrambled linear pseudorandom number generators, 2018), one per thread, 8
/// little-endian bytes an output; a root draws its trace id, then its span id.
///
/// The scrambler is a bijection of one state word, `s1`, so every id gives that word, and these words are linear over
/// GF(2) in the 256 bits of state: any five in a row obey one 64-bit law, T0 a ^ T1 b ^ T2 c ^ T3 d ^ T4 e = 0. Threads
/// are found by looking, in a window of ids, for pairs (a, b) that meet triples (c, d, e).
struct XoshiroStarStar: IdSequence {
  private var s: (UInt64, UInt64, UInt64, UInt64)

  static var name: String { ".NET xoshiro256**" }
  static var shape: IdShape { IdShape(unitBits: 64, highFirst: true, traceIsFirst: true) }

  init(_ s: (UInt64, UInt64, UInt64, UInt64)) { self.s = s }

  @inline(__always)
  private static func rotate(_ x: UInt64, _ k: UInt64) -> UInt64 { x << k | x >> (64 - k) }

  @inline(__always)
  mutating func step() -> UInt64 {
    let output = Self.rotate(s.1 &* 5, 7) &* 9
    advance()
    return output
  }

  @inline(__always)
  fileprivate mutating func advance() {
    let t = s.1 << 17
    s.2 ^= s.0
    s.3 ^= s.1
    s.1 ^= s.2
    s.0 ^= s.3
    s.2 ^= t
    s.3 = Self.rotate(s.3, 45)
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
    let law = FiveTermLaw.shared
    let images = words.map { law.images($0) }
    budget -= 60 * words.count
    // The wider the window, the more threads may run beside the one that is found, and the more it costs.
    for width in [12, 24, 48, 96] {
      if let found = search(words, images, width: width, law, &budget) { return found }
      if budget < 0 { return nil }
    }
    return nil
  }

  private static func search(
    _ words: [UInt64], _ images: [FiveTermLaw.Images], width: Int, _ law: FiveTermLaw, _ budget: inout Int
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
    for e in 0..<images.count {
      let oldest = max(0, e - width + 1)
      budget -= 2 * width * width
      if budget < 0 { return nil }
      // Triples (c, d, e) against pairs before c.
      for d in stride(from: e - 1, through: oldest, by: -1) {
        let end = images[d].t3 ^ images[e].t4
        for c in stride(from: d - 1, through: oldest, by: -1) {
          let sum = images[c].t2 ^ end
          let at = slot(sum)
          guard sums[at] == sum, Int(pairs[at].a) >= oldest, Int(pairs[at].b) < c else { continue }
          let (a, b) = (Int(pairs[at].a), Int(pairs[at].b))
          if let state = law.state(words[a], words[b], words[c], words[d]) { return XoshiroStarStar(state) }
        }
      }
      for a in oldest..<max(oldest, e) {
        let sum = images[a].t0 ^ images[e].t1
        let at = slot(sum)
        sums[at] = sum
        pairs[at] = (Int32(a), Int32(e))
      }
    }
    return nil
  }
}

/// What five outputs in a row have in common, and the state that four of them give.
private final class FiveTermLaw: Sendable {
  static let shared = FiveTermLaw()

  struct Images {
    var t0: UInt64 = 0
    var t1: UInt64 = 0
    var t2: UInt64 = 0
    var t3: UInt64 = 0
    var t4: UInt64 = 0
  }

  /// A row of the elimination: bits of the state, and of the five words.
  private typealias Row = (state: [UInt64], words: [UInt64])

  /// Sums of the columns of T0...T4 for every value of every byte: `(t * 8 + byte) * 256 + value`.
  private let tables: [UInt64]
  /// For each state bit, the bits of four words whose parity it is.
  private let solution: [[UInt64]]

  init() {
    // Which state bits each bit of s1 is the sum of, at five steps: run the generator on single-bit states.
    var masks = [[UInt64]](repeating: [0, 0, 0, 0], count: 5 * 64)
    for j in 0..<256 {
      var start: [UInt64] = [0, 0, 0, 0]
      start[j / 64] = 1 << UInt64(j % 64)
      var generator = XoshiroStarStar((start[0], start[1], start[2], start[3]))
      for step in 0..<5 {
        let s1 = generator.secondWord
        for bit in 0..<64 where s1 >> UInt64(bit) & 1 == 1 { masks[step * 64 + bit][j / 64] |= 1 << UInt64(j % 64) }
        generator.advance()
      }
    }
    var pivots = [Row?](repeating: nil, count: 256)
    var law: [[UInt64]] = []
    for (at, mask) in masks.enumerated() {
      var row: Row = (mask, [0, 0, 0, 0, 0])
      row.words[at / 64] = 1 << UInt64(at % 64)
      while true {
        guard let high = Self.highest(row.state) else {
          law.append(row.words)
          break
        }
        guard let pivot = pivots[high] else {
          pivots[high] = row
          break
        }
        for k in 0..<4 { row.state[k] ^= pivot.state[k] }
        for k in 0..<5 { row.words[k] ^= pivot.words[k] }
      }
    }
    // Four words of 64 bits determine the state (the rank is 256), so that the fifth gives 64 laws.
    var solution: [[UInt64]] = []
    for high in 0..<256 {
      guard let row = pivots[high] else { break }
      var sum = row.words
      for low in 0..<high where row.state[low / 64] >> UInt64(low % 64) & 1 == 1 {
        for k in 0..<5 { sum[k] ^= solution[low][k] }
      }
      solution.append(sum)
    }
    self.solution = solution
    var tables = [UInt64](repeating: 0, count: 5 * 8 * 256)
    for t in 0..<5 {
      for bit in 0..<64 {
        var column: UInt64 = 0
        for (k, words) in law.prefix(64).enumerated() { column |= (words[t] >> UInt64(bit) & 1) << UInt64(k) }
        for value in 0..<256 where value >> (bit % 8) & 1 == 1 { tables[(t * 8 + bit / 8) * 256 + value] ^= column }
      }
    }
    self.tables = tables
  }

  private static func highest(_ words: [UInt64]) -> Int? {
    for k in stride(from: 3, through: 0, by: -1) where words[k] != 0 {
      return k * 64 + 63 - words[k].leadingZeroBitCount
    }
    return nil
  }

  func images(_ word: UInt64) -> Images {
    func image(_ t: Int) -> UInt64 {
      var sum: UInt64 = 0
      for byte in 0..<8 {
        sum ^= tables[(t * 8 + byte) * 256 + Int(truncatingIfNeeded: word >> UInt64(8 * byte) & 255)]
      }
      return sum
    }
    return Images(t0: image(0), t1: image(1), t2: image(2), t3: image(3), t4: image(4))
  }

  /// The state at the first of four words in a row.
  func state(_ a: UInt64, _ b: UInt64, _ c: UInt64, _ d: UInt64) -> (UInt64, UInt64, UInt64, UInt64)? {
    guard solution.count == 256 else { return nil }
    var state: [UInt64] = [0, 0, 0, 0]
    for bit in 0..<256 {
      let row = solution[bit]
      let parity = ((row[0] & a) ^ (row[1] & b) ^ (row[2] & c) ^ (row[3] & d)).nonzeroBitCount & 1
      state[bit / 64] |= UInt64(parity) << UInt64(bit % 64)
    }
    return state.allSatisfy { $0 == 0 } ? nil : (state[0], state[1], state[2], state[3])
  }
}

extension XoshiroStarStar {
  fileprivate var secondWord: UInt64 { s.1 }
}
