import Bytes

/// Finding generators in what is known of a process: a ladder of growing cost on a bounded sample.
extension IdPlanner {
  /// Takes stock of ids that are not explained, and searches where there are enough of them.
  mutating func search(_ draws: borrowing Buffer<IdDraw>) {
    var due: [Int] = []
    for i in 0..<order.count {
      let draw = draws[Int(order[i])]
      if draw.kind.isStrange { continue }
      let p = Int(draw.process)
      if plan.entries[Int(order[i])].lane >= 0 {
        searches[p].pending -= searches[p].pending > 0 && i & 7 == 0 ? 1 : 0
        continue
      }
      searches[p].pending += 1
      if searches[p].missing == 0 { due.append(p) }
      searches[p].missing += 1
    }
    // Large processes first: they are worth most.
    let ready = due.filter { searches[$0].pending >= searches[$0].nextTry }
    for p in ready.sorted(by: { (searches[$1].missing, $0) < (searches[$0].missing, $1) }) { search(p, draws) }
    searchStrangers(draws)
    for i in 0..<order.count where plan.entries[Int(order[i])].lane < 0 {
      let draw = draws[Int(order[i])]
      if !draw.kind.isStrange, searches[Int(draw.process)].missing > 0 { searches[Int(draw.process)].keep(draw) }
    }
    for p in due { searches[p].missing = 0 }
  }

  /// Searches the ids of process `p` that are not explained, those of earlier blocks and those of this one.
  private mutating func search(_ p: Int, _ draws: borrowing Buffer<IdDraw>) {
    let search = ProcessIds(searches[p].history, draws, order, plan.entries, process: p)
    var found = findAgain(p, search, draws)
    for family in searches[p].ladder where !found {
      let budget = allowance(searches[p].language, family, search.draws.count)
      let isNarrow = family == .goBytes || family == .goWords
      guard budget > 0, isNarrow || isWide(p), searches[p].tries(family, search.draws.count) else { continue }
      if family.isJava {
        found = findJava(p, search, draws)
      } else if let type = family.sequence {
        found = find(p, family, type, search, draws, budget)
      }
    }
    if found {
      searches[p].found()
      searches[p].history = []
    }
    searches[p].plan()
  }

