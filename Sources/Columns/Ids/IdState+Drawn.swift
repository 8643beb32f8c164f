import Bytes

/// Ids of a group that has a generator.
extension IdState {
  /// Draws of group `g`, which are `range` of `list`, in the order drawn.
  mutating func codeDrawn<C: BitCoder & ~Copyable>(
    _ g: Int, _ range: Range<Int>, _ draws: inout Buffer<IdDraw>, _ plan: inout IdPlan, _ coder: inout C
  ) -> (predicted: Int, bytes: Int) {
    let shape = groups[g].family.shape
    let isJava = groups[g].family.isJava
    let (spanUnits, traceUnits) = (Int64(shape.unitsOfSpan), Int64(shape.unitsOfTrace))
    let order = list.elements[range]
    plan.tags.arrangePairs(order, traceIsFirst: shape.traceIsFirst && shape.drawsTraces)
    let (same, follows) = (groups[g].same, groups[g].follows)
    let groupKey = UInt64(g) << 48
    // The draw before if it may be the first of a pair, and the lane that gave its id and where the id ends there.
    var previous = -1
    var (lastLane, lastEnd): (Int32, Int64) = (-1, 0)
    var predicted = 0
    var size = 0

    for i in 0..<order.count {
      if i &+ 8 < order.count {
        let ahead = Int(order.unchecked(i &+ 8))
        draws.prefetch(ahead)
        if !C.decodes { plan.entries.prefetch(ahead) }
      }
      let d = Int(order.unchecked(i))
      let tag = plan.tags[d]
      let units = tag.isTrace ? traceUnits : spanUnits
      size &+= tag.isTrace ? 16 : 8
      let (first, firstLane) = (previous, lastLane)
      previous = d
      lastLane = -1
      if first >= 0, plan.tags.arePair(first, d) {
        previous = -1
        if codeSame(&draws[d], of: draws[first].low, same, &coder) {
          predicted &+= 1
          continue
        }
        // The second id of a root mostly follows the first at once.
        if firstLane >= 0 {
          let hit = !C.decodes && stands(d, firstLane, at: lastEnd, isJava, draws, plan)
          if coder.codeBit(hit, &models, follows + (tag.isTrace ? 1 : 0), limit: 1000) {
            guard take(d, &draws, firstLane, lastEnd, units, &coder) else { return (0, 0) }
            predicted &+= 1
            continue
          }
        }
      }

      let parentLane = laneOfParent(draws[d].parent, g)
      let near = parentLane >= 0 ? parentLane : groups[g].newest
      // Most ids follow the one before as others did before them.
      let habit = habits.find(
        groupKey | tag.kindNumber << 46 | (parentLane >= 0 ? 1 << 45 : 0), draws[d].name,
        after: near >= 0 ? lanes[near].lastName : 0, &models)
      var (lane, position) = (near, near >= 0 ? lanes[near].next &+ habits.step(habit) : 0)
      let hit = !C.decodes && near >= 0 && stands(d, near, at: position, isJava, draws, plan)
      if near >= 0, coder.codeBit(hit, &models, habits.model(habit), limit: 255) {
        habits.confirm(habit)
      } else {
        let modes = groupKey | tag.kindNumber << 34 | (parentLane >= 0 ? 1 << 33 : 0)
        guard codeElsewhere(d, g, &lane, &position, habit, modes: modes, &draws, &plan, &coder) else { return (0, 0) }
        if lane < 0 { continue }
      }
      lanes.touch(lane, &groups[g])
      guard take(d, &draws, lane, position, units, &coder) else { return (0, 0) }
      predicted &+= 1
      (lastLane, lastEnd) = (lane, position &+ units)
    }
    return (predicted, size)
  }

  /// A draw whose id does not follow that before on its `lane`, the near one, by `habit`: the lane, and the position there;
  /// lane -1 if the id is plain. False if it cannot be coded.
  @inline(never)
  private mutating func codeElsewhere<C: BitCoder & ~Copyable>(
    _ d: Int, _ g: Int, _ lane: inout Int32, _ position: inout Int64, _ habit: StepHabits.Found,
    modes situation: UInt64, _ draws: inout Buffer<IdDraw>, _ plan: inout IdPlan, _ coder: inout C
  ) -> Bool {
    let family = groups[g].family
    let draw = draws[d]
    let near = lane
    // Encoder: what the plan says, if both sides can reach it and the generator really gives the id.
    var planned: Int32 = -1
    var named: Int32 = -1
    if !C.decodes, plan.entries[d].lane >= 0 {
      planned = plan.entries[d].lane
      named = check(&planned, plan.entries[d], &position, draw, family, &plan)
    }
    var mode = planned < 0 ? Mode.raw : named < 0 ? Mode.new : named == near ? Mode.near : Mode.other
    mode = coder.codeTree(mode, bits: 2, &models, modeModels(situation, draw.name), limit: 255)
    if mode == Mode.raw {
      codeRaw(&draws[d], &coder)
      lane = -1
      return !coder.failed
    }
    if mode == Mode.new {
      lane = codeNew(g, Int(planned), position, &plan, &coder)
      guard lane >= 0 else { return false }
      if !C.decodes { plan.lanes[Int(planned)].named = lane }
      if family.isJava {
        if !C.decodes { plan.lanes[Int(planned)].origin = position }
        position = 0
        return true
      }
    } else if mode == Mode.other {
      let rank = groups[g].ranks.code(
        C.decodes ? 0 : lanes.rank(named, groups[g]), of: groups[g].count, &models, &coder)
      guard let found = lanes.lane(at: rank, groups[g]) else {
        fail("lane \(rank)", &coder)
        return false
      }
      lane = found
    }
    guard lane >= 0 else {
      fail("id of no lane", &coder)
      return false
    }
    let kindKey = UInt64(g) << 48 | UInt64(draw.kind.rawValue) << 46
    let distance = codeStep(position &- lanes[lane].next, kindKey, draw.name, after: lanes[lane].lastName, &coder)
    position = lanes[lane].next &+ distance
    if lane == near { habits.learn(habit, distance) }
    return true
  }

