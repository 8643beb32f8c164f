import Bytes

/// V8's `Math.random`, which OpenTelemetry's JavaScript SDKs draw ids from.
///
/// xorshift128+ with its output reduced to the first state word (V8 7.1, 2018, and later; src/base/utils/
/// random-number-generator.h and src/numbers/math-random.cc of the V8 sources; Vigna: Further scramblings of Marsaglia's
/// xorshift generators, 2017). Draws are made in blocks of 64 and handed out backwards. Node's SDK takes 32 bits of a
/// draw, browsers' 4 (a hex digit), from 2.5 on 8. All output bits are linear over GF(2) in the 128 bits of state.
struct V8Random<Draw: V8Draw>: IdSequence {
  /// State before the block was made.
  var s0: UInt64
  var s1: UInt64
  /// Draws of the block handed out already, 0 to 63.
  var used: Int

  static var name: String { Draw.name }
  static var shape: IdShape { IdShape(unitBits: Draw.bits, highFirst: true, traceIsFirst: false) }

  @inline(__always)
  static func step(_ s0: inout UInt64, _ s1: inout UInt64) {
    var t = s0 ^ s0 << 23
    t ^= t >> 17
    s0 = s1
    s1 = t ^ s1 ^ s1 >> 26
  }

  @inline(__always)
  static func stepBack(_ s0: inout UInt64, _ s1: inout UInt64) {
    var t = s1 ^ s0 ^ s0 >> 26
    t ^= t >> 17
    t ^= t >> 34
    t ^= t << 23
    t ^= t << 46
    s1 = s0
    s0 = t
  }

  mutating func rewind(_ units: Int) {
    used -= units
    while used < 0 {
      for _ in 0..<64 { Self.stepBack(&s0, &s1) }
      used += 64
    }
  }

  mutating func append(_ count: Int, to units: inout Buffer<UInt64>) {
    let shift = UInt64(64 - Draw.bits)
    var missing = count
    units.reserve(count + 64)
    while missing > 0 {
      // The block goes where its unused draws belong; the used ones and what is too much are not written.
      let last = min(64, used + missing)
      let start = units.count - used
      units.append(repeating: 0, count: last - used)
      var (a, b) = (s0, s1)
      for _ in last..<64 { Self.step(&a, &b) }
      let made = units.elements[start &+ used..<start &+ last]
      var at = made.count
      // Two at a time, so that the words of the state need not change places.
      while at >= 2 {
        Self.step(&a, &b)
        made.setUnchecked(at &- 1, a &>> shift)
        Self.step(&a, &b)
        at &-= 2
        made.setUnchecked(at, a &>> shift)
      }
      if at == 1 {
        Self.step(&a, &b)
        made[0] = a &>> shift
      }
      missing -= last - used
      if last < 64 {
        used = last
        return
      }
      for _ in 0..<used { Self.step(&a, &b) }
      (s0, s1, used) = (a, b, 0)
    }
  }

  func unitsBeside(_ count: Int) -> Int { (64 &- (used &+ count) & 63) & 63 }

  func state(budget: inout Int) -> [UInt8] {
    var bytes = Buffer<UInt8>(capacity: 17)
    bytes.append(integer: s0)
    bytes.append(integer: s1)
    bytes.append(UInt8(used))
    return bytes.array
  }

  init(s0: UInt64, s1: UInt64, used: Int) {
    self.s0 = s0
    self.s1 = s1
    self.used = used
  }

  init?(state: ByteView, budget: inout Int) {
    guard state.count == 17, state[16] < 64 else { return nil }
    s0 = state.load(UInt64.self, at: 0)
    s1 = state.load(UInt64.self, at: 8)
    used = Int(state[16])
  }

  static func recover(_ sample: IdSample, budget: inout Int) -> Self? {
    Draw.recover(sample, &budget).map { Self(s0: $0.s0, s1: $0.s1, used: $0.used) }
  }
}

