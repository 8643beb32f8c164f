import Bytes

/// The encoder's search for generators, block by block: ids of generators that are known are predicted; what is left of a
/// process is kept until it is enough for a search, and searched again only when it has about doubled.
struct IdPlanner: ~Copyable {
  let effort: IdEffort
  var plan = IdPlan()
  /// By process.
  var searches = Buffer<ProcessSearch>()
  var histories: [ProcessHistory] = []
  /// By group, from group 1 on.
  var sources: [IdSource] = []
  /// By place.
  private var habits = Buffer<(search: HabitSearch, told: IdHabits)>()
  /// Work that searches beyond Java's and Node's may still do.
  var pool = 20_000_000
  /// Work that may be lost on processes of which nothing is known.
  var doubt = 500_000

  /// Blocks in which nothing was found, since the start; those that are still to be left out, -1 where the next is to be
  /// looked at; and those of the last pause, of which the next has twice as many and one.
  private var fruitless = 0
  private var resting = -1
  private var rest = 1
  private var toldHabits = false

  /// What another segment has told, for the next block.
  var hints = IdHints()
  /// Lanes of the blocks before.
  private(set) var lanesBefore = 0
  /// Whether pages are searched for, and any process may be a browser.
  var hasPages = false

  // Scratch of a block.
  private var starts = Buffer<Int>()
  private var sorted = Buffer<UInt32>()
  var list = Buffer<UInt32>()
  var places = Buffer<ThreadFinder.Place>()
  private var strangers = Buffer<UInt32>()
  /// Those of them that are looked at first, pairs with the trace id first or last; nil where they have not been asked for.
  var sample: (traceIsFirst: Bool?, draws: [IdDraw]) = (nil, [])
  /// Ids of the block whose process was searched and nothing found.
  var inVain = 0
  var scan = SequenceScan()
  /// Whether `scan` has the block's draws.
  var isScanned = false

  init(effort: IdEffort) { self.effort = effort }

  mutating func addProcess(_ language: IdLanguage) {
    searches.append(ProcessSearch(language, effort))
    histories.append(ProcessHistory(language, effort))
    if effort == .best, language == .webjs || language == .unknown { hasPages = true }
  }

  /// Whether a block to come is to be looked at, one of those that are asked of in turn. Where the first blocks have given
  /// nothing at all, ever fewer are: most such captures have no generator that is known, and should not be slowed down.
  mutating func looksAgain() -> Bool {
    guard effort < .best, fruitless >= 2, sources.isEmpty, !toldHabits else { return true }
    if resting < 0 {
      rest = min(2 * rest + 1, 7)
      resting = rest
    }
    resting -= 1
    return resting < 0
  }

  mutating func plan(_ draws: borrowing Buffer<IdDraw>, _ known: borrowing IdLanes) {
    plan.entries.removeAll()
    plan.entries.append(repeating: IdPlan.Entry(), count: draws.count)
    isScanned = false
    pool += 50 * draws.count
    doubt += 20 * draws.count
    plan.tags.read(draws)
    observe(draws)
    IdOrder.visit(draws, plan.tags, into: &plan.order)
    lanesBefore = plan.lanes.count
    if !sources.isEmpty {
      follow(draws)
      lookForMissing(draws, known)
    }
    follow(hints, draws)
    hints = IdHints()
    search(draws)
    if plan.habits.count > 0 { toldHabits = true }
    // A block of few ids says little, and one says enough where most were looked at.
    if sources.isEmpty, draws.count >= 2000 { fruitless += 2 * inVain > draws.count ? 2 : 1 }
  }

  // MARK: Habits

  /// Bits that the ids of a process share, as far as the first of each block show them.
  private mutating func observe(_ draws: borrowing Buffer<IdDraw>) {
    plan.habits.removeAll()
    for d in 0..<draws.count {
      let tag = plan.tags[d]
      while searches.count <= tag.process { addProcess(.unknown) }
      let place = tag.place
      if place >= habits.count { habits.resize(to: place + 1, filling: (HabitSearch(), IdHabits())) }
      guard habits[place].search.looksOn else { continue }
      habits[place].search.add(draws[d])
      if tag.isSecond { habits[place].search.add(pair: draws[d &- 1].low == draws[d].low) }
    }
    for place in 0..<habits.count where habits[place].search.endBlock() {
      let now = habits[place].search.habits
      if now != habits[place].told {
        habits[place].told = now
        plan.habits.append((place, now))
      }
    }
  }

  /// Whether the span ids of a process show all 64 bits.
  func isWide(_ p: Int) -> Bool { habits[2 * p].search.isWide }

  // MARK: Known generators

