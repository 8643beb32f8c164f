import Bytes

/// What both sides of a segment know of its ids: the generators met so far, where each stands, and what comes next.
///
/// *Draws*, ids that must be coded, have a process, a start time, a name, a kind, a node and perhaps a parent node
/// (`IdDraw`); they come in the order of their spans. A *place* is a process' own ids, `2p`, or those of other processes
/// that it met (kinds orphan and strange trace), `2p + 1`. `number`, `signed`, `tree` and `bit` are the codes of
/// `Models.swift`, each with models of its own; `raw` are raw bits. Models, groups and lanes live as long as the segment.
///
/// A block's ids are:
///
/// **Header.** number: generators that are new, then for each, number: its family (`IdFamily`). They become groups 1, 2,
/// ... of the segment, in this order; group 0 has no generator. For each place with draws, in ascending order, bit: it has
/// habits that are new; then for span ids, trace ids' first and last 8 bytes: bit, raw 64: mask of the bits shared by
/// these, raw 64: their value; then bit: trace ids may end in the root's span id.
///
/// **Groups of draws**, if there are groups but 0. For each place with draws, in ascending order, bit: they are of one group,
/// which is told then; for each draw of the other places, in file order, its group. That is, bit: the group used last by
/// the place; else bit: the one before; else bit: the one before that; else number: the group. Models: of the place, for
/// strangers and their names, a pair's second draw apart. A *pair* is two draws in a row in file order of one span and
/// process, a span id and a trace id (or orphan and strange trace), neither of them in the pair before.
///
/// **Group 0.** Draws in file order, *plain*: where bits are fixed, bit: they are as in the place's habits; then the other
/// bits, raw, lowest run first; a trace id's first 8 bytes first. Where the place's trace ids may end in the span id, a
/// pair's second draw has a bit: it does (then only a trace id's first half follows, plain).
///
/// **Other groups.** Draws by start time, then file order, a pair in the order in which the generator makes it
/// (`IdShape.traceIsFirst`). A *lane* is a thread of a generator, or the whole: an id has a position in its lane, a lane
/// an expected next position: the end of its last id so far, or of an id that is more than 65,536 units before that. Each
/// draw:
///
/// 1. a pair's second draw: the bit of group 0; then, if its first was on a lane, bit: it stands right behind it;
/// 2. if there is a *near* lane, the parent's or else the one last used, bit: the id takes the usual step on it
///    (`StepHabits`), and that is all;
/// 3. tree of 2 bits, in the context of kind, name, and whether the parent's id is on a lane of the group: 0 near lane,
///    1 *other* lane, 2 *new* lane, 3 plain;
/// 4. other: the lane's rank among the group's lanes by last use, from whichever end is nearer (`RankCode`);
///    new, Java: thread id (JDK 17 on), signed against the last new one; unless the group has a seeder, bit: it follows,
///    then raw 64; if the group has one, bit: signed thread number against the last and number of draws since birth, else
///    raw 64: the seed; position 0 is this id;
///    new, others: number: bytes of state, then the state, raw;
/// 5. except on a new Java lane: the position less the expected one (`StepCode`), in the context of the name and of the
///    name last met on the lane.
///
/// Contexts by name lend the general context's models until they have been asked for three times. A group holds 1,024 lanes;
/// the one idle longest is forgotten for a new one.
struct IdState: ~Copyable {
  /// What is known of a place.
  struct Place: BitwiseCopyable {
    var habits = IdHabits()
    /// Groups by last use.
    var recent: (Int32, Int32, Int32) = (0, -1, -1)
    /// Of a block's draws the group of all, -1 where there are several.
    var only: Int32 = -1
    /// Models of the group, made when first needed.
    var models = 0
  }

  enum Mode {
    static let near = 0, other = 1, new = 2, raw = 3
  }

  var models = Models()
  var groups = Buffer<IdGroup>()
  var lanes = IdLanes()
  var tracks: [SequenceTrack?] = []
  private(set) var places = Buffer<Place>()
  /// By node: the lane that gave its id, or -1.
  var laneOfNode = Buffer<Int32>()