  /// Roots that have not come yet, known as parents and trace ids of other processes' spans, open pages too.
  private mutating func searchStrangers(_ draws: borrowing Buffer<IdDraw>) {
    for family in [IdFamily.webDigits, .webBytes] where sources.contains(where: { $0.family == family }) {
      let ids = ProcessIds([], draws, order, plan.entries, process: nil)
      if ids.draws.count >= 2 {
        _ = find(nil, family, family.sequence!, ids, draws, allowance(.webjs, family, ids.draws.count))
      }
    }
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
    var scan = SequenceScan(expecting: ids.numbers.count, highFirst: shape.highFirst)
    for i in 0..<ids.numbers.count { scan.add(ids.draws[ids.earlier + i], ids.numbers[i]) }
    var hits = Buffer<SequenceScan.Hit>()
    let quiet = source.family.quiet(effort)
    for l in source.lanes.indices.suffix(2) {
      let lane = source.lanes[l]
      var budget = 8 * quiet + 1000 * ids.numbers.count
      hits.removeAll()
      scan.run(lane.track.generator(at: lane.expected), quiet: quiet, back: quiet, budget: &budget, into: &hits)
      guard hits.count > 0 else { continue }
      var last = Int64.min
      for h in 0..<hits.count {
        let d = Int(hits[h].draw)
        guard plan.entries[d].lane < 0 else { continue }
        let position = lane.expected + hits[h].position
        plan.entries[d] = IdPlan.Entry(group: Int32(g), lane: lane.lane, position: position)
        last = max(last, position + Int64(draws[d].isTrace ? shape.unitsOfTrace : shape.unitsOfSpan))
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
    var list = Buffer<UInt32>()
    for i in 0..<ids.draws.count { list.append(UInt32(i)) }
    IdOrder.arrangePairs(&list, from: 0, ids.draws, traceIsFirst: false)
    let isJava = searches[p].language == .java
    // A process may stand under several resources.
    for g in sources.indices where sources[g].family.isJava {
      var hits = 0
      for i in 0..<min(list.count, 64) where sources[g].finder.find(ids.draws[Int(list[i])]) != nil { hits += 1 }
      if hits * 2 > min(list.count, 64) { return placeJava(p, ids, draws, in: g + 1) }
    }
    let count = isJava ? 2000 : min(1000, max(64, list.count / 8))
    var sample = Buffer<UInt32>()
    for i in 0..<min(count, list.count) { sample.append(list[i]) }
    var best: (found: Int, perThread: Bool) = (1, false)
    for perThread in [false, true] {
      var finder = ThreadFinder(perThread: perThread)
      finder.run(ids.draws, sample, into: &places)
      if finder.found > best.found { best = (finder.found, perThread) }
    }
    guard best.found > 1 else { return false }
    var finder = ThreadFinder(perThread: best.perThread)
    finder.run(ids.draws, list, into: &places)
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
    enter(ids, list, source, g)
    return true
  }

  /// Gives the ids of process `p` to a group that is there already.
  private mutating func placeJava(
    _ p: Int, _ ids: borrowing ProcessIds, _ draws: borrowing Buffer<IdDraw>, in g: Int
  ) -> Bool {
    let source = sources[g - 1]
    var list = Buffer<UInt32>()
    for i in ids.earlier..<ids.draws.count { list.append(UInt32(i)) }
    IdOrder.arrangePairs(&list, from: 0, ids.draws, traceIsFirst: false)
    source.finder.run(ids.draws, list, into: &places)
    searches[p].home = g
    enter(ids, list, source, g)
    return true
  }

  /// Enters what `places` say of `list`, numbers in `ids`.
  private mutating func enter(
    _ ids: borrowing ProcessIds, _ list: borrowing Buffer<UInt32>, _ source: IdSource, _ g: Int
  ) {
    self.list.removeAll()
    for i in 0..<list.count where Int(list[i]) >= ids.earlier {
      // Places move up to where their draws are.
      places[self.list.count] = places[i]
      let d = ids.numbers[Int(list[i]) - ids.earlier]
      self.list.append(d)
      plan.entries[Int(d)].group = Int32(g)
    }
    take(source, g)
  }

  /// Makes `source` a group.
  private mutating func add(_ source: IdSource) -> Int {
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
    if family == .node { return language == .nodejs ? 100_000_000 : 40 * min(count, 2000) }
    if family.isPage { return 1_000_000 + 1000 * count }
    // Even a rejection takes a quarter of a millisecond.
    if language == .unknown, count < 1000 || doubt < 0 { return 0 }
    return pool >= family.usualCost ? min(pool, 4 * family.usualCost) : 0
  }

  /// Finds all generators of `family` in process `p`, or among strangers; false if there is none.
  private mutating func find(
    _ p: Int?, _ family: IdFamily, _ type: any IdSequence.Type, _ ids: borrowing ProcessIds,
    _ draws: borrowing Buffer<IdDraw>, _ allowance: Int
  ) -> Bool {
    let shape = type.shape
    let language = p.map { searches[$0].language } ?? .webjs
    var budget = allowance
    var open = Buffer<UInt32>()
    for i in 0..<ids.draws.count { open.append(UInt32(i)) }
    IdOrder.arrangePairs(&open, from: 0, ids.draws, traceIsFirst: shape.traceIsFirst && shape.drawsTraces)
    // Everything not explained, to run a generator past; of this process by numbers in `ids`, then by draws.
    let others = UInt32(ids.draws.count)
    var scan = SequenceScan(expecting: open.count + 64, highFirst: shape.highFirst)
    for i in 0..<ids.draws.count { scan.add(ids.draws[i], UInt32(i)) }
    for d in 0..<draws.count
    where plan.entries[d].lane < 0
      && (p == nil ? !draws[d].kind.isStrange : draws[d].kind.isStrange || Int(draws[d].process) != p)
    {
      scan.add(draws[d], others + UInt32(d))
    }
    var explained = Buffer<Bool>(repeating: false, count: ids.draws.count)
    var skip = 0
    var any = false
    let window = family.window
    // Following a generator that was found is worth more than looking for one.
    var reach = effort == .best ? 4_000_000_000 : 20_000_000 + 1000 * ids.draws.count
    var misses = 0
    while open.count - skip >= family.leastDraws, budget > 0, reach > 0 {
      var sample: [IdDraw] = []
      for i in skip..<min(open.count, skip + window) { sample.append(ids.draws[Int(open[i])]) }
      let before = budget
      let generator = type.recover(IdSample(draws: sample), budget: &budget)
      if family != .node, !family.isPage {
        pool -= before - budget
        if generator == nil, language == .unknown { doubt -= before - budget }
      }
      guard let generator else {
        // Nothing here. Only the best effort looks further, and whoever has found one generator.
        misses += 1
        let further = effort == .best ? misses < 4 || language != .unknown : any
        guard further || family.isPage, skip + window < open.count else { break }
        skip += window - window / 8
        continue
      }
      var hits = Buffer<SequenceScan.Hit>()
      let quiet = family.quiet(effort)
      scan.run(generator, quiet: quiet, back: family.isPage ? 1024 : quiet, budget: &reach, into: &hits)
      if adopt(generator, family, p, ids, draws, hits, explained, &reach) {
        // What a find has cost is well spent.
        budget = max(budget, self.allowance(language, family, ids.draws.count))
        any = true
        for h in 0..<hits.count where hits[h].draw < others { explained[Int(hits[h].draw)] = true }
        var rest = Buffer<UInt32>()
        for i in 0..<open.count where !explained[Int(open[i])] { rest.append(open[i]) }
        open = rest
      } else {
        // Too little to pay for a state, a page with one root perhaps: go on behind it.
        for h in 0..<hits.count where hits[h].draw < others { explained[Int(hits[h].draw)] = true }
        var at = skip
        while at < open.count, !explained[Int(open[at])] { at += 1 }
        for h in 0..<hits.count where hits[h].draw < others { explained[Int(hits[h].draw)] = false }
        skip = (at < open.count ? at : skip + window / 8) + 1
      }
    }
    return any
  }

  /// Adds a generator to the plan if what it gives pays for its state, counting ids of earlier blocks: it will go on.
  private mutating func adopt(
    _ generator: any IdSequence, _ family: IdFamily, _ p: Int?, _ ids: borrowing ProcessIds,
    _ draws: borrowing Buffer<IdDraw>, _ hits: borrowing Buffer<SequenceScan.Hit>, _ explained: borrowing Buffer<Bool>,
    _ budget: inout Int
  ) -> Bool {
    let others = ids.draws.count
    var saved = 0
    var first = Int64.max
    var last = Int64.min
    for h in 0..<hits.count {
      let hit = hits[h]
      var draw = -1
      if Int(hit.draw) < others {
        if explained[Int(hit.draw)] { continue }
        saved += ids.draws[Int(hit.draw)].size - 1
        if Int(hit.draw) >= ids.earlier { draw = Int(ids.numbers[Int(hit.draw) - ids.earlier]) }
      } else {
        draw = Int(hit.draw) - others
        if plan.entries[draw].lane < 0 { saved += draws[draw].size - 1 }
      }
      guard draw >= 0, plan.entries[draw].lane < 0 else { continue }
      first = min(first, hit.position)
      last = max(last, hit.position + Int64(draws[draw].isTrace ? family.shape.unitsOfTrace : family.shape.unitsOfSpan))
    }
    guard first < .max else { return false }
    var start = generator
    if first < 0 {
      start.rewind(Int(-first))
    } else if first > 0 {
      var skipped = Buffer<UInt64>()
      start.append(Int(first), to: &skipped)
    }
    var stateBudget = effort == .best ? budget : min(budget, 100_000)
    let state = start.state(budget: &stateBudget)
    guard saved > state.count + family.leastGain else { return false }

    let g: Int
    let home = p.map { searches[$0].home } ?? 0
    if home > 0, sources[home - 1].family == family {
      g = home
    } else if family.isPage, let present = sources.firstIndex(where: { $0.family == family }) {
      // Pages are many small generators; one group tells them apart best.
      g = present + 1
    } else {
      g = add(IdSource(family))
    }
    if let p, home != g {
      searches[p].home = g
      for i in 0..<ids.numbers.count { plan.entries[Int(ids.numbers[i])].group = Int32(g) }
    }
    let track = SequenceTrack(start)
    let lane = Int32(plan.lanes.count)
    plan.lanes.append(IdPlan.Lane(source: Int32(plan.states.count)))
    plan.states.append(state)
    plan.tracks.append(track)
    let source = sources[g - 1]
    source.lanes.append(
      IdSource.Lane(lane: lane, track: track, expected: last - first, before: last - first))
    source.hot = source.lanes.count - 1
    for h in 0..<hits.count {
      let hit = hits[h]
      let draw: Int
      if Int(hit.draw) >= others {
        draw = Int(hit.draw) - others
      } else {
        guard Int(hit.draw) >= ids.earlier else { continue }
        draw = Int(ids.numbers[Int(hit.draw) - ids.earlier])
      }
      guard plan.entries[draw].lane < 0 else { continue }
      plan.entries[draw] = IdPlan.Entry(group: Int32(g), lane: lane, position: hit.position - first)
      if Int(draws[draw].process) != p { noteHit(draws[draw], g) }
    }
    return true
  }
}

/// The ids of a process (or of strangers) that are not explained: those kept of earlier blocks, then those of this one.
struct ProcessIds: ~Copyable {
  var draws: Buffer<IdDraw>
  /// How many are of earlier blocks.
  let earlier: Int
  /// Of the others, their numbers in the block.
  var numbers = Buffer<UInt32>()

  init(
    _ history: [IdDraw], _ draws: borrowing Buffer<IdDraw>, _ order: borrowing Buffer<UInt32>,
    _ entries: borrowing Buffer<IdPlan.Entry>, process: Int?
  ) {
    self.draws = Buffer(capacity: history.count + 64)
    for draw in history { self.draws.append(draw) }
    earlier = history.count
    for i in 0..<order.count {
      let draw = draws[Int(order[i])]
      if process.map({ Int(draw.process) == $0 && !draw.kind.isStrange }) ?? draw.kind.isStrange,
        entries[Int(order[i])].lane < 0
      {
        self.draws.append(draw)
        numbers.append(order[i])
      }
    }
  }
}