  /// Predicts the ids of processes whose generator is known.
  private mutating func follow(_ draws: borrowing Buffer<IdDraw>) {
    starts.removeAll()
    starts.append(repeating: 0, count: sources.count + 2)
    strangers.removeAll()
    for i in 0..<plan.order.count {
      let d = Int(plan.order[i])
      let tag = plan.tags[d]
      if tag.isStrange {
        strangers.append(plan.order[i])
        continue
      }
      let home = searches[tag.process].home
      if home == 0 { continue }
      plan.entries[d].group = Int32(home)
      starts[home &+ 1] &+= 1
    }
    for g in 1..<starts.count { starts[g] += starts[g &- 1] }
    sorted.removeAll()
    sorted.append(repeating: 0, count: plan.order.count)
    for i in 0..<plan.order.count {
      let home = Int(plan.entries[Int(plan.order[i])].group)
      if home == 0 { continue }
      sorted[starts[home]] = plan.order[i]
      starts[home] &+= 1
    }
    var start = 0
    for g in 1...sources.count {
      let end = starts[g]
      if end > start {
        list.removeAll()
        for i in start..<end { list.append(sorted[i]) }
        let source = sources[g - 1]
        let shape = source.family.shape
        plan.tags.arrangePairs(list.elements, traceIsFirst: shape.traceIsFirst && shape.drawsTraces)
        if source.family.isJava {
          source.finder.run(NumberedDraws(draws), list, into: &places)
          take(source, g)
        } else if !source.family.isPage {
          // Pages come and go: those are found by looking for missing ids.
          predict(draws, source, g)
        }
      }
      start = end
    }
    for i in 0..<strangers.count { findStranger(strangers[i], draws) }
  }

  /// An id that another process drew may be a Java thread's.
  private mutating func findStranger(_ d: UInt32, _ draws: borrowing Buffer<IdDraw>) {
    for g in 1...sources.count where sources[g - 1].family.isJava {
      let source = sources[g - 1]
      guard let place = source.finder.find(draws[Int(d)]) else { continue }
      let lane = laneOf(place, source, g)
      if lane >= 0 { plan.entries[Int(d)] = IdPlan.Entry(group: Int32(g), lane: lane, position: place.position) }
      return
    }
  }

  /// Enters what a finder made of `list`: `places`.
  mutating func take(_ source: IdSource, _ g: Int) {
    for i in 0..<list.count where places[i].thread >= 0 {
      let lane = laneOf(places[i], source, g)
      if lane >= 0 {
        plan.entries[Int(list[i])] = IdPlan.Entry(group: Int32(g), lane: lane, position: places[i].position)
      }
    }
  }

  /// The planned lane of a thread; -1 where it is not worth one: a thread met once costs as much as the id it gives,
  /// unless the seeder gives it.
  private mutating func laneOf(_ place: ThreadFinder.Place, _ source: IdSource, _ g: Int) -> Int32 {
    let t = Int(place.thread)
    let thread = source.finder.threads[t]
    if thread.lane >= 0 { return thread.lane }
    let seeder = source.finder.seeder
    plan.seeders[g - 1] = seeder
    if thread.met < 2 {
      guard let seeder, ThreadLocalRandom.birth(seed: thread.seed, step: thread.step, seeder: seeder) != nil else {
        return -1
      }
    }
    let lane = Int32(plan.lanes.count)
    plan.lanes.append(IdPlan.Lane(seed: thread.seed, step: thread.step))
    source.finder.threads[t].lane = lane
    return lane
  }

  /// Predicts the ids of `list` from the lane that gave the last one: most follow it at once or nearly. Where some in a row
  /// do not, `lookForMissing` finds the rest for less.
  private mutating func predict(_ draws: borrowing Buffer<IdDraw>, _ source: IdSource, _ g: Int) {
    guard !source.lanes.isEmpty else { return }
    var lane = source.lanes[source.hot]
    let track = lane.track
    let shape = track.shape
    let (spanUnits, traceUnits) = (Int64(shape.unitsOfSpan), Int64(shape.unitsOfTrace))
    var reach = track.reach
    var misses = 0
    for i in 0..<list.count {
      let d = Int(list[i])
      let draw = draws[d]
      if lane.expected + 32 + traceUnits > reach.upperBound {
        track.extend(to: lane.expected + 32 + traceUnits)
        reach = track.reach
      }
      guard lane.expected >= reach.lowerBound else { break }
      guard let position = track.find(draw, near: lane.expected) else {
        misses += 1
        if misses == 16 { break }
        continue
      }
      misses = 0
      plan.entries[d] = IdPlan.Entry(group: Int32(g), lane: lane.lane, position: position, isSure: true)
      lane.expected = max(lane.expected, position + (draw.isTrace ? traceUnits : spanUnits))
    }
    source.lanes[source.hot].expected = lane.expected
  }

