import Bytes
/// Finding generators in what is known of a process: a ladder of growing cost on a bounded sample.
extension IdPlanner {
  /// Takes stock of ids that are not explained, and searches where there are enough of them.
  mutating func search(_ draws: borrowing Buffer<IdDraw>) {
    var due: [Int] = []
    inVain = 0
    for d in 0..<draws.count where !plan.tags[d].isStrange {
      let p = plan.tags[d].process
      if plan.entries[d].lane >= 0 {
        searches[p].explained &+= 1
        if searches[p].explained & 7 == 0, searches[p].pending > 0 { searches[p].pending &-= 1 }
        continue
      }
      searches[p].pending &+= 1
      if searches[p].missing == 0 { due.append(p) }
      searches[p].missing &+= 1
    }
    // Their lists, one behind the other, by time.
    var missing = Buffer<UInt32>()
    var count = 0
    for p in due {
      searches[p].start = count
      count += searches[p].missing
      searches[p].missing = 0
    }
    missing.append(repeating: 0, count: count)
    for i in 0..<plan.order.count {
      let d = Int(plan.order[i])
      let tag = plan.tags[d]
      if plan.entries[d].lane >= 0 || tag.isStrange { continue }
      let p = tag.process
      missing[searches[p].start &+ searches[p].missing] = plan.order[i]
      searches[p].missing &+= 1
    }
    // Large processes first: they are worth most.
    let ready = due.filter { searches[$0].pending >= searches[$0].nextTry }
    for p in ready.sorted(by: { (searches[$1].missing, $0) < (searches[$0].missing, $1) }) {
      var ids = ProcessIds()
      swap(&ids, &histories[p].ids)
      ids.gather(draws, missing, searches[p].list, plan.entries)
      searches[p].isGathered = !search(p, ids, draws)
      if searches[p].isGathered { swap(&ids, &histories[p].ids) }
    }
    if hasPages { searchPages(draws) }
    for p in due {
      // What will be long forgotten by the next search is not worth keeping.
      if searches[p].nextTry - searches[p].pending > histories[p].kept {
        histories[p].ids.removeAll()
      } else {
        if !searches[p].isGathered { histories[p].ids.gather(draws, missing, searches[p].list, plan.entries) }
        histories[p].ids.keep(draws, plan.entries, limit: histories[p].kept)
      }
      searches[p].missing = 0
      searches[p].isGathered = false
    }
  }

  /// Searches the ids of process `p` that are not explained, those of earlier blocks and those of this one; whether
  /// anything was found.
  private mutating func search(_ p: Int, _ ids: borrowing ProcessIds, _ draws: borrowing Buffer<IdDraw>) -> Bool {
    let history = histories[p]
    let pending = searches[p].pending
    sample.traceIsFirst = nil
    var found = findAgain(p, ids, draws)
    for family in history.ladder where !found {
      let budget = allowance(searches[p].language, family, ids.count)
      let isNarrow = family == .goBytes || family == .goWords
      guard budget > 0, isNarrow || isWide(p), history.tries(family, pending, effort) else { continue }
      if family.isJava {
        found = findJava(p, ids, draws)
      } else if let type = family.sequence {
        found = find(p, family, type, ids, draws, budget)
      }
    }
    if found {
      searches[p].pending = 0
      history.found()
    } else {
      inVain += searches[p].missing
    }
    searches[p].nextTry = history.nextTry(effort)
    return found
  }

  /// A process whose generator is known may have run far ahead, or come from further back: blocks need not follow each
  /// other in time.
  private mutating func findAgain(_ p: Int, _ ids: borrowing ProcessIds, _ draws: borrowing Buffer<IdDraw>) -> Bool {
    let g = searches[p].home
    guard g > 0, !sources[g - 1].family.isJava, !sources[g - 1].family.isPage, !sources[g - 1].lanes.isEmpty else {
      return false
    }
    let source = sources[g - 1]
    let shape = source.family.shape
    fillScan(draws, of: p)
    var hits = Buffer<SequenceScan.Hit>()
    let quiet = source.family.quiet(effort)
    for l in source.lanes.indices.suffix(2) {
      let lane = source.lanes[l]
      var budget = 8 * quiet + 1000 * ids.count
      hits.removeAll()
      scan.run(lane.track.generator(at: lane.expected), quiet: quiet, back: quiet, budget: &budget, into: &hits)
      guard hits.count > 0 else { continue }
      var last = Int64.min
      for h in 0..<hits.count {
        let d = Int(hits[h].draw)
        guard plan.entries[d].lane < 0 else { continue }
        let position = lane.expected + hits[h].position
        last = max(last, enter(hits[h].draw, lane.lane, position, g, shape, isSure: true))
      }
      // All of them may have been planned already.
      guard last > .min else { continue }
      source.lanes[l].expected = last
      source.lanes[l].before = last
      source.hot = l
      return true
    }
    return false
  }

