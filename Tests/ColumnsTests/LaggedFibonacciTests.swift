import Bytes
import Columns
import Testing

/// Go's generator from its published law, started with any words: enough to test recovery without Go.
private struct Source {
  var words: [UInt64]
  var bytes: [UInt8] = []

  init(seed: UInt64) {
    var mixer = SplitMix(seed)
    words = (0..<607).map { _ in mixer.next() }
  }

  mutating func word() -> UInt64 {
    let word = words[words.count - 607] &+ words[words.count - 273]
    words.append(word)
    return word
  }

  /// What `rand.Read` gives: the low seven bytes of each word, lowest first, nothing lost between calls.
  mutating func byte() -> UInt8 {
    if bytes.isEmpty {
      let next = word()
      bytes = (0..<7).reversed().map { UInt8(truncatingIfNeeded: next >> UInt64(8 * $0)) }
    }
    return bytes.removeLast()
  }

  mutating func bigEndian() -> UInt64 { (0..<8).reduce(0) { value, _ in value << 8 | UInt64(byte()) } }
}

/// Steele, Lea and Flood 2014; for everything in tests that is to be random.
struct SplitMix {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }

  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}

/// How a capture differs from what was drawn: draws that are not in it, neighbours in the wrong order, ids made elsewhere.
/// All in percent.
struct Damage: Sendable, CustomStringConvertible {
  var missing = 0
  var swapped = 0
  var foreign = 0
  /// How many places at most an id lies from where it was drawn, as with many threads.
  var scattered = 0
  var description: String {
    "missing \(missing) %, swapped \(swapped) %, foreign \(foreign) %, scattered over \(scattered)"
  }

  func apply(_ draws: [IdDraw], seed: UInt64) -> [IdDraw] {
    var mixer = SplitMix(seed)
    var kept = draws.filter { _ in mixer.below(100) >= missing }
    for i in kept.indices.dropLast() where mixer.below(100) < swapped { kept.swapAt(i, i + 1) }
    if scattered > 0 {
      let places = kept.indices.map { ($0 + mixer.below(scattered + 1), $0) }.sorted { $0 < $1 }
      kept = places.map { kept[$0.1] }
    }
    return kept.flatMap { draw in
      mixer.below(100) < foreign ? [IdDraw(low: mixer.next(), span: .max, start: draw.start), draw] : [draw]
    }
  }
}

/// `count` spans of traces of eight, the first of each a root that draws its trace id too.
func spans(_ count: Int, tracing: Bool = true, id: () -> UInt64, trace: () -> (high: UInt64, low: UInt64)) -> [IdDraw] {
  var draws: [IdDraw] = []
  for span in 0..<count {
    let start = 1_700_000_000_000_000_000 + UInt64(span) * 1_000_000
    if tracing, span % 8 == 0 {
      let (high, low) = trace()
      draws.append(
        IdDraw(low: low, high: high, isTrace: true, span: UInt32(span), start: start, trace: UInt32(span / 8)))
    }
    draws.append(IdDraw(low: id(), span: UInt32(span), start: start, trace: UInt32(span / 8)))
  }
  return draws
}

/// The share of `draws` that `generator` makes, looked for up to `reach` units on, itself after storing and reading.
func share<G: IdSequence>(of draws: [IdDraw], madeBy generator: G, reach: Int, search: Int = 0) -> Double {
  var budget = search
  let state = generator.state(budget: &budget)
  budget = 1_000_000_000
  guard var stored = state.withView({ G(state: $0, budget: &budget) }) else { return 0 }
  stored.rewind(3000)
  var units = Buffer<UInt64>()
  for piece in [1, 2, 3, 7, 1000, reach] { stored.append(piece, to: &units) }
  var spans: Set<UInt64> = []
  var traces: Set<[UInt64]> = []
  for position in 0..<units.count - 4 {
    spans.insert(G.shape.word(units, at: position))
    let (high, low) = G.shape.trace(units, at: position)
    traces.insert([high, low])
  }
  let made = draws.filter { $0.isTrace ? traces.contains([$0.high, $0.low]) : spans.contains($0.low) }
  return Double(made.count) / Double(draws.count)
}

@Suite("Go's math/rand")
struct LaggedFibonacciTests {
  static let damages = [
    Damage(), Damage(missing: 10), Damage(swapped: 10), Damage(foreign: 10),
    Damage(missing: 10, swapped: 5, foreign: 5),
    Damage(missing: 25, swapped: 3), Damage(missing: 10, scattered: 16),
  ]