/// How many bits of a draw an SDK takes, and where a sample gives enough of them.
protocol V8Draw: Sendable {
  static var bits: Int { get }
  static var name: String { get }
  static func recover(_ sample: IdSample, _ budget: inout Int) -> (s0: UInt64, s1: UInt64, used: Int)?
}

typealias NodeRandom = V8Random<NodeDraw>
typealias WebDigitRandom = V8Random<WebDigitDraw>
typealias WebByteRandom = V8Random<WebByteDraw>

/// Node: 32 bits a draw. Three neighbouring ids, or a root's two, give the state and 64 bits of proof.
enum NodeDraw: V8Draw {
  static var bits: Int { 32 }
  static var name: String { "V8 Math.random (Node)" }

  private static let tight = NodePatterns.solver(0, 0)
  /// Applications draw a little too; gaps up to 2, then up to 8.
  private static let loose = NodePatterns(gapsUpTo: 2, from: 1)
  private static let wide = NodePatterns(gapsUpTo: 8, from: 3)

  static func recover(_ sample: IdSample, _ budget: inout Int) -> (s0: UInt64, s1: UInt64, used: Int)? {
    let draws = sample.draws
    guard draws.count >= 3 else { return nil }
    // Ever rarer gaps over ever fewer windows: each solver rejects most windows by one parity.
    for start in 0..<draws.count - 1 {
      budget -= 10
      if let words = window(draws, start), let state = tight.solve(words),
        let found = align(state, span: 6, draws, start, &budget)
      {
        return found
      }
      if budget < 0 { return nil }
    }
    guard budget > 10_000 else { return nil }
    if let found = attempt(loose, 200, draws, &budget) { return found }
    guard budget > 50_000_000 else { return nil }
    return attempt(wide, budget > 1_000_000_000 ? 1000 : 300, draws, &budget)
  }

  /// Tries all of `patterns` on the first `windows`.
  private static func attempt(
    _ patterns: NodePatterns, _ windows: Int, _ draws: ArraySlice<IdDraw>, _ budget: inout Int
  ) -> (s0: UInt64, s1: UInt64, used: Int)? {
    for start in 0..<min(windows, draws.count - 1) {
      budget -= 10 * patterns.count
      if let words = window(draws, start) {
        for at in 0..<patterns.count where patterns.fits(at, words) {
          let (first, second) = patterns.gaps(at)
          if let state = NodePatterns.solver(first, second).solve(words),
            let found = align(state, span: 6 + first + second, draws, start, &budget)
          {
            return found
          }
        }
      }
      if budget < 0 { return nil }
    }
    return nil
  }

  /// Six draws: three span ids, or a span id and a trace id, as three words, the last drawn first, as the solver wants
  /// them: its first output is the low half of the last word, its bits counted from the lowest.
  @inline(__always)
  private static func window(_ draws: ArraySlice<IdDraw>, _ start: Int) -> ObservedBits? {
    var words: (UInt64, UInt64, UInt64) = (0, 0, 0)
    var filled = 0
    var at = start
    while filled < 3, at < draws.count {
      let draw = draws[at]
      at += 1
      if draw.isTrace {
        put(&words, filled, draw.high)
        filled += 1
      }
      if filled < 3 {
        put(&words, filled, draw.low)
        filled += 1
      }
    }
    return filled == 3 ? (words.2, words.1, words.0) : nil
  }

  @inline(__always)
  private static func put(_ words: inout (UInt64, UInt64, UInt64), _ index: Int, _ word: UInt64) {
    switch index {
    case 0: words.0 = word
    case 1: words.1 = word
    default: words.2 = word
    }
  }