  /// Runs lanes of known generators past the ids that were not predicted, whichever process they are of.
  private mutating func lookForMissing(_ draws: borrowing Buffer<IdDraw>, _ known: borrowing IdLanes) {
    var missingAt = [Int](repeating: 0, count: sources.count + 1)
    for d in 0..<draws.count where plan.entries[d].lane < 0 && !plan.tags[d].isStrange {
      missingAt[searches[plan.tags[d].process].home] &+= 1
    }
    guard sources.contains(where: { !$0.family.isJava }) else { return }
    fillScan(draws)
    guard scan.count > 0 else { return }
    var work = 1 << 15 + 128 * scan.count
    let isBest = effort == .best
    for g in 1...sources.count {
      let source = sources[g - 1]
      if source.family.isJava { continue }
      source.forget(plan, known)
      let isPage = source.family.isPage
      // Pages are many, and soon over.
      if isPage { source.rest() }
      for l in source.lanes.indices.reversed().prefix(IdSource.watched) where work > 0 {
        run(
          source, l, g,
          quiet: isPage ? 512 : 256 + (isBest ? 64 : 1) * min(missingAt[g], 1024), back: isPage ? 512 : 1024, &work)
      }
    }
  }

  /// Puts the block's draws that are not explained into `scan`, once a block as a rule, with room for `more` ids: those of
  /// strangers and of each process, unless thousands of its ids were looked for in vain and it is not `p`, about to be
  /// searched again. Some of them may have been explained since.
  mutating func fillScan(_ draws: borrowing Buffer<IdDraw>, of p: Int? = nil, room more: Int = 0) {
    if isScanned, scan.room >= more, p.map({ searches[$0].isScanned }) ?? true { return }
    isScanned = true
    for q in 0..<searches.count {
      let search = searches[q]
      searches[q].isScanned =
        q == p || effort == .best || search.explained > 0 || search.pending - search.missing < 4096
        || search.pending >= search.nextTry
    }
    list.removeAll()
    for d in 0..<draws.count where plan.entries[d].lane < 0 {
      let tag = plan.tags[d]
      if tag.isStrange || searches[tag.process].isScanned { list.append(UInt32(truncatingIfNeeded: d)) }
    }
    // Trace ids are there twice.
    scan.clear(expecting: list.count + list.count / 8 + more, highFirst: nil)
    for i in 0..<list.count { scan.add(draws[Int(list[i])], list[i]) }
  }

  /// Looks for ids of `scan` around lane `l` of `source`, and on until `quiet` units hold none.
  private mutating func run(
    _ source: IdSource, _ l: Int, _ g: Int, quiet: Int, back: Int64, _ work: inout Int
  ) {
    let lane = source.lanes[l]
    let track = lane.track
    let units = Int64(track.shape.unitsOfTrace)
    var hits = Buffer<SequenceScan.Hit>()
    var from = max(track.reach.lowerBound, lane.before - back)
    var to = lane.expected + Int64(quiet)
    var expected = lane.expected
    while from < to {
      track.extend(to: to + units)
      work -= Int(to - from)
      let before = hits.count
      track.look(from..<to, scan, &hits)
      for h in before..<hits.count {
        guard plan.entries[Int(hits[h].draw)].lane < 0 else { continue }
        expected = max(
          expected, enter(hits[h].draw, lane.lane, hits[h].position, g, track.shape, isSure: true))
      }
      from = to
      to = work > 0 ? max(to, expected + Int64(quiet)) : to
    }
    source.lanes[l].expected = expected
    source.lanes[l].before = expected
    if hits.count > 0 { source.hot = l }
  }

  /// A process whose ids come from a known generator has its home there.
  @inline(__always)
  mutating func noteHit(_ tag: DrawTags.Tag, _ g: Int) {
    guard !tag.isStrange else { return }
    let p = tag.process
    if searches[p].home == 0 {
      searches[p].strays += 1
      if searches[p].strays >= 4 { searches[p].home = g }
    }
  }
}

/// A generator of the segment as the encoder follows it.
final class IdSource {
  let family: IdFamily
  /// Java.
  var finder: ThreadFinder
  /// Other generators: lanes that are still known, the last found last.
  var lanes: [Lane] = []
  /// The lane that gave the last id.
  var hot = 0

  struct Lane {
    /// In the plan.
    var lane: Int32
    var track: SequenceTrack
    /// Where the next id is expected, and was before the block.
    var expected: Int64
    var before: Int64
  }

  init(_ family: IdFamily, _ finder: consuming ThreadFinder = ThreadFinder(perThread: false)) {
    self.family = family
    self.finder = finder
  }

  /// Lanes of a source that are run past missing ids, the newest.
  static var watched: Int { 64 }

  /// Frees what lanes that are not watched any more have made.
  func rest() { for lane in lanes.dropLast(Self.watched) { lane.track.rest() } }

  /// Drops lanes that both sides have forgotten.
  func forget(_ plan: borrowing IdPlan, _ known: borrowing IdLanes) {
    guard lanes.count >= IdGroup.limit else { return }
    var kept: [Lane] = []
    for lane in lanes {
      let named = plan.lanes[Int(lane.lane)].named
      if named < 0 || known[named].isKnown { kept.append(lane) }
    }
    lanes = kept
    hot = max(0, lanes.count - 1)
  }
}
