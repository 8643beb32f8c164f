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
/// **Groups of draws**, in file order, if there are groups but 0. A *pair* is two draws in a row of one span and process,
/// a span id and a trace id (or orphan and strange trace). tree of 2 bits: 0 to 2 the group used last, before that or
/// before that by the place, 3 another; then number: the group. Models: of the place, for strangers and their names, a
/// pair's second draw apart.
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
/// 2. tree of 2 bits, in the context of kind, name, and whether the parent's id is on a lane of the group: 0 *near* the
///    parent's lane or else the lane last used, 1 *other* lane, 2 *new* lane, 3 plain;
/// 3. other: the lane's rank among the group's lanes by last use, from whichever end is nearer (`RankCode`);
///    new, Java: thread id (JDK 17 on), signed against the last new one; unless the group has a seeder, bit: it follows,
///    then raw 64; if the group has one, bit: signed thread number against the last and number of draws since birth, else
///    raw 64: the seed; position 0 is this id;
///    new, others: number: bytes of state, then the state, raw;
/// 4. except on a new Java lane: the position less the expected one (`StepCode`), in the context of the name and of the
///    name last met on the lane.
///
/// Contexts by name lend the general context's models until they have been used three times. A group holds 1,024 lanes;
/// the one idle longest is forgotten for a new one.
struct IdState: ~Copyable {
  /// What is known of a place.
  struct Place: BitwiseCopyable {
    var habits = IdHabits()
    /// Groups by last use.
    var recent: (Int32, Int32, Int32) = (0, -1, -1)
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
  private var laneOfNode = Buffer<Int32>()

  private var numbers = 0
  private var bits = 0
  private var groupContexts = ContextTable(width: 8, limit: 1 << 14)
  private var modes = ContextTable(width: 4, limit: 1 << 16)
  private var steps = ContextTable(width: StepCode.small + StepCode.large, limit: 1 << 13)
  private var pairs = ContextTable(width: StepCode.small, limit: 1 << 16)

  /// Outputs that may still be made.
  private(set) var budget: Int
  private let limit: Int
  var error: IdError?

  // Scratch of a block.
  private var order = Buffer<UInt32>()
  private var groupOf = Buffer<Int32>()
  private var laneOf = Buffer<Int32>()
  private var after = Buffer<Int64>()
  private var list = Buffer<UInt32>()
  private var present = Buffer<Int>()
  private var isPresent = Buffer<Bool>()
  private var counts = Buffer<Int>()

  init(limits: IdLimits) {
    limit = limits.work
    budget = limits.work
    numbers = models.allocate(2 * ModelSize.number)
    bits = models.allocate(10)
    groups.append(IdGroup(.none, &models))
  }

  private mutating func fail<C: BitCoder & ~Copyable>(_ what: String, _ coder: inout C) {
    if error == nil { error = .corrupt(what) }
    coder.fail()
  }

  private mutating func failLimit<C: BitCoder & ~Copyable>(_ coder: inout C) {
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
    findPlaces(draws)
    codeHeader(&plan, &coder)
    if coder.failed || error != nil { return }
    groupOf.removeAll()
    groupOf.append(repeating: 0, count: draws.count)
    laneOf.removeAll()
    laneOf.append(repeating: -1, count: draws.count)
    after.removeAll()
    after.append(repeating: 0, count: draws.count)
    counts.removeAll()
    counts.append(repeating: 0, count: groups.count)
    if groups.count > 1 { codeGroups(draws, plan, &coder) } else { counts[0] = draws.count }
    if coder.failed || error != nil { return }
    if counts[0] > 0 {
      let before = coder.spent
      codePlain(&draws, &coder)
      report.rawBytes += coder.spent - before
    }
    if counts[0] < draws.count {
      // The encoder has it from planning.
      if C.decodes { IdOrder.visit(draws, into: &order) } else { swap(&order, &plan.order) }
      for g in 1..<groups.count where counts[g] > 0 {
        let before = coder.spent
        let counted = codeDrawn(g, &draws, &plan, &coder)
        if coder.failed || error != nil { return }
        report.note(
          g, groups[g].family, ids: counted.ids, predicted: counted.predicted, before: counted.bytes,
          bytes: coder.spent - before)
      }
    }
  }