  /// Where blocks begin: the offset under which the ids that follow lie on the sequence most smoothly.
  private static func align(
    _ state: (s0: UInt64, s1: UInt64), span: Int, _ draws: ArraySlice<IdDraw>, _ start: Int, _ budget: inout Int
  ) -> (s0: UInt64, s1: UInt64, used: Int)? {
    budget -= 100_000
    // Outputs in the order of making, from a block before the state on, and where each is.
    var (s0, s1) = state
    for _ in 0..<64 { NodeRandom.stepBack(&s0, &s1) }
    var made = FlatMap(expecting: 64 * 17)
    for t in 0..<64 * 17 as Range<UInt32> {
      NodeRandom.step(&s0, &s1)
      made.set(s0 >> 32, t)
    }
    // The ids by when their two halves were made.
    var halves: [(first: Int, second: Int)] = []
    for at in start..<min(start + 200, draws.count) {
      let id = draws[at].isTrace ? draws[at].high : draws[at].low
      let (first, second) = (made.find(id >> 32), made.find(id & 0xFFFF_FFFF))
      if first != FlatMap.absent, second != FlatMap.absent { halves.append((Int(first), Int(second))) }
    }
    var best = (score: 0, back: 0)
    for back in 0...(64 - span) {
      // Blocks begin `back` outputs before the state; they are handed out from their end.
      var score = 0
      var last = -1
      for (first, second) in halves {
        let (a, b) = (first + back, second + back)
        let place = a - a % 64 + 63 - a % 64
        if b - b % 64 + 63 - b % 64 != place + 1 { continue }
        score += last < 0 ? 40 : max(0, 40 - abs(place - last))
        last = place
      }
      if score > best.score { best = (score, back) }
    }
    guard best.score >= 60 else { return nil }
    (s0, s1) = state
    for _ in 0..<best.back { NodeRandom.stepBack(&s0, &s1) }
    return (s0, s1, 0)
  }
}

/// Patterns of unseen draws between three pairs of draws. Nearly all words are of none: a few checks tell, and a solver is
/// made only for what passes them.
private struct NodePatterns: Sendable {
  private static let outputs = V8Outputs(steps: 22, bits: NodeDraw.bits)
  private static let checksEach = 16
  /// Those of a pattern one behind the other.
  private var checks: [ObservedBits] = []
  private var all: [(first: Int, second: Int)] = []

  /// Up to `most` unseen draws in either place, and `least` or more in one.
  init(gapsUpTo most: Int, from least: Int) {
    var last = BitElimination()
    Self.add(0, 0, to: &last)
    for second in 0...most {
      var two = last
      Self.add(2 + second, 2, to: &two)
      for first in 0...most where max(first, second) >= least {
        var three = two
        Self.add(4 + first + second, 4, to: &three, checks: two.checks.count + Self.checksEach)
        // The last found: the first hold for whatever shares the pattern's beginning.
        checks += three.checks.suffix(Self.checksEach)
        all.append((first, second))
      }
    }
  }

  /// Of a pattern.
  static func solver(_ first: Int, _ second: Int) -> BitSolver {
    var all = BitElimination()
    add(0, 0, to: &all)
    add(2 + second, 2, to: &all)
    add(4 + first + second, 4, to: &all)
    return BitSolver(all)
  }

  /// Adds the draws made at `step` and right behind it, which stand at `place` and behind it among the six. Draws are made
  /// in reverse. Adds no more than it takes to have `checks` checks.
  private static func add(_ step: Int, _ place: Int, to elimination: inout BitElimination, checks: Int = .max) {
    for k in 0..<2 {
      for row in outputs.rows(step + k, at: (place + k) * NodeDraw.bits) where elimination.checks.count < checks {
        elimination.add(row)
      }
    }
  }

  var count: Int { all.count }
  func gaps(_ pattern: Int) -> (first: Int, second: Int) { all[pattern] }

  /// Whether `words` may be of a pattern.
  @inline(__always)
  func fits(_ pattern: Int, _ words: ObservedBits) -> Bool {
    for at in pattern * Self.checksEach..<(pattern + 1) * Self.checksEach where !BitSolver.isEven(checks[at], words) {
      return false
    }
    return true
  }
}