  private var numbers = 0
  private var bits = 0
  private var groupContexts = ContextTable(width: 8, limit: 1 << 14)
  var modes = ContextTable(width: 4, limit: 1 << 16)
  var habits = StepHabits(limit: 1 << 16)
  var steps = ContextTable(width: StepCode.small + StepCode.large, limit: 1 << 13)
  var pairs = ContextTable(width: StepCode.small, limit: 1 << 16)

  /// Outputs that may still be made.
  var budget: Int
  private let limit: Int
  var error: IdError?

  // Scratch of a block.
  private var order = Buffer<UInt32>()
  var groupOf = Buffer<Int32>()
  var list = Buffer<UInt32>()
  private var present = Buffer<Int>()
  private var isPresent = Buffer<Bool>()
  private var counts = Buffer<Int>()
  private var ends = Buffer<Int>()

  init(limits: IdLimits) {
    limit = limits.work
    budget = limits.work
    numbers = models.allocate(2 * ModelSize.number)
    bits = models.allocate(10)
    groups.append(IdGroup(.none, &models))
    habits.start(&models)
  }

  mutating func fail<C: BitCoder & ~Copyable>(_ what: String, _ coder: inout C) {
    if error == nil { error = .corrupt(what) }
    coder.fail()
  }

  mutating func failLimit<C: BitCoder & ~Copyable>(_ coder: inout C) {
    if error == nil { error = .limitExceeded(limit: limit) }
    coder.fail()
  }

  // MARK: A block

  /// The ids of `draws`; a decoder puts them there. `plan` is the encoder's.
  mutating func code<C: BitCoder & ~Copyable>(
    _ draws: inout Buffer<IdDraw>, _ plan: inout IdPlan, _ report: inout IdReport, _ coder: inout C
  ) {
    guard error == nil else { return coder.fail() }
    budget = min(budget + 512 * draws.count, 1 << 60)
    findPlaces(plan.tags)
    codeHeader(&plan, &coder)
    if coder.failed || error != nil { return }
    groupOf.removeAll()
    groupOf.append(repeating: 0, count: draws.count)
    counts.removeAll()
    counts.append(repeating: 0, count: groups.count)
    if groups.count > 1 { codeGroups(draws, plan, &coder) } else { counts[0] = draws.count }
    if coder.failed || error != nil { return }
    if counts[0] > 0 {
      let before = coder.spent
      codePlain(&draws, plan.tags, &coder)
      report.rawBytes += coder.spent - before
    }
    if counts[0] < draws.count {
      // The encoder has it from planning.
      if C.decodes {
        IdOrder.visit(draws, plan.tags, into: &order) { groupOf[$0] != 0 }
      } else {
        swap(&order, &plan.order)
      }
      sortByGroup()
      var start = 0
      for g in 1..<groups.count where counts[g] > 0 {
        let before = coder.spent
        let counted = codeDrawn(g, start..<start + counts[g], &draws, &plan, &coder)
        if coder.failed || error != nil { return }
        report.note(
          g, groups[g].family, ids: counts[g], predicted: counted.predicted, before: counted.bytes,
          bytes: coder.spent - before)
        start += counts[g]
      }
    }
  }

  /// Puts the draws of each group but 0, in their order, one group behind the other into `list`.
  private mutating func sortByGroup() {
    ends.removeAll()
    ends.append(0)
    var start = 0
    for g in 1..<counts.count {
      ends.append(start)
      start += counts[g]
    }
    list.removeAll()
    list.append(repeating: 0, count: start)
    for i in 0..<order.count {
      let d = order[i]
      let g = Int(groupOf[Int(d)])
      if g == 0 { continue }
      list[ends[g]] = d
      ends[g] &+= 1
    }
  }

