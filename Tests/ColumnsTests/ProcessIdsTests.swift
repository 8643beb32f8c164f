import Bytes
import Testing

@testable import Columns

/// Ids of a process that wait for a search, over blocks: where one is lost or out of order, a generator is found late or
/// never.
@Suite struct ProcessIdsTests {
  @Test func idsWaitInTheOrderOfTheirStarts() {
    for seed in 1...400 as ClosedRange<UInt64> {
      var random = TextRandom(state: seed)
      let limit = random.below(60) + 1
      var ids = ProcessIds()
      // What should wait, by its id.
      var waiting: [IdDraw] = []
      var made: UInt64 = 0
      for block in 0..<6 {
        var draws = Buffer<IdDraw>()
        var entries = Buffer<IdPlan.Entry>()
        for _ in 0..<random.below(80) {
          made += 1
          // Blocks overlap in time, often or never.
          let start = UInt64(random.below(100) + block * (seed % 3 == 0 ? 200 : 20))
          draws.append(IdDraw(low: made, span: UInt32(made), start: start))
          entries.append(random.below(4) == 0 ? IdPlan.Entry(group: 1, lane: 0, position: 0) : IdPlan.Entry())
        }
        // Of other processes, or strangers, are some of them.
        var list = Buffer<UInt32>()
        let own = (0..<draws.count).filter { _ in random.below(5) > 0 }
        for d in own.sorted(by: { (draws[$0].start, $0) < (draws[$1].start, $1) }) { list.append(UInt32(d)) }

        ids.gather(draws, list, 0..<list.count, entries)
        var expected = waiting
        for i in 0..<list.count where entries[Int(list[i])].lane < 0 { expected.append(draws[Int(list[i])]) }
        expected = stable(expected)
        let all = ids.all(draws)
        #expect((0..<ids.count).map { all[ids.order[$0]].low } == expected.map(\.low), "seed \(seed), block \(block)")

        // Some are explained between gathering and keeping.
        for i in 0..<list.count where random.below(6) == 0 {
          entries[Int(list[i])] = IdPlan.Entry(group: 1, lane: 0, position: 0)
        }
        ids.keep(draws, entries, limit: limit)
        if expected.count > limit * 5 / 4 { expected.removeFirst(expected.count - limit) }
        let explained = Set((0..<draws.count).filter { entries[$0].lane >= 0 }.map { draws[$0].low })
        waiting = expected.filter { !explained.contains($0.low) }
      }
    }
  }

  /// By start; of those with one start, those of earlier blocks first.
  private func stable(_ draws: [IdDraw]) -> [IdDraw] {
    draws.enumerated().sorted { ($0.element.start, $0.offset) < ($1.element.start, $1.offset) }.map(\.element)
  }
}
