import Bytes

/// Ids of a group that has a generator.
extension IdState {
  /// Draws of group `g`, which are `range` of `list`, in the order drawn.
  mutating func codeDrawn<C: BitCoder & ~Copyable>(
    _ g: Int, _ range: Range<Int>, _ draws: inout Buffer<IdDraw>, _ plan: inout IdPlan, _ coder: inout C
  ) -> (predicted: Int, bytes: Int) {
    let family = groups[g].family
    let shape = family.shape
    let (spanUnits, traceUnits) = (Int64(shape.unitsOfSpan), Int64(shape.unitsOfTrace))
    IdOrder.arrangePairs(&list, range, draws, traceIsFirst: shape.traceIsFirst && shape.drawsTraces)
    let (same, follows) = (groups[g].same, groups[g].follows)
    let groupKey = UInt64(g) << 48
    var previous = -1
    var predicted = 0
    var size = 0

    for i in range {
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
        named = check(&planned, plan.entries[d], &position, draw, family, &plan)
      }

      // The second id of a root mostly follows the first at once.
      if isSecond, laneOf[first] >= 0 {
        let lane = laneOf[first]
        let hit = planned >= 0 && named == lane && position == after[first]
        if coder.codeBit(hit, &models, follows + (isTrace ? 1 : 0), limit: 1000) {
          guard take(d, &draws, lane, after[first], units, &coder) else { return (0, 0) }
          predicted &+= 1
          continue
        }
      }

      let parentLane = laneOfParent(draw.parent, g)
      let near = parentLane >= 0 ? parentLane : groups[g].newest
      // Most ids follow the one before as others did before them.
      let habit = habits.find(
        groupKey | UInt64(draw.kind.rawValue) << 46 | (parentLane >= 0 ? 1 << 45 : 0), draw.name,
        after: near >= 0 ? lanes[near].lastName : 0, &models)
      if near >= 0 {
        let next = lanes[near].next &+ habits.step(habit)
        let hit = planned >= 0 && named == near && position == next
        if coder.codeBit(hit, &models, habits.model(habit), limit: 255) {
          habits.confirm(habit)
          lanes.touch(near, &groups[g])
          guard take(d, &draws, near, next, units, &coder) else { return (0, 0) }
          predicted &+= 1
          continue
        }
      }
      var mode = planned < 0 ? Mode.raw : named < 0 ? Mode.new : named == near ? Mode.near : Mode.other
      let situation = groupKey | UInt64(draw.kind.rawValue) << 34 | (parentLane >= 0 ? 1 << 33 : 0)
      let modeModel = modeModels(situation, draw.name)
      mode = coder.codeTree(mode, bits: 2, &models, modeModel, limit: 255)
      if mode == Mode.raw {
        codeRaw(&draws[d], &coder)
        if coder.failed { return (0, 0) }
        continue
      }
      var lane = near
      if mode == Mode.new {
        lane = codeNew(g, Int(planned), position, &plan, &coder)
        guard lane >= 0 else { return (0, 0) }
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
          return (0, 0)
        }
        lane = found
      }
      guard lane >= 0 else {
        fail("id of no lane", &coder)
        return (0, 0)
      }
      if mode == Mode.new, family.isJava {
        position = 0
      } else {
        let kindKey = groupKey | UInt64(draw.kind.rawValue) << 46
        let distance = codeStep(position &- lanes[lane].next, kindKey, draw.name, after: lanes[lane].lastName, &coder)
        position = lanes[lane].next &+ distance
        if lane == near { habits.learn(habit, distance) }
      }
      lanes.touch(lane, &groups[g])
      guard take(d, &draws, lane, position, units, &coder) else { return (0, 0) }
      predicted &+= 1
    }
    return (predicted, size)
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
      let id = Self.javaId(source.seed, source.step, at, draw.isTrace)
      if id.low != draw.low || (draw.isTrace && id.high != draw.high) { planned = -1 }
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
