import Bytes

/// The encoder's search for generators: a ladder of growing cost for each process, on a bounded sample of its ids.
struct IdPlanner: ~Copyable {
  private let values: IdValues
  private let context: IdContext
  private let clues: IdClues
  private let effort: IdEffort
  private var plan: IdPlan
  /// Draws of each process, in file order.
  private var draws: [[UInt32]]
  /// Made when the first sequence generator is found, for either order of an id's halves.
  private var scans = Scans()
  /// Work that searches beyond Java's and Node's may still do.
  private var pool: Int
  /// Work that may be lost on processes of which nothing is known.
  private var doubt: Int

  private struct Scans: ~Copyable {
    var highFirst: SequenceScan?
    var lowFirst: SequenceScan?
  }

  /// Processes from this one on are those of strangers.
  private let known: Int

  init(values: IdValues, context: IdContext, processes known: Int, clues: IdClues, effort: IdEffort) {
    self.known = known
    self.values = values
    self.context = context
    self.clues = clues
    self.effort = effort
    pool = 20_000_000 + 250 * context.count
    doubt = 500_000 + 20 * context.count
    let processes = Int(context.process.max() ?? 0) + 1
    plan = IdPlan(
      group: [Int](repeating: 0, count: processes), lane: [Int32](repeating: -1, count: context.count),
      position: [Int64](repeating: 0, count: context.count),
      shapes: [ProcessShape](repeating: ProcessShape(), count: processes))
    var counts = [Int](repeating: 0, count: processes)
    for p in context.process { counts[Int(p)] += 1 }
    draws = counts.map {
      var list: [UInt32] = []
      list.reserveCapacity($0)
      return list
    }
    for d in 0..<context.count { draws[Int(context.process[d])].append(UInt32(d)) }
  }

  consuming func plan(_ hints: inout IdHints) -> IdPlan {
    for p in draws.indices { plan.shapes[p] = shape(of: p) }
    tryHints(hints)
    // Large processes first: what they draw from may serve smaller ones (a process under several resources).
    // Strangers last: theirs are the generators of processes in the capture.
    let order = draws.indices.sorted {
      if ($0 < known) != ($1 < known) { return $0 < known }
      return draws[$0].count != draws[$1].count ? draws[$0].count > draws[$1].count : $0 < $1
    }
    for p in order where plan.group[p] == 0 && draws[p].count >= 3 { findJava(p) }
    mergeJava()
    for p in order where draws[p].count >= 3 { findSequences(p, &hints) }
    return plan
  }

  // MARK: Shapes

  /// Bits that the ids of a process share, where there are enough ids to pay for saying so.
  private func shape(of p: Int) -> ProcessShape {
    var shape = ProcessShape()
    var span = Common()
    var high = Common()
    var low = Common()
    var same = 0
    var pairs = 0
    var previous: UInt32?
    for d in draws[p] {
      let i = Int(d)
      if context.kind[i].isTrace {
        high.add(values.high[i])
        low.add(values.low[i])
      } else {
        span.add(values.low[i])
      }
      if let other = previous, IdOrder.arePair(other, d, context) {
        pairs += 1
        if values.low[Int(other)] == values.low[i] { same += 1 }
        previous = nil
      } else {
        previous = d
      }
    }
    shape.span = span.fixed
    shape.traceHigh = high.fixed
    shape.traceLow = low.fixed
    shape.traceEndsInSpan = same > 3 && same * 8 > pairs
    return shape
  }

  private struct Common {
    var count = 0
    var all: UInt64 = .max
    var any: UInt64 = 0

    @inline(__always)
    mutating func add(_ value: UInt64) {
      count += 1
      all &= value
      any |= value
    }

    /// A mask costs 16 bytes, and bits of a few values agree by chance.
    var fixed: FixedBits {
      let mask = all | ~any
      guard count >= 32, mask.nonzeroBitCount * count > 200 else { return FixedBits() }
      return FixedBits(mask: mask, value: all)
    }
  }

  // MARK: Samples

  private func language(_ p: Int) -> IdLanguage { p < clues.language.count ? clues.language[p] : .unknown }

  /// Whether `p` may use one of the generators of `languages`.
  private func mayBe(_ p: Int, _ languages: IdLanguage...) -> Bool {
    language(p) == .unknown || languages.contains(language(p))
  }