  // MARK: Java

  private mutating func findJava(_ p: Int, _ ids: borrowing ProcessIds, _ draws: borrowing Buffer<IdDraw>) -> Bool {
    let all = ids.all(draws)
    var list = Buffer<UInt32>()
    list.append(ids.order, from: 0)
    IdOrder.arrangePairs(&list, all, traceIsFirst: false)
    let isJava = searches[p].language == .java
    // A process may stand under several resources.
    for g in sources.indices where sources[g].family.isJava {
      var hits = 0
      for i in 0..<min(list.count, 64) where sources[g].finder.find(all[list[i]]) != nil { hits += 1 }
      if hits * 2 > min(list.count, 64) { return placeJava(p, ids, draws, in: g + 1) }
    }
    let count = isJava ? 2000 : min(500, max(64, list.count / 8))
    var sample = Buffer<UInt32>()
    for i in 0..<min(count, list.count) { sample.append(list[i]) }
    var best: (found: Int, perThread: Bool) = (1, false)
    for perThread in [false, true] {
      var finder = ThreadFinder(perThread: perThread)
      finder.run(all, sample, into: &places)
      if finder.found > best.found { best = (finder.found, perThread) }
    }
    guard best.found > 1 else { return false }
    var finder = ThreadFinder(perThread: best.perThread)
    finder.run(all, list, into: &places)
    var saved = -32
    for t in 0..<finder.threads.count where finder.threads[t].met > 1 {
      saved += 7 * Int(finder.threads[t].met) - (finder.seeder == nil ? 9 : 4)
    }
    guard saved > 0 else { return false }
    for g in sources.indices where sources[g].family == (best.perThread ? .java17 : .java8) {
      if finder.isOne(with: sources[g].finder) { return placeJava(p, ids, draws, in: g + 1) }
    }
    let family: IdFamily = best.perThread ? .java17 : .java8
    let source = IdSource(family, finder)
    let g = add(source)
    searches[p].home = g
    enter(list, draws, source, g)
    return true
  }

  /// Gives the ids of process `p` to a group that is there already.
  private mutating func placeJava(
    _ p: Int, _ ids: borrowing ProcessIds, _ draws: borrowing Buffer<IdDraw>, in g: Int
  ) -> Bool {
    let source = sources[g - 1]
    var list = Buffer<UInt32>()
    for i in 0..<ids.count where Int(ids.order[i]) < draws.count { list.append(ids.order[i]) }
    plan.tags.arrangePairs(list.elements, traceIsFirst: false)
    source.finder.run(NumberedDraws(draws), list, into: &places)
    searches[p].home = g
    enter(list, draws, source, g)
    return true
  }

  /// Enters what `places` say of those of `list` that are of this block.
  private mutating func enter(
    _ list: borrowing Buffer<UInt32>, _ draws: borrowing Buffer<IdDraw>, _ source: IdSource, _ g: Int
  ) {
    self.list.removeAll()
    for i in 0..<list.count where Int(list[i]) < draws.count {
      // Places move up to where their draws are.
      places[self.list.count] = places[i]
      self.list.append(list[i])
      plan.entries[Int(list[i])].group = Int32(g)
    }
    take(source, g)
  }

  /// Makes `source` a group.
  mutating func add(_ source: IdSource) -> Int {
    sources.append(source)
    plan.families.append(source.family)
    plan.seeders.append(nil)
    return sources.count
  }

  // MARK: Sequences

  /// How much work a search may take. Searches reject foreign ids early, so that captures without a generator are not
  /// slowed down; what a find costs below the best effort is bounded for the segment as a whole.
  private func allowance(_ language: IdLanguage, _ family: IdFamily, _ count: Int) -> Int {
    if family.isJava { return 1 }
    if effort == .best { return family == .dotnet && language == .unknown ? 5_000_000 : 2_000_000_000 }
    if family == .node { return language == .nodejs ? count < 2000 ? 1_000_000 : 100_000_000 : 40 * min(count, 2000) }
    if family == .cpp { return 400_000 }
    // Even a rejection takes a quarter of a millisecond.
    if language == .unknown, count < 1000 || doubt < 0 { return 0 }
    // Processes that draw from Mersenne Twister come by the dozen: they leave some for others.
    let share = family == .python || family == .ruby ? pool - 10_000_000 : pool
    guard share >= family.usualCost else { return 0 }
    // Enough for all windows but the widest, which takes three times as much as they do.
    return min(share, family == .dotnet ? 8000 * count : 30_000_000)
  }

