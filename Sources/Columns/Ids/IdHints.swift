import Bytes

/// What a block's ids tell of those of a later segment: the generators that were found, where each stood, and how fast it
/// went on. Who has them looks there first, and need not recover a generator that another segment has paid for. They are
/// for encoders only: a segment says itself where its generators stand.
public struct IdHints: Sendable {
  struct Generator: Sendable {
    let family: IdFamily
    /// It, behind the last id that it gave.
    let sequence: any IdSequence
    /// When that was drawn, in nanoseconds, and units a nanosecond until then.
    let last: UInt64
    let pace: Double
  }

  var generators: [Generator] = []

  public init() {}

  /// Units that a generator may have gone on: running it that far costs about as much as recovering it.
  static func reach(_ effort: IdEffort) -> Double { effort == .best ? 0x1p22 : 0x1p18 }
}

extension IdPlanner {
  /// The generators that were found in the block just planned, of `draws`. Java is not told: there every id gives its
  /// thread away.
  func newHints(_ draws: borrowing Buffer<IdDraw>) -> IdHints {
    var hints = IdHints()
    let new = plan.lanes.count - lanesBefore
    guard new > 0 else { return hints }
    var seen = [(first: Int64, begin: UInt64, end: UInt64)](repeating: (.max, .max, 0), count: new)
    for d in 0..<draws.count {
      let lane = Int(plan.entries[d].lane) - lanesBefore
      guard lane >= 0 else { continue }
      seen[lane].first = min(seen[lane].first, plan.entries[d].position)
      seen[lane].begin = min(seen[lane].begin, draws[d].start)
      seen[lane].end = max(seen[lane].end, draws[d].start)
    }
    for source in sources where !source.family.isJava && !source.family.isPage {
      for lane in source.lanes where Int(lane.lane) >= lanesBefore {
        let (first, begin, end) = seen[Int(lane.lane) - lanesBefore]
        guard end > begin else { continue }
        hints.generators.append(
          IdHints.Generator(
            family: source.family, sequence: lane.track.generator(at: lane.expected), last: end,
            pace: Double(lane.expected - first) / Double(end - begin)))
      }
    }
    return hints
  }

  /// Looks for ids that are not explained where another segment has met generators.
  mutating func follow(_ hints: IdHints, _ draws: borrowing Buffer<IdDraw>) {
    guard !hints.generators.isEmpty else { return }
    let begin = plan.tags.least
    let none = ProcessIds()
    let unexplained = Buffer<Bool>()
    var hits = Buffer<SequenceScan.Hit>()
    for hint in hints.generators where hint.last <= begin {
      let distance = hint.pace * Double(begin - hint.last)
      guard 0..<IdHints.reach(effort) ~= distance else { continue }
      fillScan(draws)
      // Twice as far as it should have gone, and some more.
      let ahead = 1 << 16 + 2 * Int(distance)
      var budget = 8 * ahead
      hits.removeAll()
      scan.run(
        hint.sequence, within: ahead, quiet: hint.family.quiet(effort), back: 1024, budget: &budget, into: &hits)
      pool -= 8 * ahead - budget
      guard hits.count > 0 else { continue }
      let process = Int(draws[Int(hits[0].draw)].process)
      // It has gone on until here: some more blocks like this one will follow.
      _ = adopt(hint.sequence, hint.family, process, none, draws, hits, unexplained, blocks: 6, &budget)
    }
  }
}
