/// What comes between two neighbouring ids of a sample: nothing, always the same number of draws by the application, or
/// who knows what.
///
/// A transition is classed by the names of its two spans and their relation, and only where both lie in one trace and no
/// other request was in the process at the time: then the program's own course decides what is drawn in between. Classes
/// whose gaps, wherever they could be measured, were all the same are taken to be so everywhere.
struct Transitions {
  /// Of each draw, the first of its units (words) in the flat sequence.
  let firsts: [Int32]
  /// Of each draw, the number of its units.
  let lengths: [Int32]
  /// The class of the transition from each draw to the next; 0 where it has none.
  private var classes: [UInt64]

  /// Other requests this much (nanoseconds) before or after count as being in the process.
  private static let guardTime: UInt64 = 300_000
  /// Neighbours further apart in time have no class.
  private static let reach: UInt64 = 50_000_000
  /// Traces longer than this do not count for more than this.
  private static let longest: UInt64 = 5_000_000_000

  init(_ draws: ArraySlice<IdDraw>, firsts: [Int32], lengths: [Int32]) {
    self.firsts = firsts
    self.lengths = lengths
    classes = [UInt64](repeating: 0, count: firsts.count)

    // When each trace is in the process.
    var intervals: [UInt32: (start: UInt64, end: UInt64)] = [:]
    for draw in draws where draw.trace != .max {
      let end = min(max(draw.end, draw.start), draw.start &+ Self.longest)
      if let seen = intervals[draw.trace] {
        intervals[draw.trace] = (min(seen.start, draw.start), max(seen.end, end))
      } else {
        intervals[draw.trace] = (draw.start, end)
      }
    }
    let sorted = intervals.sorted { ($0.value.start, $0.key) < ($1.value.start, $1.key) }
    // Of the traces up to each, the one that ends last, and the last end among the others.
    var lastEnds: [(trace: UInt32, end: UInt64, other: UInt64)] = []
    lastEnds.reserveCapacity(sorted.count)
    var top = (trace: UInt32.max, end: 0 as UInt64, other: 0 as UInt64)
    for (trace, interval) in sorted {
      if interval.end > top.end {
        top = (trace, interval.end, top.end)
      } else {
        top.other = max(top.other, interval.end)
      }
      lastEnds.append(top)
    }
    func alone(_ trace: UInt32, from: UInt64, to: UInt64) -> Bool {
      var (low, high) = (0, sorted.count)
      while low < high {
        let middle = (low + high) / 2
        if sorted[middle].value.start < to { low = middle + 1 } else { high = middle }
      }
      guard low > 0 else { return true }
      let last = lastEnds[low - 1]
      return (last.trace == trace ? last.other : last.end) <= from
    }

    let base = draws.startIndex
    for i in 0..<max(0, min(firsts.count, draws.count) - 1) {
      let (a, b) = (draws[base + i], draws[base + i + 1])
      if a.span == b.span {
        classes[i] = 1
      } else if a.trace != .max, a.trace == b.trace, b.start >= a.start, b.start - a.start <= Self.reach,
        alone(a.trace, from: a.start &- min(a.start, Self.guardTime), to: b.start &+ Self.guardTime)
      {
        classes[i] =
          2 | UInt64(a.name & 0x3FFF_FFFF) << 32 | UInt64(b.name & 0x1FFF_FFFF) << 3
          | (b.parent == a.node && a.node != IdDraw.none ? 4 : 0)
      }
    }
  }

  /// The gap of each class that always showed the same one, at least eight times.
  private func steady(_ positions: inout RelativePositions, count: Int) -> [UInt64: Int] {
    var seen: [UInt64: (gap: Int, times: Int)] = [:]
    for (i, kind) in classes.enumerated().dropLast() where kind != 0 {
      let (a, b) = (Int(firsts[i] + lengths[i] - 1), Int(firsts[i + 1]))
      guard b < count else { break }
      let (rootA, offsetA) = positions.find(a)
      let (rootB, offsetB) = positions.find(b)
      guard rootA == rootB else { continue }
      let gap = offsetB - offsetA - 1
      if let known = seen[kind] {
        seen[kind] = (known.gap, known.gap == gap && known.times >= 0 ? known.times + 1 : -1)
      } else {
        seen[kind] = (gap, 1)
      }
    }
    return seen.filter { $0.value.times >= 8 && $0.value.gap >= 0 }.mapValues { $0.gap }
  }

  /// Links all neighbours among the first `count` units whose distance the classes tell.
  func link(_ positions: inout RelativePositions, count: Int) {
    let gaps = steady(&positions, count: count)
    for (i, kind) in classes.enumerated().dropLast() {
      guard let gap = gaps[kind] else { continue }
      let (a, b) = (Int(firsts[i] + lengths[i] - 1), Int(firsts[i + 1]))
      guard b < count else { break }
      positions.link(a, b, gap + 1)
    }
  }

  /// Of each draw, whether the next one surely follows without a gap.
  func gapless(_ positions: inout RelativePositions, count: Int) -> [Bool] {
    let gaps = steady(&positions, count: count)
    return classes.map { gaps[$0] == 0 }
  }
}