  private func samples(_ order: [UInt32]) -> [IdDraw] {
    var sample: [IdDraw] = []
    sample.reserveCapacity(order.count)
    for d in order {
      let i = Int(d)
      var parent = UInt32.max
      if context.parent[i] >= 0, Int(context.parent[i]) < context.count {
        parent = context.span[Int(context.parent[i])]
      }
      sample.append(
        IdDraw(
          low: values.low[i], high: values.high[i], isTrace: context.kind[i].isTrace, span: context.span[i],
          name: context.name[i], start: context.start[i], end: i < clues.end.count ? clues.end[i] : 0,
          trace: i < clues.trace.count ? clues.trace[i] : .max, parent: parent))
    }
    return sample
  }

  // MARK: Java

  private mutating func findJava(_ p: Int) {
    let isJava = language(p) == .java
    guard isJava || language(p) == .unknown else { return }
    // Strangers are of a process that is in the capture, if any.
    if p >= known, !plan.groups.contains(where: { $0.family.isJava }) { return }
    // All ids of full width, or it is not Java.
    guard plan.shapes[p].span.mask == 0 else { return }
    let all = draws[p]
    let count = isJava ? 2000 : min(1000, max(64, all.count / 8))
    let sample = samples(IdOrder.visit(Array(all.prefix(count)), context, traceIsFirst: false))
    var best: (found: Int, perThread: Bool) = (1, false)
    for perThread in [false, true] {
      var finder = ThreadFinder(perThread: perThread)
      var places: [ThreadFinder.Place] = []
      finder.run(sample, into: &places)
      if finder.found > best.found { best = (finder.found, perThread) }
    }
    guard best.found > 1 else { return }
    placeJava([p], perThread: best.perThread)
  }

  /// Makes a group of `processes`, whose ids all come from one Java process.
  private mutating func placeJava(_ processes: [Int], perThread: Bool, replacing old: Int? = nil) {
    var all: [UInt32] = []
    for p in processes { all += draws[p] }
    if processes.count > 1 { all.sort() }
    let order = IdOrder.visit(all, context, traceIsFirst: false)
    var finder = ThreadFinder(perThread: perThread)
    var places: [ThreadFinder.Place] = []
    finder.run(samples(order), into: &places)

    // A thread met once costs as much as the id it gives, unless the seeder gives it.
    var met = [Int](repeating: 0, count: finder.threads.count)
    for (k, place) in places.enumerated() where place.thread >= 0 {
      met[Int(place.thread)] += context.kind[Int(order[k])].isTrace ? 2 : 1
    }
    var lanes: [IdPlan.Lane] = []
    var lane = [Int32](repeating: -1, count: met.count)
    var saved = -32
    for t in 0..<met.count {
      let thread = finder.threads[t]
      if met[t] > 1
        || (met[t] == 1
          && finder.seeder.map {
            ThreadLocalRandom.birth(seed: thread.seed, step: thread.step, seeder: $0) != nil
          } ?? false)
      {
        lane[t] = Int32(lanes.count)
        lanes.append(IdPlan.Lane(seed: thread.seed, step: thread.step))
        saved += 7 * met[t] - (finder.seeder == nil ? 9 : 4)
      }
    }
    guard saved > 0 else { return }
    let g: Int
    var group = IdPlan.Group(family: perThread ? .java17 : .java8)
    group.seeder = finder.seeder
    group.lanes = lanes
    group.processes = processes.map { UInt32($0) }
    if let old {
      g = old
      plan.groups[g] = group
    } else {
      g = plan.groups.count
      plan.groups.append(group)
    }
    for p in processes { plan.group[p] = g }
    for (k, place) in places.enumerated() {
      let d = Int(order[k])
      let l = place.thread >= 0 ? lane[Int(place.thread)] : -1
      plan.lane[d] = l
      plan.position[d] = place.position
    }
  }

  /// One Java process may stand under several resources: its groups share threads, or the seeder.
  private mutating func mergeJava() {
    var g = 1
    while g < plan.groups.count {
      var others: [Int] = []
      for h in g + 1..<max(g + 1, plan.groups.count) where areOne(plan.groups[g], plan.groups[h]) { others.append(h) }
      if !others.isEmpty {
        let processes = (plan.groups[g].processes + others.flatMap { plan.groups[$0].processes }).map { Int($0) }
          .sorted()
        placeJava(processes, perThread: plan.groups[g].family == .java17, replacing: g)
        for h in others.reversed() where plan.group.allSatisfy({ $0 != h }) {
          plan.groups.remove(at: h)
          for p in plan.group.indices where plan.group[p] > h { plan.group[p] -= 1 }
        }
      }
      g += 1
    }
  }