/// Chrome, Edge: a draw for each hex digit.
enum WebDigitDraw: V8Draw {
  static var bits: Int { 4 }
  static var name: String { "V8 Math.random (browser, 4 bits)" }
  private static let outputs = V8Outputs(steps: 128, bits: bits)
  private static let within = PageSolvers.within(bits: bits, outputs)
  private static let crossing = PageSolvers.crossing(bits: bits, outputs)
  static func recover(_ sample: IdSample, _ budget: inout Int) -> (s0: UInt64, s1: UInt64, used: Int)? {
    recoverPage(sample, &budget) { recover(span: $0, high: $1, low: $2, crossing: $3) }
  }
  /// From a root's ids; `crossing` says whether they are of two blocks.
  static func recover(span: UInt64, high: UInt64, low: UInt64, crossing: Bool)
    -> (s0: UInt64, s1: UInt64, used: Int)?
  {
    (crossing ? Self.crossing : within).open((low, high, span))
  }
}

/// Chrome, Edge: a draw for each byte.
enum WebByteDraw: V8Draw {
  static var bits: Int { 8 }
  static var name: String { "V8 Math.random (browser, 8 bits)" }
  private static let outputs = V8Outputs(steps: 128, bits: bits)
  private static let within = PageSolvers.within(bits: bits, outputs)
  private static let crossing = PageSolvers.crossing(bits: bits, outputs)
  static func recover(_ sample: IdSample, _ budget: inout Int) -> (s0: UInt64, s1: UInt64, used: Int)? {
    recoverPage(sample, &budget) { recover(span: $0, high: $1, low: $2, crossing: $3) }
  }
  /// From a root's ids; `crossing` says whether they are of two blocks.
  static func recover(span: UInt64, high: UInt64, low: UInt64, crossing: Bool)
    -> (s0: UInt64, s1: UInt64, used: Int)?
  {
    (crossing ? Self.crossing : within).open((low, high, span))
  }
}

/// Solvers of a root's draws. Where all of them are of one block they do not tell at which place of it they stand, and one
/// solver serves; for those that reach into the next block there is one for each place of the first, made only when
/// pages have been met.
private struct PageSolvers: Sendable {
  private var solvers: [(solver: BitSolver, used: Int)] = []
  /// Of each solver; together, since most are passed by with that.
  private var firstChecks: [ObservedBits] = []

  /// `used`: the place of the first draw.
  private mutating func add(_ solver: BitSolver, used: Int) {
    solvers.append((solver, used))
    firstChecks.append(solver.firstCheck)
  }

  /// Draws are made from a block's end, so those of a root that come from its last places are the block's first `n`, and
  /// the rest the next one's last. Elimination sees a root's bits turned so that the first block's draws stand at the
  /// bottom and the next one's at the top: then patterns share what they begin with on either side. The rows of the block
  /// with more draws come first.
  static func crossing(bits: Int, _ outputs: V8Outputs) -> PageSolvers {
    let draws = 192 / bits
    var all = PageSolvers()
    /// The rows of draws of one side, counted from their shared end.
    func rows(_ range: Range<Int>, isFirstBlock: Bool) -> [BitRow] {
      range.flatMap { k in
        outputs.rows(isFirstBlock ? k : 127 - k, at: isFirstBlock ? k * bits : 192 - (k + 1) * bits)
      }
    }
    /// Solvers of `counts` draws of the side with more of them; `shared` has seen those that all have, `more` and `fewer`
    /// are those that not all have of that side and of the other.
    func share(
      _ counts: Range<Int>, _ shared: BitElimination, _ more: [BitRow], _ fewer: [BitRow], isFirstBlock: Bool
    ) {
      if counts.count == 1 {
        let n = isFirstBlock ? counts.lowerBound : draws - counts.lowerBound
        return all.add(BitSolver(shared, turned: (draws - n) * bits), used: 64 - n)
      }
      let (more, fewer) = (more.map(shared.reduced), fewer.map(shared.reduced))
      let half = counts.count / 2
      let middle = counts.lowerBound + half
      var (lower, upper) = (shared, shared)
      let (inLower, inUpper) = ((counts.count - half) * bits, half * bits)
      for row in fewer[..<inLower] { lower.add(row) }
      for row in more[..<inUpper] { upper.add(row) }
      share(
        counts.lowerBound..<middle, lower, Array(more[..<(inUpper - bits)]), Array(fewer[inLower...]),
        isFirstBlock: isFirstBlock)
      share(
        middle..<counts.upperBound, upper, Array(more[inUpper...]), Array(fewer[..<(inLower - bits)]),
        isFirstBlock: isFirstBlock)
    }
    for isFirstBlock in [true, false] {
      let counts = draws / 2 + (isFirstBlock ? 0 : 1)..<draws
      let inAll = (more: counts.lowerBound, fewer: draws + 1 - counts.upperBound)
      var shared = BitElimination()
      for row in rows(0..<inAll.more, isFirstBlock: isFirstBlock) { shared.add(row) }
      for row in rows(0..<inAll.fewer, isFirstBlock: !isFirstBlock) { shared.add(row) }
      share(
        counts, shared, rows(inAll.more..<counts.upperBound - 1, isFirstBlock: isFirstBlock),
        rows(inAll.fewer..<draws - counts.lowerBound, isFirstBlock: !isFirstBlock), isFirstBlock: isFirstBlock)
    }
    return all
  }

