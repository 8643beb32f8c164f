import Bytes

/// The id stream's model, written once for both directions.
///
/// The stream is a varint, the range-coded bytes it counts, and raw bits to the end. *Draws*, ids that must be coded,
/// have a process, a start time, a name, a kind and perhaps a parent draw (`IdContext`). Draws that another process drew
/// (kinds orphan and strange trace) belong to a process of their own, `p + P` for those met in process `p`, `P` being one
/// more than the largest process. `number`, `signed`, `tree` and `bit` are the codes of `Models.swift`, each with models
/// of its own place; `raw` are raw bits.
///
/// **Header.** number: groups. For each group, number: generator (`IdFamily`; group 0 and only it has 0); for Java's, bit:
/// has a seeder, then raw 64: the seeder. For each process with draws: number: its group (if there is more than one);
/// bit: its ids share bits, then for span ids, trace ids' first and last 8 bytes: bit, raw 64: mask of the shared bits,
/// raw 64: their value; then bit: trace ids may end in the root's span id.
///
/// **Group 0.** Draws in file order, plain: the bits that are not shared, raw, lowest run first; a trace id's first 8
/// bytes first. A *pair* is two draws in a row of one span, a span id and a trace id (or orphan and strange trace).
/// Where the process says that trace ids may end in the span id, a pair's second draw has a bit: it does (then only a
/// trace id's first half follows, plain).
///
/// **Other groups.** Draws by start time, then file order, a pair in the order in which the generator makes it
/// (`IdShape.traceIsFirst`). A *lane* is a thread of a generator, or the whole: an id has a position in its lane, a lane
/// an expected next position, the end of its last id so far. Each draw:
///
/// 1. a pair's second draw: the bit of group 0; then, if its first was on a lane, bit: it stands right behind it;
/// 2. tree of 2 bits, in the context of kind, name, and whether the parent's draw is on a lane of the group: 0 *near* the
///    parent's lane or else the lane last used, 1 *other* lane, 2 *new* lane, 3 plain;
/// 3. other: the lane's rank among the 1,024 last used, from whichever end is nearer (`RankCode`);
///    new, Java: thread id (JDK 17 on), signed against the last new one; if the group has a seeder, bit: signed thread
///    number against the last and number of draws since birth, else raw 64: the seed; position 0 is this id;
///    new, others: number: bytes of state, then the state, raw;
/// 4. except on a new Java lane: the position less the expected one (`StepCode`), in the context of the name and of the
///    name last met on the lane.
///
/// Contexts by name lend the general context's models until they have been used three times.
struct IdStream: ~Copyable {
  /// Draws since, for a lane of the group being coded.
  private struct Lane: BitwiseCopyable {
    var seed: UInt64 = 0
    var step: UInt64 = 0
    /// Where the next id is expected.
    var next: Int64 = 0
    var lastName: UInt32 = .max
    /// Sequence generators: index in `tracks`.
    var track: Int32 = -1
  }

  private enum Mode {
    static let near = 0, other = 1, new = 2, raw = 3
  }

  private let context: IdContext
  private(set) var values: IdValues
  private let plan: IdPlan?
  private(set) var error: IdError?
  private(set) var report = IdReport()

  private var models = Models()
  private var budget: Int
  private let limit: Int

  // Header.
  private(set) var groups: [IdPlan.Group] = []
  private var group: [Int] = []
  private var shapes: [ProcessShape] = []
  private var draws: [[UInt32]] = []

  // By draw: lane in its group or -1, position after it.
  private var laneOf: [Int32]
  private var after: [Int64]

  /// For coding.
  init(context: IdContext, values: IdValues, plan: IdPlan) {
    self.context = context
    self.values = values
    self.plan = plan
    limit = IdLimits().budget(draws: context.count)
    budget = limit
    laneOf = [Int32](repeating: -1, count: context.count)
    after = [Int64](repeating: 0, count: context.count)
  }