  private func areOne(_ a: IdPlan.Group, _ b: IdPlan.Group) -> Bool {
    guard a.family == b.family, a.family.isJava else { return false }
    if let x = a.seeder, let y = b.seeder {
      let n = Int64(bitPattern: (x &- y) &* ThreadLocalRandom.seederStepInverse)
      return n > -(1 << 20) && n < 1 << 20
    }
    // The same thread in both: same step, near seeds.
    var seeds: [UInt64: UInt64] = [:]
    let near: UInt64 = 1 << 24
    for lane in a.lanes.prefix(256) { seeds[key(lane), default: lane.seed] = lane.seed }
    for lane in b.lanes.prefix(256) {
      guard let seed = seeds[key(lane)] else { continue }
      let distance = (lane.seed &- seed) &* ThreadLocalRandom.inverse(lane.step)
      if distance < near || distance > UInt64.max - near { return true }
    }
    return false
  }

  /// What two looks at one thread have in common: its step (JDK 17 on), or its counter's high bits.
  private func key(_ lane: IdPlan.Lane) -> UInt64 {
    lane.step != ThreadLocalRandom.gamma
      ? lane.step : (lane.seed &* ThreadLocalRandom.inverse(ThreadLocalRandom.gamma)) >> 24
  }

  // MARK: Sequences

  /// Families to try for a process, cheapest first.
  private func ladder(_ p: Int) -> [IdFamily] {
    let wide = plan.shapes[p].span.mask == 0
    if p >= known {
      // Strangers are of a process that is in the capture, if any: of those, families whose states come from one root.
      let met = Set(plan.groups.map { $0.family })
      return [IdFamily.node, .webDigits, .webBytes].filter { met.contains($0) }
    }
    var list: [IdFamily] = []
    if wide, mayBe(p, .nodejs) { list.append(.node) }
    if effort >= .default {
      if mayBe(p, .go) { list += [.goBytes, .goWords] }
      if wide, mayBe(p, .python) { list.append(.python) }
      if wide, language(p) == .ruby || effort == .best && language(p) == .unknown { list.append(.ruby) }
      if wide, mayBe(p, .cpp) { list.append(.cpp) }
      if wide, language(p) == .dotnet { list.append(.dotnet) }
    }
    if effort == .best {
      // The tables of a browser's draws alone cost more than a small capture's whole archive.
      if wide, language(p) == .unknown || language(p) == .webjs { list += [.webDigits, .webBytes, .dotnet] }
    }
    return list
  }

  /// How much work a search may take. Searches reject foreign ids early, so that captures without a generator are not
  /// slowed down; what a find costs below the best effort is bounded for the segment as a whole, large processes first.
  private func allowance(_ p: Int, _ family: IdFamily) -> Int {
    let n = draws[p].count
    if effort == .best { return family == .dotnet && language(p) == .unknown ? 5_000_000 : 2_000_000_000 }
    if family == .node { return language(p) == .nodejs ? 100_000_000 : 40 * min(n, 2000) }
    if family.isPage { return 1_000_000 + 1000 * n }
    // Even a rejection takes a quarter of a millisecond.
    if language(p) == .unknown, n < 1000 || doubt < 0 { return 0 }
    return pool >= family.usualCost ? min(pool, 4 * family.usualCost) : 0
  }

  private mutating func findSequences(_ p: Int, _ hints: inout IdHints) {
    if plan.groups[plan.group[p]].family.isJava { return }
    let families = plan.group[p] == 0 ? ladder(p) : [plan.groups[plan.group[p]].family]
    for family in families {
      guard let type = family.sequence else { continue }
      if find(p, family, type, &hints) { return }
    }
  }