  /// Takes in nodes and places that are new, and lists the places that have draws.
  private mutating func findPlaces(_ draws: borrowing Buffer<IdDraw>) {
    present.removeAll()
    for d in 0..<draws.count {
      let draw = draws[d]
      if draw.node != IdDraw.none { laneOfNode.resize(to: max(laneOfNode.count, Int(draw.node) + 1), filling: -1) }
      let place = draw.place
      if place >= places.count {
        places.resize(to: place + 1, filling: Place())
        isPresent.resize(to: place + 1, filling: false)
      }
      if isPresent[place] { continue }
      isPresent[place] = true
      present.append(place)
    }
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
    var hasPrevious = false
    for d in 0..<draws.count {
      let draw = draws[d]
      let isSecond = hasPrevious && IdDraw.arePair(draws[d &- 1], draw)
      hasPrevious = !isSecond
      let p = draw.place
      if places[p].models == 0 { places[p].models = models.allocate(8) }
      var base = places[p].models
      if draw.kind.isStrange {
        base = groupContexts.base(UInt64(p) << 32 | UInt64(draw.name), unless: base, need: 3, &models)
      }
      let recent = places[p].recent
      let wanted = C.decodes ? 0 : plan.entries[d].group
      var symbol = wanted == recent.0 ? 0 : wanted == recent.1 ? 1 : wanted == recent.2 ? 2 : 3
      symbol = coder.codeTree(symbol, bits: 2, &models, base + (isSecond ? 4 : 0), limit: 1000)
      var group = recent.0
      if symbol > 0 {
        group = symbol == 1 ? recent.1 : recent.2
        if symbol == 3 {
          let number = coder.codeNumber(UInt64(wanted), &models, numbers)
          guard number < UInt64(groups.count) else { return fail("id group \(number)", &coder) }
          group = Int32(number)
        }
        guard group >= 0 else { return fail("id group of none", &coder) }
        places[p].recent = symbol == 1 ? (group, recent.0, recent.2) : (group, recent.0, recent.1)
      }
      groupOf[d] = group
      counts[Int(group)] += 1
    }
  }

  // MARK: Ids as they are

  private mutating func codePlain<C: BitCoder & ~Copyable>(_ draws: inout Buffer<IdDraw>, _ coder: inout C) {
    let same = groups[0].same
    var previous = -1
    for d in 0..<draws.count where groupOf[d] == 0 {
      let isSecond = previous >= 0 && IdDraw.arePair(draws[previous], draws[d])
      if !isSecond || !codeSame(&draws[d], of: draws[previous].low, same, &coder) { codeRaw(&draws[d], &coder) }
      previous = isSecond ? -1 : d
    }
  }