  /// Finds all generators of `family` in process `p`; false if there is none.
  private mutating func find(
    _ p: Int, _ family: IdFamily, _ type: any IdSequence.Type, _ ids: borrowing ProcessIds,
    _ draws: borrowing Buffer<IdDraw>, _ allowance: Int
  ) -> Bool {
    let shape = type.shape
    let language = searches[p].language
    var budget = allowance
    let window = family.window
    let traceIsFirst = shape.traceIsFirst && shape.drawsTraces
    // Those that are not explained, once the first look is over.
    var open = Buffer<UInt32>()
    var isFirst = true
    // A generator is run past everything that is not explained, of the block and of the process' earlier ones.
    let all = ids.all(draws)
    var explained = Buffer<Bool>()
    var scanned = 0
    var skip = 0
    var any = false
    // Following a generator that was found is worth more than looking for one.
    var reach = effort == .best ? 4_000_000_000 : 20_000_000 + 1000 * ids.count
    var misses = 0
    while (isFirst ? ids.count : open.count) - skip >= family.leastDraws(effort), budget > 0, reach > 0 {
      let looked: ArraySlice<IdDraw>
      if isFirst {
        // Families share it.
        if sample.traceIsFirst != traceIsFirst { fillSample(ids, all, traceIsFirst: traceIsFirst) }
        looked = sample.draws.prefix(window)
      } else {
        looked = (skip..<min(open.count, skip + window)).map { all[open[$0]] }[...]
      }
      let before = budget
      let generator = type.recover(IdSample(draws: looked), budget: &budget)
      if family != .node {
        pool -= before - budget
        // What takes long is promising.
        if generator == nil, language == .unknown { doubt -= min(before - budget, 400_000) }
      }
      // Where there is nothing, only the best effort looks further, and whoever has found one generator.
      if generator == nil, !(effort == .best ? misses < 3 || language != .unknown : any) { break }
      if isFirst {
        isFirst = false
        open.append(ids.order, from: 0)
        IdOrder.arrangePairs(&open, all, traceIsFirst: traceIsFirst)
      }
      guard let generator else {
        misses += 1
        guard skip + window < open.count else { break }
        skip += window - window / 8
        continue
      }
      var hits = Buffer<SequenceScan.Hit>()
      let quiet = family.quiet(effort)
      if explained.isEmpty {
        explained.append(repeating: false, count: all.count)
        let earlier = UInt32(draws.count)..<UInt32(all.count)
        fillScan(draws, of: p, room: earlier.reduce(0) { $0 + (all[$1].isTrace ? 2 : 1) })
        scanned = scan.count
        for number in earlier { scan.add(all[number], number) }
      }
      scan.run(
        generator, quiet: quiet, back: effort == .best ? quiet : min(quiet, 4096 + 8 * ids.count),
        budget: &reach, into: &hits)
      if adopt(generator, family, p, ids, draws, hits, explained, &reach) {
        // What a find has cost is well spent.
        budget = max(budget, self.allowance(language, family, ids.count))
        any = true
        for h in 0..<hits.count { explained[Int(hits[h].draw)] = true }
        var rest = Buffer<UInt32>()
        for i in 0..<open.count where !explained[Int(open[i])] { rest.append(open[i]) }
        open = rest
      } else {
        // Too little to pay for a state: go on behind it.
        for h in 0..<hits.count { explained[Int(hits[h].draw)] = true }
        var at = skip
        while at < open.count, !explained[Int(open[at])] { at += 1 }
        for h in 0..<hits.count { explained[Int(hits[h].draw)] = false }
        skip = (at < open.count ? at : skip + window / 8) + 1
      }
    }
    if !explained.isEmpty { scan.truncate(to: scanned) }
    return any
  }

  /// Puts what is looked at first of `ids` into `sample`, unless it is there in another order.
  private mutating func fillSample(_ ids: borrowing ProcessIds, _ all: NumberedDraws, traceIsFirst: Bool) {
    if sample.traceIsFirst == nil {
      sample.draws.removeAll(keepingCapacity: true)
      sample.draws.reserveCapacity(min(ids.count, IdFamily.widest))
      for i in 0..<min(ids.count, IdFamily.widest) { sample.draws.append(all[ids.order[i]]) }
    }
    sample.traceIsFirst = traceIsFirst
    IdOrder.arrangePairs(&sample.draws, traceIsFirst: traceIsFirst)
  }