  /// Finds all generators of `family` in process `p`; false if there is none.
  private mutating func find(
    _ p: Int, _ family: IdFamily, _ type: any IdSequence.Type, _ hints: inout IdHints
  ) -> Bool {
    let shape = type.shape
    var budget = allowance(p, family)
    guard budget > 0, draws[p].count >= family.leastDraws else { return false }
    let order = IdOrder.visit(draws[p], context, traceIsFirst: shape.traceIsFirst && shape.drawsTraces)
    var open = order.filter { isOpen(Int($0)) }
    var skip = 0
    var any = false
    let window = family.window
    // Following a generator that was found is worth more than looking for one.
    var reach = effort == .best ? 4_000_000_000 : 20_000_000 + 1000 * draws[p].count
    var misses = 0
    while open.count - skip >= family.leastDraws, budget > 0, reach > 0 {
      let sample = IdSample(draws: samples(Array(open[skip..<min(open.count, skip + window)])))
      let before = budget
      let generator = type.recover(sample, budget: &budget)
      if family != .node, !family.isPage {
        pool -= before - budget
        if generator == nil, language(p) == .unknown { doubt -= before - budget }
      }
      guard let generator else {
        // Nothing here. Only the best effort looks further, and whoever has found one generator.
        misses += 1
        let further = effort == .best ? misses < 4 || language(p) != .unknown : any
        guard further || family.isPage, skip + window < open.count else { break }
        skip += window - window / 8
        continue
      }
      let outcome = follow(generator, family, p, &reach, &hints)
      // What a find has cost is well spent.
      if outcome.taken { budget = max(budget, allowance(p, family)) }
      if outcome.taken {
        any = true
        open = open.filter { isOpen(Int($0)) }
      } else {
        // Too little to pay for a state, a page with one root perhaps: go on behind it.
        let given = Set(outcome.draws)
        let at = open[skip...].firstIndex { given.contains($0) } ?? skip + window / 8
        skip = at + 1
      }
    }
    return any
  }

  private func isOpen(_ d: Int) -> Bool { plan.lane[d] < 0 }

  /// Runs a generator past all open ids and adds it to the plan if that saves enough; the draws that it gives.
  private mutating func follow(
    _ generator: any IdSequence, _ family: IdFamily, _ p: Int?, _ budget: inout Int, _ hints: inout IdHints
  ) -> (taken: Bool, draws: [UInt32]) {
    let shape = family.shape
    let quiet = family.quiet(effort)
    // One table serves all generators; ids explained since are passed over.
    var found: [SequenceScan.Hit]
    if shape.highFirst {
      if scans.highFirst == nil { scans.highFirst = SequenceScan(openDraws(), values, context, highFirst: true) }
      found = scans.highFirst!.run(
        generator, quiet: quiet, back: family.isPage ? 1024 : quiet, values, context, budget: &budget)
    } else {
      if scans.lowFirst == nil { scans.lowFirst = SequenceScan(openDraws(), values, context, highFirst: false) }
      found = scans.lowFirst!.run(
        generator, quiet: quiet, back: family.isPage ? 1024 : quiet, values, context, budget: &budget)
    }
    found = found.filter { isOpen(Int($0.draw)) && mayJoin(Int(context.process[Int($0.draw)]), family) }

    // A process joins for more than a few ids; strangers, whose ids are of several processes, for a good part.
    var hits: [UInt32: Int] = [:]
    for hit in found { hits[context.process[Int(hit.draw)], default: 0] += 1 }
    found = found.filter {
      let q = context.process[Int($0.draw)]
      let n = hits[q] ?? 0
      if p == Int(q) { return true }
      return Int(q) < known ? n >= 4 || n * 2 > draws[Int(q)].count : family.isPage || n * 4 > draws[Int(q)].count
    }
    guard let earliest = found.min(by: { $0.position < $1.position }) else { return (false, []) }
    let first = earliest.position
    var start = generator
    if first < 0 {
      start.rewind(Int(-first))
    } else if first > 0 {
      var skipped = Buffer<UInt64>()
      start.append(Int(first), to: &skipped)
    }
    var stateBudget = effort == .best ? budget : min(budget, 100_000)
    let state = start.state(budget: &stateBudget)
    let saved = found.reduce(0) { $0 + (context.kind[Int($1.draw)].isTrace ? 15 : 7) }
    guard saved > state.count + family.leastGain else { return (false, found.map { $0.draw }) }

    var processes: Set<Int> = []
    for hit in found { processes.insert(Int(context.process[Int(hit.draw)])) }
    let g = join(processes.sorted(), family)
    let lane = Int32(plan.groups[g].lanes.count)
    plan.groups[g].lanes.append(IdPlan.Lane(state: state))
    for hit in found {
      plan.lane[Int(hit.draw)] = lane
      plan.position[Int(hit.draw)] = hit.position - first
    }
    if family.isWhole {
      // The next segment goes on where this one ends.
      var next = start
      var skipped = Buffer<UInt64>()
      let end = (found.max { $0.position < $1.position }?.position ?? first) - first
      next.append(Int(end), to: &skipped)
      hints.sequences.removeAll { $0.family == family && $0.process == processes.min()! }
      hints.sequences.append((family, processes.min()!, next))
    }
    return (true, found.map { $0.draw })
  }