  /// The second id of a root where its span id is the end of its trace id; false if it is not.
  @inline(__always)
  private mutating func codeSame<C: BitCoder & ~Copyable>(
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
  private mutating func codeRaw<C: BitCoder & ~Copyable>(_ draw: inout IdDraw, _ coder: inout C) {
    let habits = places[draw.place].habits
    if draw.isTrace {
      draw.high = habits.traceHigh.code(draw.high, &models, bits + 6, &coder)
      draw.low = habits.traceLow.code(draw.low, &models, bits + 7, &coder)
    } else {
      draw.low = habits.span.code(draw.low, &models, bits + 8, &coder)
    }
  }

  // MARK: Ids of a generator

  /// Draws of group `g`, in the order drawn.
  private mutating func codeDrawn<C: BitCoder & ~Copyable>(
    _ g: Int, _ draws: inout Buffer<IdDraw>, _ plan: inout IdPlan, _ coder: inout C
  ) -> (ids: Int, predicted: Int, bytes: Int) {
    let family = groups[g].family
    let shape = family.shape
    let (spanUnits, traceUnits) = (Int64(shape.unitsOfSpan), Int64(shape.unitsOfTrace))
    list.removeAll()
    for i in 0..<order.count where groupOf[Int(order[i])] == Int32(g) { list.append(order[i]) }
    IdOrder.arrangePairs(&list, from: 0, draws, traceIsFirst: shape.traceIsFirst && shape.drawsTraces)
    let (same, follows) = (groups[g].same, groups[g].follows)
    let groupKey = UInt64(g) << 48
    var previous = -1
    var predicted = 0
    var size = 0

    for i in 0..<list.count {
      let d = Int(list[i])
      let draw = draws[d]
      let isTrace = draw.isTrace
      let units = isTrace ? traceUnits : spanUnits
      let isSecond = previous >= 0 && IdDraw.arePair(draws[previous], draw)
      let first = previous
      size &+= isTrace ? 16 : 8
      previous = isSecond ? -1 : d
      if isSecond, codeSame(&draws[d], of: draws[first].low, same, &coder) {
        predicted &+= 1
        continue
      }

      // Encoder: what the plan says, if both sides can reach it and the generator really gives the id.
      var planned: Int32 = -1
      var named: Int32 = -1
      var position: Int64 = 0
      if !C.decodes, plan.entries[d].lane >= 0 {
        planned = plan.entries[d].lane
        named = check(&planned, plan.entries[d].position, &position, draw, units, family, &plan)
      }

      // The second id of a root mostly follows the first at once.
      if isSecond, laneOf[first] >= 0 {
        let lane = laneOf[first]
        let hit = planned >= 0 && named == lane && position == after[first]
        if coder.codeBit(hit, &models, follows + (isTrace ? 1 : 0), limit: 1000) {
          guard take(d, &draws, lane, after[first], units, &coder) else { return (0, 0, 0) }
          predicted &+= 1
          continue
        }
      }

      let parentLane = laneOfParent(draw.parent, g)
      let near = parentLane >= 0 ? parentLane : groups[g].newest
      var mode = planned < 0 ? Mode.raw : named < 0 ? Mode.new : named == near ? Mode.near : Mode.other
      let situation = groupKey | UInt64(draw.kind.rawValue) << 34 | (parentLane >= 0 ? 1 << 33 : 0)
      let general = modes.base(situation | 1 << 32, unless: -1, need: 0, &models)
      let modeModel = modes.base(situation | UInt64(draw.name), unless: general, need: 3, &models)
      mode = coder.codeTree(mode, bits: 2, &models, modeModel, limit: 255)
      if mode == Mode.raw {
        codeRaw(&draws[d], &coder)
        if coder.failed { return (0, 0, 0) }
        continue
      }
      var lane = near
      if mode == Mode.new {
        lane = codeNew(g, Int(planned), position, &plan, &coder)
        guard lane >= 0 else { return (0, 0, 0) }
        if !C.decodes {
          plan.lanes[Int(planned)].named = lane
          if family.isJava {
            plan.lanes[Int(planned)].origin = position
            position = 0
          }
        }
      } else if mode == Mode.other {
        let rank = groups[g].ranks.code(
          C.decodes ? 0 : lanes.rank(named, groups[g]), of: groups[g].count, &models, &coder)
        guard let found = lanes.lane(at: rank, groups[g]) else {
          fail("lane \(rank)", &coder)
          return (0, 0, 0)
        }
        lane = found
      }
      guard lane >= 0 else {
        fail("id of no lane", &coder)
        return (0, 0, 0)
      }
      if mode == Mode.new, family.isJava {
        position = 0
      } else {
        let kindKey = groupKey | UInt64(draw.kind.rawValue) << 46
        let byKind = steps.base(kindKey | 1 << 45, unless: -1, need: 0, &models)
        let byName = steps.base(kindKey | UInt64(draw.name), unless: byKind, need: 3, &models)
        // Names that share a key share contexts: no harm.
        let pairKey = kindKey ^ UInt64(lanes[lane].lastName &* 0x9E37_79B1) << 14 ^ UInt64(draw.name)
        let small = pairs.base(pairKey, unless: byName, need: 3, &models)
        let distance = StepCode.code(
          position &- lanes[lane].next, &models, small: small, large: byName + StepCode.small, &coder)
        position = lanes[lane].next &+ distance
      }
      lanes.touch(lane, &groups[g])
      guard take(d, &draws, lane, position, units, &coder) else { return (0, 0, 0) }
      predicted &+= 1
    }
    return (list.count, predicted, size)
  }

  @inline(__always)
  private func laneOfParent(_ parent: UInt32, _ g: Int) -> Int32 {
    guard Int(parent) < laneOfNode.count else { return -1 }
    let lane = laneOfNode[Int(parent)]
    return lane >= 0 && lanes[lane].isKnown && lanes[lane].group == Int32(g) ? lane : -1
  }

  /// Encoder: whether a planned place can be coded, its lane's number or -1 for a new one, and its position there.
  private mutating func check(
    _ planned: inout Int32, _ at: Int64, _ position: inout Int64, _ draw: IdDraw, _ units: Int64, _ family: IdFamily,
    _ plan: inout IdPlan
  ) -> Int32 {
    let source = plan.lanes[Int(planned)]
    var named = source.named
    if named >= 0, !lanes[named].isKnown {
      plan.lanes[Int(planned)].named = -1
      named = -1
    }
    if family.isJava {
      let id = Self.javaId(source.seed, source.step, at, draw.isTrace)
      if id.low != draw.low || (draw.isTrace && id.high != draw.high) { planned = -1 }
      position = named >= 0 ? at &- source.origin : at
      return named
    }
    position = at
    let next = named >= 0 ? lanes[named].next : 0
    let track = plan.tracks[Int(source.source)]
    let id = isReachable(at, next) ? track.id(at: at, isTrace: draw.isTrace) : nil
    if let id, id.low == draw.low, !draw.isTrace || id.high == draw.high {
      if named >= 0 || canOpen(&plan.states[Int(source.source)], family) { return named }
    }
    planned = -1
    return named
  }

  /// Encoder: whether the decoder will be able to make a generator of `state`, which is left empty if not.
  private mutating func canOpen(_ state: inout [UInt8], _ family: IdFamily) -> Bool {
    guard !state.isEmpty, let type = family.sequence else { return false }
    if state.withView({ type.init(state: $0, budget: &budget) }) != nil { return true }
    state = []
    return false
  }

  /// Whether an id at `position` may be asked of a lane that is expected to be at `next`.
  @inline(__always)
  private func isReachable(_ position: Int64, _ next: Int64) -> Bool {
    position.magnitude < 1 << 60 && (position &- next).magnitude < UInt64(max(0, budget))
  }

  @inline(__always)
  private static func javaId(_ seed: UInt64, _ step: UInt64, _ position: Int64, _ isTrace: Bool) -> (
    high: UInt64, low: UInt64
  ) {
    let at = seed &+ UInt64(bitPattern: position) &* step
    let first = ThreadLocalRandom.mix(at)
    return isTrace ? (first, ThreadLocalRandom.mix(at &+ step)) : (0, first)
  }

  /// A lane not met before; -1 if that fails.
  private mutating func codeNew<C: BitCoder & ~Copyable>(
    _ g: Int, _ planned: Int, _ position: Int64, _ plan: inout IdPlan, _ coder: inout C
  ) -> Int32 {
    guard lanes.count < 1 << 26 else {
      fail("too many lanes", &coder)
      return -1
    }
    let family = groups[g].family
    var lane = IdLane(group: Int32(g))
    if family.isJava {
      let source = C.decodes ? IdPlan.Lane() : plan.lanes[planned]
      var seeder = groups[g].seeder
      let birth = groups[g].births.code(
        source.seed &+ UInt64(bitPattern: position) &* source.step, source.step, family: family,
        seeder: C.decodes ? nil : plan.seeders[g - 1], known: &seeder, &models, &coder)
      groups[g].seeder = seeder
      lane.seed = birth.seed
      lane.step = birth.step
    } else {
      let source = C.decodes ? -1 : Int(plan.lanes[planned].source)
      let size = coder.codeNumber(UInt64(C.decodes ? 0 : plan.states[source].count), &models, groups[g].stateSize)
      guard size <= 8192, let type = family.sequence else {
        fail("generator state of \(size) bytes", &coder)
        return -1
      }
      var state: [UInt8] = []
      for k in 0..<Int(size) where !coder.failed {
        let byte = C.decodes ? 0 : plan.states[source][k]
        state.append(UInt8(truncatingIfNeeded: coder.codeRaw(UInt64(byte), count: 8)))
      }
      lane.track = Int32(tracks.count)
      if C.decodes {
        let before = budget
        guard !coder.failed, let generator = state.withView({ type.init(state: $0, budget: &budget) }) else {
          if budget < before / 2 { failLimit(&coder) } else { fail("generator state", &coder) }
          return -1
        }
        tracks.append(SequenceTrack(generator))
      } else {
        // `check` has tried the state, and taken its cost.
        tracks.append(plan.tracks[source])
        plan.states[source] = []
      }
    }
    let forgotten = lanes.add(lane, &groups[g])
    if forgotten >= 0, lanes[forgotten].track >= 0 { tracks[Int(lanes[forgotten].track)] = nil }
    return Int32(lanes.count - 1)
  }

  /// Takes the id at `position` of `lane`, and moves the lane.
  @inline(__always)
  private mutating func take<C: BitCoder & ~Copyable>(
    _ d: Int, _ draws: inout Buffer<IdDraw>, _ lane: Int32, _ position: Int64, _ units: Int64, _ coder: inout C
  ) -> Bool {
    let source = lanes[lane]
    let next = position &+ units
    if C.decodes {
      let isTrace = draws[d].isTrace
      let id: (high: UInt64, low: UInt64)?
      if source.track < 0 {
        id = Self.javaId(source.seed, source.step, position, isTrace)
      } else if isReachable(position, source.next) {
        id = tracks[Int(source.track)]?.id(at: position, isTrace: isTrace)
      } else {
        failLimit(&coder)
        return false
      }
      guard let id, !coder.failed else {
        fail("id position \(position)", &coder)
        return false
      }
      draws[d].low = id.low
      draws[d].high = id.high
    }
    laneOf[d] = lane
    after[d] = next
    if source.track < 0 {
      if next > source.next { lanes[lane].next = next }
    } else if next > source.next || next < source.next - SequenceTrack.window {
      budget -= Int((next - source.next).magnitude)
      if (next ^ source.next) >> 13 != 0 { tracks[Int(source.track)]?.forget(before: next - SequenceTrack.window) }
      lanes[lane].next = next
    }
    lanes[lane].lastName = draws[d].name
    let node = draws[d].node
    if node != IdDraw.none { laneOfNode[Int(node)] = lane }
    return true
  }
}