  /// Adds a generator to the plan if what it gives in `blocks` like this one pays for its state, counting ids of earlier
  /// blocks: it will go on.
  mutating func adopt(
    _ generator: any IdSequence, _ family: IdFamily, _ p: Int, _ ids: borrowing ProcessIds,
    _ draws: borrowing Buffer<IdDraw>, _ hits: borrowing Buffer<SequenceScan.Hit>, _ explained: borrowing Buffer<Bool>,
    blocks: Int = 1, _ budget: inout Int
  ) -> Bool {
    var saved = 0
    var first = Int64.max
    for h in 0..<hits.count {
      let hit = hits[h]
      let d = Int(hit.draw)
      guard d < draws.count else {
        if !explained[d] { saved += ids.all(draws)[hit.draw].size - 1 }
        continue
      }
      guard plan.entries[d].lane < 0 else { continue }
      saved += plan.tags[d].size - 1
      first = min(first, hit.position)
    }
    guard first < .max else { return false }
    let start = generator.moved(by: first)
    var stateBudget = effort == .best ? budget : min(budget, 100_000)
    let state = start.state(budget: &stateBudget)
    guard saved * blocks > state.count + family.leastGain else { return false }

    var g = searches[p].home
    if g == 0 || sources[g - 1].family != family {
      g = add(IdSource(family))
      searches[p].home = g
      for i in 0..<ids.count {
        let d = Int(ids.order[i])
        if d < draws.count, plan.entries[d].lane < 0 { plan.entries[d].group = Int32(g) }
      }
    }
    let lane = addLane(SequenceTrack(start), state, g)
    // The scan has seen the generator give every id. Its copy that starts elsewhere is tried on the first few.
    let track = plan.tracks[plan.tracks.count - 1]
    var tried = 0
    for h in 0..<hits.count where 0..<4096 ~= hits[h].position - first {
      if tried == 4 { break }
      let d = Int(hits[h].draw)
      guard d < draws.count, plan.entries[d].lane < 0 else { continue }
      guard track.gives(draws[d], at: hits[h].position - first) else { return false }
      tried += 1
    }
    let shape = family.shape
    var end: Int64 = 0
    for h in 0..<hits.count {
      let d = hits[h].draw
      guard Int(d) < draws.count, plan.entries[Int(d)].lane < 0 else { continue }
      end = max(end, enter(d, lane, hits[h].position - first, g, shape, isSure: tried > 0))
    }
    expect(end, g)
    return true
  }

  /// Makes `track` the newest lane of group `g`.
  mutating func addLane(_ track: SequenceTrack, _ state: [UInt8], _ g: Int) -> Int32 {
    let lane = Int32(plan.lanes.count)
    plan.lanes.append(IdPlan.Lane(source: Int32(plan.states.count)))
    plan.states.append(state)
    plan.tracks.append(track)
    sources[g - 1].lanes.append(IdSource.Lane(lane: lane, track: track, expected: 0, before: 0))
    sources[g - 1].hot = sources[g - 1].lanes.count - 1
    return lane
  }

  /// Enters that draw `d` stands at `position` of `lane`, of group `g`; where the next id is expected then.
  @inline(__always)
  mutating func enter(
    _ d: UInt32, _ lane: Int32, _ position: Int64, _ g: Int, _ shape: IdShape, isSure: Bool
  ) -> Int64 {
    plan.entries[Int(d)] = IdPlan.Entry(group: Int32(g), lane: lane, position: position, isSure: isSure)
    let tag = plan.tags[Int(d)]
    noteHit(tag, g)
    return position &+ Int64(tag.isTrace ? shape.unitsOfTrace : shape.unitsOfSpan)
  }

  /// The newest lane of group `g` has been met up to `end`.
  func expect(_ end: Int64, _ g: Int) {
    let source = sources[g - 1]
    let last = source.lanes.count - 1
    source.lanes[last].expected = max(end, source.lanes[last].expected)
    source.lanes[last].before = source.lanes[last].expected
  }
}

extension IdSequence {
  /// The generator `distance` units on, or back.
  func moved(by distance: Int64) -> Self {
    var result = self
    if distance < 0 { result.rewind(Int(-distance)) }
    var left = Int(max(0, distance))
    var skipped = Buffer<UInt64>()
    while left > 0 {
      let count = min(left, 1 << 14)
      skipped.removeAll()
      result.append(count, to: &skipped)
      left -= count
    }
    return result
  }
}
