import Bytes

/// Browsers' generators, one for each page load: every root's two ids that are not explained may open a page, also of a
/// root that has not come yet and is known as parent and trace id of another process' span. Only the best effort looks for
/// them: a page gives a few ids, and the search took a fifteenth of the time of compressing.
extension IdPlanner {
  mutating func searchPages(_ draws: borrowing Buffer<IdDraw>) {
    // Strangers are looked at where there are pages at all.
    let before = sources.count
    openPages(draws)
    if sources.count > before { openPages(draws) }
  }

  private mutating func openPages(_ draws: borrowing Buffer<IdDraw>) {
    var families: [IdFamily] = [.webDigits, .webBytes]
    let known = families.filter { family in sources.contains { $0.family == family } }
    if !known.isEmpty { families = known }
    // Whose ids may be of pages.
    list.removeAll()
    for i in 0..<plan.order.count where plan.entries[Int(plan.order[i])].lane < 0 {
      let tag = plan.tags[Int(plan.order[i])]
      let language = searches[tag.process].language
      if tag.isStrange ? !known.isEmpty : language == .webjs || language == .unknown {
        list.append(plan.order[i])
      }
    }
    guard list.count > 1 else { return }
    plan.tags.arrangePairs(list.elements, traceIsFirst: false)
    var isReady = false
    var hits = Buffer<SequenceScan.Hit>()
    var budget = 1_000_000 + 4000 * list.count
    for family in families {
      var any = false
      // First roots that tell where blocks of draws begin.
      for crossing in [true, false] {
        for i in 1..<list.count where budget > 0 {
          let (span, trace) = (draws[Int(list[i - 1])], draws[Int(list[i])])
          guard trace.isTrace, IdDraw.arePair(span, trace), plan.entries[Int(list[i])].lane < 0,
            plan.entries[Int(list[i - 1])].lane < 0
          else { continue }
          budget -= 64 * 8
          guard let page = openPage(family, span, trace, crossing: crossing) else { continue }
          if !isReady {
            isReady = true
            // For these alone: a small filter is a fast one.
            isScanned = false
            scan.clear(expecting: list.count, highFirst: true)
            for k in 0..<list.count { scan.add(draws[Int(list[k])], list[k]) }
          }
          hits.removeAll()
          let end = scan.run(page, quiet: 512, back: 256, budget: &budget, into: &hits)
          if adopt(page, end, family, draws, hits) { any = true }
        }
      }
      if any { break }
    }
  }

  private func openPage(_ family: IdFamily, _ span: IdDraw, _ trace: IdDraw, crossing: Bool) -> (any IdSequence)? {
    if family == .webDigits {
      return WebDigitDraw.recover(span: span.low, high: trace.high, low: trace.low, crossing: crossing).map {
        WebDigitRandom(s0: $0.s0, s1: $0.s1, used: $0.used)
      }
    }
    return WebByteDraw.recover(span: span.low, high: trace.high, low: trace.low, crossing: crossing).map {
      WebByteRandom(s0: $0.s0, s1: $0.s1, used: $0.used)
    }
  }

  /// Adds a page to the plan if what it gives pays for its state; `end` is where running it ended.
  private mutating func adopt(
    _ page: any IdSequence, _ end: borrowing SequenceScan.End, _ family: IdFamily,
    _ draws: borrowing Buffer<IdDraw>, _ hits: borrowing Buffer<SequenceScan.Hit>
  ) -> Bool {
    let shape = type(of: page).shape
    var saved = 0
    var first = Int64.max
    var next = Int64.min
    for h in 0..<hits.count where plan.entries[Int(hits[h].draw)].lane < 0 {
      let tag = plan.tags[Int(hits[h].draw)]
      saved += tag.size - 1
      first = min(first, hits[h].position)
      next = max(next, hits[h].position + Int64(tag.isTrace ? shape.unitsOfTrace : shape.unitsOfSpan))
    }
    guard saved > 0 else { return false }
    let start = page.moved(by: first)
    var budget = 0
    let state = start.state(budget: &budget)
    guard saved > state.count + family.leastGain else { return false }
    // Where the page starts differs from where it was seen to give every id: there it is tried again.
    let tried = SequenceTrack(start)
    for h in 0..<hits.count
    where hits[h].position - first < 64 && plan.entries[Int(hits[h].draw)].lane < 0 {
      guard tried.gives(draws[Int(hits[h].draw)], at: hits[h].position - first) else { return false }
    }
    // What comes next is looked for from its last ids on.
    let from = max(first, next - 64, end.origin)
    var units = Buffer<UInt64>()
    units.append(end.units, from: Int(from - end.origin))
    let track = SequenceTrack(end.generator, units: units, at: from - first)
    let g = sources.firstIndex { $0.family == family }.map { $0 + 1 } ?? add(IdSource(family))
    let lane = addLane(track, state, g)
    for h in 0..<hits.count where plan.entries[Int(hits[h].draw)].lane < 0 {
      _ = enter(hits[h].draw, lane, hits[h].position - first, g, shape, isSure: true)
    }
    expect(next - first, g)
    return true
  }
}