  /// For decoding.
  init(context: IdContext, limits: IdLimits) {
    self.context = context
    values = IdValues(
      low: [UInt64](repeating: 0, count: context.count), high: [UInt64](repeating: 0, count: context.count))
    plan = nil
    limit = limits.budget(draws: context.count)
    budget = limit
    laneOf = [Int32](repeating: -1, count: context.count)
    after = [Int64](repeating: 0, count: context.count)
  }

  // MARK: Header

  mutating func codeHeader<C: BitCoder & ~Copyable>(_ coder: inout C) {
    let processes = Int(context.process.max() ?? 0) + 1
    let number = models.allocate(ModelSize.number)
    let bit = models.allocate(8)
    let count = coder.codeNumber(UInt64(plan?.groups.count ?? 0), &models, number)
    guard count >= 1, count <= processes + 1 else { return fail("\(count) id groups", &coder) }
    for g in 0..<Int(count) {
      let wanted = plan?.groups[g]
      let code = coder.codeNumber(UInt64(wanted?.family.rawValue ?? 0), &models, number)
      guard let family = IdFamily(rawValue: UInt8(truncatingIfNeeded: code)), code < 256,
        family == .none || family.isJava || family.sequence != nil, (family == .none) == (g == 0)
      else { return fail("id generator \(code)", &coder) }
      var group = IdPlan.Group(family: family)
      if family.isJava, coder.codeBit(wanted?.seeder != nil, &models, bit) {
        group.seeder = coder.codeRaw(wanted?.seeder ?? 0, count: 64)
      }
      groups.append(group)
    }
    group = [Int](repeating: 0, count: processes)
    shapes = [ProcessShape](repeating: ProcessShape(), count: processes)
    var present = [Bool](repeating: false, count: processes)
    for p in context.process { present[Int(p)] = true }
    for p in 0..<processes where present[p] {
      if count > 1 {
        let g = coder.codeNumber(UInt64(plan?.group[p] ?? 0), &models, number)
        guard g < count else { return fail("id group \(g)", &coder) }
        group[p] = Int(g)
        groups[Int(g)].processes.append(UInt32(p))
      }
      let wanted = plan?.shapes[p] ?? ProcessShape()
      if coder.codeBit(!wanted.isPlain, &models, bit + 1) {
        shapes[p].span = codeFixed(wanted.span, bit + 2, &coder)
        shapes[p].traceHigh = codeFixed(wanted.traceHigh, bit + 3, &coder)
        shapes[p].traceLow = codeFixed(wanted.traceLow, bit + 4, &coder)
        shapes[p].traceEndsInSpan = coder.codeBit(wanted.traceEndsInSpan, &models, bit + 5)
      }
    }
    draws = [[UInt32]](repeating: [], count: groups.count)
    for d in 0..<context.count { draws[group[Int(context.process[d])]].append(UInt32(d)) }
  }

  private mutating func codeFixed<C: BitCoder & ~Copyable>(_ bits: FixedBits, _ model: Int, _ coder: inout C)
    -> FixedBits
  {
    guard coder.codeBit(bits.mask != 0, &models, model) else { return FixedBits() }
    let mask = coder.codeRaw(bits.mask, count: 64)
    let value = coder.codeRaw(bits.value, count: 64)
    return FixedBits(mask: mask, value: value)
  }

  private mutating func fail<C: BitCoder & ~Copyable>(_ what: String, _ coder: inout C) {
    if error == nil { error = .corrupt(what) }
    coder.fail()
  }

  // MARK: Ids

  /// All ids of group `g`.
  mutating func codeGroup<C: BitCoder & ~Copyable>(_ g: Int, _ coder: inout C) {
    guard error == nil else { return }
    if groups[g].family == .none { codePlain(&coder) } else { codeDrawn(g, &coder) }
  }

  /// Ids of processes without a generator, in file order.
  private mutating func codePlain<C: BitCoder & ~Copyable>(_ coder: inout C) {
    let same = models.allocate(1)
    var previous: UInt32?
    for d in draws[0] {
      let isSecond = previous.map { IdOrder.arePair($0, d, context) } ?? false
      if !isSecond || !codeSame(d, of: previous!, same, &coder) { codeRaw(d, &coder) }
      previous = isSecond ? nil : d
    }
  }