  /// Takes in nodes and places that are new, and lists the places that have draws.
  private mutating func findPlaces(_ tags: borrowing DrawTags) {
    present.removeAll()
    for d in 0..<tags.count {
      let place = tags[d].place
      if place >= places.count {
        places.resize(to: place + 1, filling: Place())
        isPresent.resize(to: place + 1, filling: false)
      }
      if isPresent[place] { continue }
      isPresent[place] = true
      present.append(place)
    }
    laneOfNode.resize(to: max(laneOfNode.count, tags.nodes), filling: -1)
    for i in 0..<present.count { isPresent[present[i]] = false }
    // Few as a rule.
    if present.count > 32 {
      let sorted = present.array.sorted()
      for i in 0..<sorted.count { present[i] = sorted[i] }
    } else if present.count > 1 {
      for i in 1..<present.count {
        let place = present[i]
        var at = i
        while at > 0, present[at - 1] > place {
          present[at] = present[at - 1]
          at -= 1
        }
        present[at] = place
      }
    }
  }

  // MARK: Header

  private mutating func codeHeader<C: BitCoder & ~Copyable>(_ plan: inout IdPlan, _ coder: inout C) {
    let new = coder.codeNumber(UInt64(max(0, plan.families.count + 1 - groups.count)), &models, numbers)
    guard new <= 1 << 12, groups.count < 1 << 16 else { return fail("\(new) new id groups", &coder) }
    for _ in 0..<Int(new) {
      let wanted = C.decodes ? .none : plan.families[groups.count - 1]
      let code = coder.codeNumber(UInt64(wanted.rawValue), &models, numbers + ModelSize.number)
      guard code < 256, let family = IdFamily(rawValue: UInt8(code)), family != .none else {
        return fail("id generator \(code)", &coder)
      }
      groups.append(IdGroup(family, &models))
    }
    var change = 0
    for i in 0..<present.count {
      let place = present[i]
      var wanted: IdHabits?
      if change < plan.habits.count, plan.habits[change].place == place {
        wanted = plan.habits[change].habits
        change += 1
      }
      guard coder.codeBit(wanted != nil, &models, bits) else { continue }
      places[place].habits.span = codeFixed(wanted?.span, bits + 1, &coder)
      places[place].habits.traceHigh = codeFixed(wanted?.traceHigh, bits + 2, &coder)
      places[place].habits.traceLow = codeFixed(wanted?.traceLow, bits + 3, &coder)
      places[place].habits.traceEndsInSpan = coder.codeBit(wanted?.traceEndsInSpan ?? false, &models, bits + 4)
    }
    plan.habits.removeAll()
  }

  private mutating func codeFixed<C: BitCoder & ~Copyable>(_ fixed: FixedBits?, _ model: Int, _ coder: inout C)
    -> FixedBits
  {
    guard coder.codeBit((fixed?.mask ?? 0) != 0, &models, model) else { return FixedBits() }
    let mask = coder.codeRaw(fixed?.mask ?? 0, count: 64)
    let value = coder.codeRaw(fixed?.value ?? 0, count: 64)
    return FixedBits(mask: mask, value: value & mask)
  }

  /// Which group each draw belongs to.
  private mutating func codeGroups<C: BitCoder & ~Copyable>(
    _ draws: borrowing Buffer<IdDraw>, _ plan: borrowing IdPlan, _ coder: inout C
  ) {
    if !C.decodes { findOnly(plan) }
    for i in 0..<present.count {
      let p = present[i]
      if places[p].models == 0 { places[p].models = models.allocate(8) }
      if coder.codeBit(places[p].only >= 0, &models, bits + 5) {
        places[p].only = codeGroup(p, C.decodes ? 0 : places[p].only, places[p].models, &coder)
        if coder.failed { return }
      } else {
        places[p].only = -1
      }
    }
    let chosen = groupOf.elements
    for d in 0..<chosen.count {
      let tag = plan.tags[d]
      let p = tag.place
      var group = places[p].only
      if group < 0 {
        var base = places[p].models
        if tag.isStrange {
          let own = groupContexts.established(UInt64(p) << 32 | UInt64(draws[d].name), need: 3, &models)
          if own >= 0 { base = own }
        }
        group = codeGroup(p, C.decodes ? 0 : plan.entries[d].group, base &+ (tag.isSecond ? 4 : 0), &coder)
        if group < 0 { return }
      }
      chosen[d] = group
      counts[Int(group)] &+= 1
    }
  }