  static func within(bits: Int, _ outputs: V8Outputs) -> PageSolvers {
    let draws = 192 / bits
    var one = PageSolvers()
    one.add(outputs.solver((0..<draws).map { 64 - draws + $0 }), used: 0)
    return one
  }

  /// The state that gave a root's ids, given as three words, the last drawn first.
  func open(_ words: ObservedBits) -> (s0: UInt64, s1: UInt64, used: Int)? {
    for at in firstChecks.indices where BitSolver.isEven(firstChecks[at], words) {
      if let state = solvers[at].solver.solve(words) { return (state.s0, state.s1, solvers[at].used) }
    }
    return nil
  }
}

/// A page load is a generator of its own: its state comes from one root's span id and trace id.
private func recoverPage(
  _ sample: IdSample, _ budget: inout Int,
  _ open: (UInt64, UInt64, UInt64, Bool) -> (s0: UInt64, s1: UInt64, used: Int)?
) -> (s0: UInt64, s1: UInt64, used: Int)? {
  let draws = sample.draws
  for crossing in [true, false] {
    for at in 1..<max(1, draws.count) where draws[at].isTrace && draws[at - 1].span == draws[at].span {
      budget -= 64 * 8
      if budget < 0 { return nil }
      if let state = open(draws[at - 1].low, draws[at].high, draws[at].low, crossing) { return state }
    }
  }
  return nil
}

/// Which state bits make up each of the top bits of the first draws: the generator's steps, taken with the sets of state
/// bits that each bit of its two words is the parity of.
private struct V8Outputs: Sendable {
  private var masks: [UInt128] = []
  private let bits: Int

  init(steps: Int, bits: Int) {
    self.bits = bits
    masks.reserveCapacity(steps * bits)
    var s0 = (0..<64).map { UInt128(1) << UInt128($0) }
    var s1 = (64..<128).map { UInt128(1) << UInt128($0) }
    for _ in 0..<steps {
      // t = s0 ^ s0 << 23, from the highest bit; t ^= t >> 17 from the lowest.
      var t = s0
      for i in (23..<64).reversed() { t[i] ^= t[i - 23] }
      for i in 0..<64 - 17 { t[i] ^= t[i + 17] }
      for i in 0..<64 { t[i] ^= s1[i] }
      for i in 0..<64 - 26 { t[i] ^= s1[i + 26] }
      (s0, s1) = (s1, t)
      masks += s0[(64 - bits)...]
    }
  }

  /// The bits of the draw made at `step`, as the observed ones from `place` on.
  func rows(_ step: Int, at place: Int) -> [BitRow] {
    (0..<bits).map { BitRow(masks[step * bits + $0], at: place + $0) }
  }

  /// `steps`: when in the order of making each observed draw was made, the draw that holds the lowest bits first.
  func solver(_ steps: [Int]) -> BitSolver {
    var elimination = BitElimination()
    for (place, step) in steps.enumerated() {
      for row in rows(step, at: place * bits) { elimination.add(row) }
    }
    return BitSolver(elimination)
  }
}