  @Test("Archives with a Go seed in them open to the ids that Go makes from it")
  func knownAnswers() throws {
    var budget = 1000
    var words = try #require([7, 1, 0, 0, 0, 0].withView { GoWordIds(state: $0, budget: &budget) })
    var units = Buffer<UInt64>()
    words.append(5, to: &units)
    #expect(
      units.array == [
        5_577_006_791_947_779_410, 8_674_665_223_082_153_551, 6_129_484_611_666_145_821, 4_037_200_794_235_010_051,
        3_916_589_616_287_113_937,
      ])
    var bytes = try #require([7, 1, 0, 0, 0, 0].withView { GoByteIds(state: $0, budget: &budget) })
    units.removeAll()
    bytes.append(4, to: &units)
    #expect(
      units.array == [0x52FD_FC07_2182_654F, 0x163F_5F0F_9A62_1D72, 0x9566_C74D_1003_7C4D, 0x7BBB_0407_D1E2_C649])
    var later = try #require([7, 1, 0, 0, 0, 8].withView { GoByteIds(state: $0, budget: &budget) })
    units.removeAll()
    later.append(1, to: &units)
    #expect(units.array == [0x163F_5F0F_9A62_1D72])
  }

  @Test("Ids of Go services stay at full size", arguments: damages)
  func byteIds(damage: Damage) throws {
    var source = Source(seed: 5)
    for _ in 0..<3 { _ = source.byte() }
    let all = spans(3000, id: { source.bigEndian() }, trace: { (source.bigEndian(), source.bigEndian()) })
    let draws = damage.apply(all, seed: 11)
    var budget = 1_000_000_000
    let found = try #require(GoByteIds.recover(IdSample(draws: draws), budget: &budget))
    let own = draws.filter { $0.span != .max }
    #expect(share(of: own, madeBy: found, reach: 12_000) == 1)
  }

  @Test("Ids of dd-trace-go and Jaeger services stay at full size", arguments: damages)
  func wordIds(damage: Damage) throws {
    var source = Source(seed: 6)
    let all = spans(5000, tracing: false, id: { source.word() & UInt64(Int64.max) }, trace: { (0, 0) })
    let draws = damage.apply(all, seed: 12)
    var budget = 1_000_000_000
    let found = try #require(GoWordIds.recover(IdSample(draws: draws), budget: &budget))
    let own = draws.filter { $0.span != .max }
    #expect(share(of: own, madeBy: found, reach: 12_000) == 1)
  }

  @Test("Ids of small Go services, hardly more than the state, stay at full size")
  func shortSample() throws {
    var source = Source(seed: 7)
    let draws = Damage(swapped: 1).apply(
      spans(900, tracing: false, id: { source.bigEndian() }, trace: { (0, 0) }), seed: 13)
    var budget = 1_000_000_000
    let found = try #require(GoByteIds.recover(IdSample(draws: draws), budget: &budget))
    #expect(share(of: draws, madeBy: found, reach: 6000) == 1)
  }

  @Test("The best level stores 4,249 bytes where a seed would do")
  func seedSearch() throws {
    var budget = 1_000_000
    // Seed 123456789, 201,600 bytes on.
    var origin = try #require(
      [7, 0x15, 0xCD, 0x5B, 0x07, 0x80, 0xA7, 0x0C].withView { GoByteIds(state: $0, budget: &budget) })
    var units = Buffer<UInt64>()
    origin.append(1500, to: &units)
    let draws = units.array.enumerated().map { IdDraw(low: $1, span: UInt32($0)) }
    budget = 1_000_000_000
    let found = try #require(GoByteIds.recover(IdSample(draws: draws), budget: &budget))
    var little = 1000
    #expect(found.state(budget: &little).count == 4250)
    budget = 1_000_000_000
    #expect(found.state(budget: &budget).prefix(5) == [7, 0x15, 0xCD, 0x5B, 0x07])
    #expect(share(of: draws, madeBy: found, reach: 6000, search: 1_000_000_000) == 1)
  }

  @Test("Captures without Go take longer to compress, or get a state that makes none of their ids")
  func rejection() {
    var mixer = SplitMix(8)
    let draws = spans(4000, id: { mixer.next() }, trace: { (mixer.next(), mixer.next()) })
    for sample in [draws, draws.map { IdDraw(low: $0.low >> 1, span: $0.span) }] {
      var budget = 1_000_000_000
      #expect(GoByteIds.recover(IdSample(draws: sample), budget: &budget) == nil)
      #expect(budget > 999_700_000)
      #expect(GoWordIds.recover(IdSample(draws: sample), budget: &budget) == nil)
      #expect(budget > 999_400_000)
    }
  }

  @Test("Odd samples crash the encoder")
  func oddSamples() {
    var mixer = SplitMix(9)
    for count in [0, 1, 2, 531, 700, 1500] {
      let same = (0..<count).map { IdDraw(low: 42, span: UInt32($0)) }
      let zero = (0..<count).map { IdDraw(low: 0, isTrace: $0 % 2 == 0, span: UInt32($0)) }
      let few = (0..<count).map { IdDraw(low: UInt64(mixer.below(3)), span: UInt32($0)) }
      for draws in [same, zero, few] {
        for limit in [0, 1000, 300_000_000] {
          var budget = limit
          _ = GoByteIds.recover(IdSample(draws: draws), budget: &budget)
          budget = limit
          _ = GoWordIds.recover(IdSample(draws: draws), budget: &budget)
        }
      }
    }
  }

  @Test("A damaged state crashes the reader or makes it work for ever")
  func hostileStates() {
    let whole: [UInt8] = [0] + [UInt8](repeating: 1, count: 4249)
    let states: [[UInt8]] = [
      [], [0], [7], [8] + whole.dropFirst(), Array(whole.dropLast()), whole + [0], [7, 0, 0, 0, 0, 0],
      [7, 0xFF, 0xFF, 0xFF, 0x7F, 0], [7, 1, 0, 0, 0], [7, 1, 0, 0, 0, 0x80], [7, 1, 0, 0, 0, 0, 0],
      [7, 1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
    ]
    for state in states {
      var budget = 1_000_000
      #expect(state.withView { GoByteIds(state: $0, budget: &budget) } == nil)
      #expect(state.withView { GoWordIds(state: $0, budget: &budget) } == nil)
    }
    var budget = 1_000_000
    #expect(whole.withView { GoByteIds(state: $0, budget: &budget) } != nil)
  }
}