  /// Encoder: the group that all draws of a place belong to, for each; -1 where there are several.
  private mutating func findOnly(_ plan: borrowing IdPlan) {
    let unseen: Int32 = -2
    for i in 0..<present.count { places[present[i]].only = unseen }
    for d in 0..<plan.tags.count {
      let (p, group) = (plan.tags[d].place, plan.entries[d].group)
      if places[p].only != group { places[p].only = places[p].only == unseen ? group : -1 }
    }
  }

  /// The group of a draw at place `p`, or of all of them; -1 if that fails.
  @inline(__always)
  private mutating func codeGroup<C: BitCoder & ~Copyable>(
    _ p: Int, _ wanted: Int32, _ base: Int, _ coder: inout C
  ) -> Int32 {
    let group = places[p].recent.0
    if coder.codeBit(wanted == group, &models, base, limit: 1000) { return group }
    return codeRarerGroup(p, wanted, base, &coder)
  }

  /// The group of a draw at place `p` where it is not the one used last; -1 if that fails.
  @inline(never)
  private mutating func codeRarerGroup<C: BitCoder & ~Copyable>(
    _ p: Int, _ wanted: Int32, _ base: Int, _ coder: inout C
  ) -> Int32 {
    let recent = places[p].recent
    var group = recent.1
    if coder.codeBit(wanted == group, &models, base &+ 1, limit: 1000) {
      places[p].recent = (group, recent.0, recent.2)
    } else {
      group = recent.2
      if !coder.codeBit(wanted == group, &models, base &+ 2, limit: 1000) {
        let number = coder.codeNumber(UInt64(wanted), &models, numbers)
        guard number < UInt64(groups.count) else {
          fail("id group \(number)", &coder)
          return -1
        }
        group = Int32(number)
      }
      places[p].recent = (group, recent.0, recent.1)
    }
    if group < 0 { fail("id group of none", &coder) }
    return group
  }

  // MARK: Ids as they are

  private mutating func codePlain<C: BitCoder & ~Copyable>(
    _ draws: inout Buffer<IdDraw>, _ tags: borrowing DrawTags, _ coder: inout C
  ) {
    let same = groups[0].same
    for d in 0..<draws.count where groupOf[d] == 0 {
      let isSecond = tags[d].isSecond && groupOf[d &- 1] == 0
      if !isSecond || !codeSame(&draws[d], of: draws[d &- 1].low, same, &coder) { codeRaw(&draws[d], &coder) }
    }
  }

  /// The second id of a root where its span id is the end of its trace id; false if it is not.
  @inline(__always)
  mutating func codeSame<C: BitCoder & ~Copyable>(
    _ draw: inout IdDraw, of low: UInt64, _ model: Int, _ coder: inout C
  ) -> Bool {
    let place = draw.place
    guard places[place].habits.traceEndsInSpan else { return false }
    guard coder.codeBit(draw.low == low, &models, model) else { return false }
    draw.low = low
    if draw.isTrace { draw.high = places[place].habits.traceHigh.code(draw.high, &models, bits + 6, &coder) }
    return true
  }

  @inline(__always)
  mutating func codeRaw<C: BitCoder & ~Copyable>(_ draw: inout IdDraw, _ coder: inout C) {
    let habits = places[draw.place].habits
    if draw.isTrace {
      draw.high = habits.traceHigh.code(draw.high, &models, bits + 6, &coder)
      draw.low = habits.traceLow.code(draw.low, &models, bits + 7, &coder)
    } else {
      draw.low = habits.span.code(draw.low, &models, bits + 8, &coder)
    }
  }
}