  private func openDraws() -> [UInt32] {
    var open: [UInt32] = []
    for d in 0..<context.count where isOpen(d) { open.append(UInt32(d)) }
    return open
  }

  /// Whether ids of a process may still be given to a generator of `family`.
  private func mayJoin(_ p: Int, _ family: IdFamily) -> Bool {
    let present = plan.groups[plan.group[p]].family
    return present == .none || present == family
  }

  /// The one group of `family` that holds all of `processes`, merged or made as needed.
  private mutating func join(_ processes: [Int], _ family: IdFamily) -> Int {
    var present = Set(processes.map { plan.group[$0] }).subtracting([0]).sorted()
    if present.isEmpty, processes.contains(where: { $0 >= known }) || family.isPage {
      // Pages are many small generators; one group tells them apart best.
      present = plan.groups.firstIndex { $0.family == family }.map { [$0] } ?? []
    }
    guard let g = present.first else {
      plan.groups.append(IdPlan.Group(family: family, processes: processes.map { UInt32($0) }))
      for p in processes { plan.group[p] = plan.groups.count - 1 }
      return plan.groups.count - 1
    }
    for h in present.dropFirst().reversed() {
      let offset = Int32(plan.groups[g].lanes.count)
      for p in plan.group.indices where plan.group[p] == h {
        for d in draws[p] where plan.lane[Int(d)] >= 0 { plan.lane[Int(d)] += offset }
        plan.group[p] = g
        plan.groups[g].processes.append(UInt32(p))
      }
      plan.groups[g].lanes += plan.groups[h].lanes
      plan.groups.remove(at: h)
      for p in plan.group.indices where plan.group[p] > h { plan.group[p] -= 1 }
    }
    for p in processes where plan.group[p] == 0 {
      plan.group[p] = g
      plan.groups[g].processes.append(UInt32(p))
    }
    return g
  }

  /// Generators of earlier segments, which mostly go on.
  private mutating func tryHints(_ hints: IdHints) {
    var unused = IdHints()
    for hint in hints.sequences {
      guard hint.family == .node || effort >= .default else { continue }
      var budget = 20_000_000
      _ = follow(hint.generator, hint.family, nil, &budget, &unused)
    }
  }
}

extension IdFamily {
  /// Whether one sequence serves a whole process, so that it goes on in the next segment.
  fileprivate var isWhole: Bool {
    switch self {
    case .node, .goBytes, .goWords, .python, .ruby: true
    default: false
    }
  }

  /// Draws a search looks at.
  fileprivate var window: Int {
    switch self {
    case .node: 2000
    case .webDigits, .webBytes: 256
    case .dotnet, .cpp: 2000
    default: 6000
    }
  }

  /// Whether each page load has a generator of its own.
  fileprivate var isPage: Bool { self == .webDigits || self == .webBytes }

  /// Work that finding one takes as a rule.
  fileprivate var usualCost: Int {
    switch self {
    case .goBytes, .goWords: 6_000_000
    case .python, .ruby: 18_500_000
    case .dotnet: 15_000_000
    default: 100_000
    }
  }

  /// Fewer are not worth a search.
  fileprivate var leastDraws: Int {
    switch self {
    case .goBytes, .goWords: 600
    case .python, .ruby: 200
    case .dotnet: 12
    case .cpp: 200
    default: 3
    }
  }

  /// Bytes a generator must save beyond its state's.
  fileprivate var leastGain: Int {
    switch self {
    case .webDigits, .webBytes: 4
    default: 16
    }
  }

  /// Units without an id after which a generator is taken to be at its end.
  fileprivate func quiet(_ effort: IdEffort) -> Int {
    switch self {
    case .webDigits, .webBytes: 1 << 12
    case .dotnet, .cpp: 1 << 12
    default: effort == .best ? 1 << 21 : 1 << 16
    }
  }
}