  /// The second id of a root where its span id is the end of its trace id; false if it is not.
  private mutating func codeSame<C: BitCoder & ~Copyable>(
    _ d: UInt32, of first: UInt32, _ model: Int, _ coder: inout C
  ) -> Bool {
    let shape = shapes[Int(context.process[Int(d)])]
    guard shape.traceEndsInSpan else { return false }
    let low = values.low[Int(first)]
    guard coder.codeBit(values.low[Int(d)] == low, &models, model) else { return false }
    values.low[Int(d)] = low
    if context.kind[Int(d)].isTrace { values.high[Int(d)] = shape.traceHigh.code(values.high[Int(d)], &coder) }
    return true
  }

  private mutating func codeRaw<C: BitCoder & ~Copyable>(_ d: UInt32, _ coder: inout C) {
    let i = Int(d)
    let p = Int(context.process[i])
    if context.kind[i].isTrace {
      values.high[i] = shapes[p].traceHigh.code(values.high[i], &coder)
      values.low[i] = shapes[p].traceLow.code(values.low[i], &coder)
    } else {
      values.low[i] = shapes[p].span.code(values.low[i], &coder)
    }
  }

  /// Ids of a group with a generator, in the order drawn.
  private mutating func codeDrawn<C: BitCoder & ~Copyable>(_ g: Int, _ coder: inout C) {
    let family = groups[g].family
    let seeder = groups[g].seeder
    let shape = family.shape
    let wanted = plan?.groups[g]
    let order = IdOrder.visit(draws[g], context, traceIsFirst: shape.traceIsFirst && shape.drawsTraces)
    var lanes = Buffer<Lane>()
    var tracks: [SequenceTrack] = []
    var recent = RecentLanes()
    // Encoder: lanes of the plan as they are named in the stream, and the position of their first id.
    var named = [Int32](repeating: -1, count: wanted?.lanes.count ?? 0)
    var origin = [Int64](repeating: 0, count: wanted?.lanes.count ?? 0)
    var opened = [SequenceTrack?](repeating: nil, count: wanted?.lanes.count ?? 0)
    let same = models.allocate(1)
    let follows = models.allocate(2)
    var modes = ContextTable(width: 4, &models)
    var steps = ContextTable(width: StepCode.size, &models)
    var pairs = ContextTable(width: StepCode.size, &models)
    var ranks = RankCode(&models)
    var births = BirthCode(&models)
    let stateSize = models.allocate(ModelSize.number)
    var previous: UInt32 = .max
    var hasPrevious = false

    for d in order {
      let i = Int(d)
      let kind = context.kind[i]
      let isTrace = kind.isTrace
      let name = context.name[i]
      let isSecond = hasPrevious && IdOrder.arePair(previous, d, context)
      let first = Int(previous)
      hasPrevious = !isSecond
      previous = d
      if isSecond, codeSame(d, of: UInt32(first), same, &coder) { continue }

      // Encoder: what the plan says, if the generator really gives the id.
      var planned: Int32 = -1
      var position: Int64 = 0
      if let wanted, plan!.lane[i] >= 0 {
        let lane = Int(plan!.lane[i])
        position = plan!.position[i]
        let id: (high: UInt64, low: UInt64)?
        if family.isJava {
          let source = wanted.lanes[lane]
          id = Self.javaId(source.seed, source.step, position, isTrace)
          if named[lane] < 0 { origin[lane] = position }
          position &-= origin[lane]
        } else {
          if opened[lane] == nil, let type = family.sequence {
            opened[lane] = wanted.lanes[lane].state.withView { type.init(state: $0, budget: &budget) }
              .map { SequenceTrack($0) }
          }
          id = opened[lane]?.id(at: position, isTrace: isTrace, &budget)
        }
        if let id, id.low == values.low[i], !isTrace || id.high == values.high[i] { planned = Int32(lane) }
      }

      // The second id of a root mostly follows the first at once.
      if isSecond, laneOf[first] >= 0 {
        let lane = laneOf[first]
        let hit = planned >= 0 && named[Int(planned)] == lane && position == after[first]
        if coder.codeBit(hit, &models, follows + (isTrace ? 1 : 0)) {
          position = after[first]
          guard finish(i, lane, position, shape, &lanes, tracks, &coder) else { return }
          continue
        }
      }

      let parent = context.parent[i]
      let parentLane: Int32
      if parent >= 0, Int(parent) < laneOf.count, group[Int(context.process[Int(parent)])] == g {
        parentLane = laneOf[Int(parent)]
      } else {
        parentLane = -1
      }
      let near = parentLane >= 0 ? parentLane : recent.first
      var mode = Mode.raw
      if planned >= 0 {
        let lane = named[Int(planned)]
        if lane >= 0, lane != near, !recent.holds(lane) {
          // Forgotten: it starts anew.
          named[Int(planned)] = -1
          if family.isJava {
            position &+= origin[Int(planned)]
            origin[Int(planned)] = position
          }
          mode = Mode.new
        } else {
          mode = lane < 0 ? Mode.new : lane == near ? Mode.near : Mode.other
        }
      }
      let situation = UInt64(kind.rawValue) << 1 | (parentLane >= 0 ? 1 : 0)
      let general = modes.base(situation, &models)
      let modeModel = modes.base(situation << 32 | 1 << 40 | UInt64(name), unless: general, need: 3, &models)
      mode = coder.codeTree(mode, bits: 2, &models, modeModel, limit: 127)
      if mode == Mode.raw {
        codeRaw(d, &coder)
        if coder.failed { return fail("id stream is cut off", &coder) }
        continue
      }
      var lane = near
      switch mode {
      case Mode.new:
        lane = Int32(lanes.count)
        guard lanes.count < 1 << 24 else { return fail("too many lanes", &coder) }
        let source = planned >= 0 ? wanted!.lanes[Int(planned)] : IdPlan.Lane()
        if family.isJava {
          let seed = source.seed &+ UInt64(bitPattern: origin[max(0, Int(planned)), default: 0]) &* source.step
          let birth = births.code(seed, source.step, family: family, seeder: seeder, &models, &coder)
          lanes.append(Lane(seed: birth.seed, step: birth.step))
        } else {
          let track: SequenceTrack
          if C.decodes {
            guard let new = readState(family, stateSize, &coder) else { return }
            track = new
          } else {
            writeState(source.state, stateSize, &coder)
            track = opened[Int(planned)]!
          }
          lanes.append(Lane(track: Int32(tracks.count)))
          tracks.append(track)
        }
        if planned >= 0 { named[Int(planned)] = lane }
      case Mode.other:
        let rank = ranks.code(recent.rank(planned >= 0 ? named[Int(planned)] : 0), of: recent.count, &models, &coder)
        guard let found = recent.lane(at: rank) else { return fail("lane \(rank)", &coder) }
        lane = found
      default: break
      }
      guard lane >= 0, Int(lane) < lanes.count else { return fail("id of no lane", &coder) }
      if mode == Mode.new, family.isJava {
        position = 0
      } else {
        let lastName = lanes[Int(lane)].lastName
        let kindKey = UInt64(isTrace ? 1 : 0) << 32
        let byKind = steps.base(kindKey | 1 << 40, &models)
        let byName = steps.base(kindKey | UInt64(name), unless: byKind, need: 3, &models)
        // A name of 2^31 or more shares contexts with another: no harm.
        let pairKey = kindKey << 31 ^ UInt64(lastName) << 32 ^ UInt64(name)
        let model = pairs.base(pairKey, unless: byName, need: 3, &models)
        let distance = StepCode.code(position &- lanes[Int(lane)].next, &models, model, &coder)
        position = lanes[Int(lane)].next &+ distance
      }
      recent.touch(lane)
      guard finish(i, lane, position, shape, &lanes, tracks, &coder) else { return }
    }
    groups[g].lanes = []
    if !C.decodes { note(g, order) }
  }