  /// Models of the mode: of the name, or of all names.
  @inline(__always)
  private mutating func modeModels(_ situation: UInt64, _ name: UInt32) -> Int {
    let found = modes.established(situation | UInt64(name), need: 3, &models)
    return found >= 0 ? found : modes.base(situation | 1 << 32, &models)
  }

  /// A step on a lane: by models of the name and the one before, or of the name, or of all names.
  private mutating func codeStep<C: BitCoder & ~Copyable>(
    _ step: Int64, _ kindKey: UInt64, _ name: UInt32, after last: UInt32, _ coder: inout C
  ) -> Int64 {
    // Names that share a key share contexts: no harm.
    let small = pairs.established(kindKey ^ UInt64(last &* 0x9E37_79B1) << 14 ^ UInt64(name), need: 3, &models)
    var byName = small >= 0 ? -1 : stepModels(kindKey, name)
    if let step = StepCode.code(step, &models, small >= 0 ? small : byName, &coder) { return step }
    if byName < 0 { byName = stepModels(kindKey, name) }
    return coder.codeSigned(step, &models, byName + StepCode.small)
  }

  private mutating func stepModels(_ kindKey: UInt64, _ name: UInt32) -> Int {
    let found = steps.established(kindKey | UInt64(name), need: 3, &models)
    return found >= 0 ? found : steps.base(kindKey | 1 << 45, &models)
  }

  @inline(__always)
  private func laneOfParent(_ parent: UInt32, _ g: Int) -> Int32 {
    guard Int(parent) < laneOfNode.count else { return -1 }
    let lane = laneOfNode[Int(parent)]
    return lane >= 0 && lanes[lane].isKnown && lanes[lane].group == Int32(g) ? lane : -1
  }

  /// Encoder: whether the plan has draw `d` at `position` of `lane`, where both sides can reach it and the generator
  /// really gives the id.
  @inline(__always)
  private func stands(
    _ d: Int, _ lane: Int32, at position: Int64, _ isJava: Bool, _ draws: borrowing Buffer<IdDraw>,
    _ plan: borrowing IdPlan
  ) -> Bool {
    let entry = plan.entries[d]
    guard entry.lane >= 0 else { return false }
    let source = plan.lanes[Int(entry.lane)]
    guard source.named == lane else { return false }
    if isJava {
      return entry.position &- source.origin == position && Self.javaGives(source, entry.position, draws[d])
    }
    return entry.position == position && isReachable(position, lanes[lane].next)
      && (entry.isSure || plan.tracks[Int(source.source)].gives(draws[d], at: position))
  }

  /// Encoder: whether a planned place can be coded, its lane's number or -1 for a new one, and its position there.
  private mutating func check(
    _ planned: inout Int32, _ entry: IdPlan.Entry, _ position: inout Int64, _ draw: IdDraw,
    _ family: IdFamily, _ plan: inout IdPlan
  ) -> Int32 {
    let at = entry.position
    let source = plan.lanes[Int(planned)]
    var named = source.named
    if named >= 0, !lanes[named].isKnown {
      plan.lanes[Int(planned)].named = -1
      named = -1
    }
    if family.isJava {
      if !Self.javaGives(source, at, draw) { planned = -1 }
      position = named >= 0 ? at &- source.origin : at
      return named
    }
    position = at
    let next = named >= 0 ? lanes[named].next : 0
    if isReachable(at, next), entry.isSure || plan.tracks[Int(source.source)].gives(draw, at: at),
      named >= 0 || canOpen(&plan.states[Int(source.source)], family)
    {
      return named
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

  @inline(__always)
  private static func javaGives(_ source: IdPlan.Lane, _ position: Int64, _ draw: IdDraw) -> Bool {
    let id = javaId(source.seed, source.step, position, draw.isTrace)
    return id.low == draw.low && (!draw.isTrace || id.high == draw.high)
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