  @inline(__always)
  private static func javaId(_ seed: UInt64, _ step: UInt64, _ position: Int64, _ isTrace: Bool) -> (
    high: UInt64, low: UInt64
  ) {
    let at = seed &+ UInt64(bitPattern: position) &* step
    let first = ThreadLocalRandom.mix(at)
    return isTrace ? (first, ThreadLocalRandom.mix(at &+ step)) : (0, first)
  }

  /// Takes the id at `position` of `lane`, and moves the lane.
  @inline(__always)
  private mutating func finish<C: BitCoder & ~Copyable>(
    _ i: Int, _ lane: Int32, _ position: Int64, _ shape: IdShape, _ lanes: inout Buffer<Lane>,
    _ tracks: [SequenceTrack], _ coder: inout C
  ) -> Bool {
    let isTrace = context.kind[i].isTrace
    if C.decodes {
      let source = lanes[Int(lane)]
      if source.track < 0 {
        let id = Self.javaId(source.seed, source.step, position, isTrace)
        values.low[i] = id.low
        values.high[i] = id.high
      } else {
        guard let id = tracks[Int(source.track)].id(at: position, isTrace: isTrace, &budget) else {
          if error == nil {
            error = budget < 1 << 20 ? .limitExceeded(limit: limit) : .corrupt("id position \(position)")
          }
          coder.fail()
          return false
        }
        values.low[i] = id.low
        values.high[i] = id.high
      }
      if coder.failed {
        fail("id stream is cut off", &coder)
        return false
      }
    }
    let next = position &+ Int64(isTrace ? shape.unitsOfTrace : shape.unitsOfSpan)
    laneOf[i] = lane
    after[i] = next
    if next > lanes[Int(lane)].next { lanes[Int(lane)].next = next }
    lanes[Int(lane)].lastName = context.name[i]
    return true
  }

  private mutating func writeState<C: BitCoder & ~Copyable>(_ state: [UInt8], _ model: Int, _ coder: inout C) {
    _ = coder.codeNumber(UInt64(state.count), &models, model)
    for byte in state { _ = coder.codeRaw(UInt64(byte), count: 8) }
  }

  private mutating func readState<C: BitCoder & ~Copyable>(
    _ family: IdFamily, _ model: Int, _ coder: inout C
  ) -> SequenceTrack? {
    let count = coder.codeNumber(0, &models, model)
    guard count <= 8192, let type = family.sequence else {
      fail("generator state of \(count) bytes", &coder)
      return nil
    }
    var state: [UInt8] = []
    for _ in 0..<Int(count) where !coder.failed { state.append(UInt8(truncatingIfNeeded: coder.codeRaw(0, count: 8))) }
    let before = budget
    guard !coder.failed, let generator = state.withView({ type.init(state: $0, budget: &budget) }) else {
      if error == nil {
        error = budget < before / 2 ? .limitExceeded(limit: limit) : .corrupt("generator state")
      }
      coder.fail()
      return nil
    }
    return SequenceTrack(generator)
  }

  // MARK: Statistics

  private mutating func note(_ g: Int, _ order: [UInt32]) {
    var entry = IdReport.Group(generator: groups[g].family.name, processes: groups[g].processes)
    for d in order {
      entry.ids += 1
      if laneOf[Int(d)] >= 0 { entry.predicted += 1 }
      entry.bytesBefore += context.kind[Int(d)].isTrace ? 16 : 8
    }
    report.groups.append(entry)
  }

  mutating func noteBytes(group: Int, _ bytes: Int) {
    if group > 0 { report.groups[report.groups.count - 1].bytesAfter = bytes }
  }

  mutating func noteTotal() {
    for kind in context.kind { report.bytesBefore += kind.isTrace ? 16 : 8 }
  }
}

extension Array {
  fileprivate subscript(index: Int, default value: Element) -> Element { index < count ? self[index] : value }
}
