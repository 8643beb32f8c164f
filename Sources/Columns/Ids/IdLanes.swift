import Bytes

/// A thread of a generator, or the whole of one, as both sides know it.
struct IdLane: BitwiseCopyable {
  /// Java: seed at position 0, and step.
  var seed: UInt64 = 0
  var step: UInt64 = 0
  /// Where the next id is expected.
  var next: Int64 = 0
  var lastName: UInt32 = .max
  var group: Int32
  /// Sequence generators: index of the track.
  var track: Int32 = -1
  /// Neighbours in the list of the group's lanes by their last use, -1 at its ends.
  var newer: Int32 = -1
  var older: Int32 = -1
  /// Lanes that have not been used for long are forgotten.
  var isKnown = true
}

/// A generator of the segment: its lanes by their last use, and its models.
struct IdGroup: BitwiseCopyable {
  /// Lanes a group may hold; the one that has been idle longest is forgotten for a new one.
  static var limit: Int { 1024 }

  let family: IdFamily
  /// Java's seeder at thread 0, once it is known.
  var seeder: UInt64?
  var newest: Int32 = -1
  var oldest: Int32 = -1
  var count = 0
  var ranks: RankCode
  var births: BirthCode
  /// Models: a root's second id ends as the first; follows it at once (2); bytes of a state.
  let same: Int
  let follows: Int
  let stateSize: Int

  init(_ family: IdFamily, _ models: inout Models) {
    self.family = family
    same = models.allocate(1)
    follows = models.allocate(2)
    stateSize = models.allocate(ModelSize.number)
    ranks = RankCode(&models)
    births = BirthCode(family, &models)
  }
}

/// All lanes of a segment.
struct IdLanes: ~Copyable {
  private(set) var all = Buffer<IdLane>()

  subscript(_ lane: Int32) -> IdLane {
    @inline(__always) get { all[Int(lane)] }
    @inline(__always) _modify { yield &all[Int(lane)] }
  }

  var count: Int { all.count }

  /// Adds a lane, used last. The lane that is forgotten for it, or -1.
  mutating func add(_ lane: IdLane, _ group: inout IdGroup) -> Int32 {
    var forgotten: Int32 = -1
    if group.count == IdGroup.limit {
      forgotten = group.oldest
      unlink(forgotten, &group)
      all[Int(forgotten)].isKnown = false
    }
    all.append(lane)
    pushFront(Int32(all.count - 1), &group)
    return forgotten
  }

  /// Makes `lane` the one used last.
  @inline(__always)
  mutating func touch(_ lane: Int32, _ group: inout IdGroup) {
    if group.newest == lane { return }
    unlink(lane, &group)
    pushFront(lane, &group)
  }

  private mutating func pushFront(_ lane: Int32, _ group: inout IdGroup) {
    all[Int(lane)].newer = -1
    all[Int(lane)].older = group.newest
    if group.newest >= 0 { all[Int(group.newest)].newer = lane } else { group.oldest = lane }
    group.newest = lane
    group.count += 1
  }

  private mutating func unlink(_ lane: Int32, _ group: inout IdGroup) {
    let (newer, older) = (all[Int(lane)].newer, all[Int(lane)].older)
    if newer >= 0 { all[Int(newer)].older = older } else { group.newest = older }
    if older >= 0 { all[Int(older)].newer = newer } else { group.oldest = newer }
    group.count -= 1
  }

  /// Lanes of the group used since `lane`, which is one of them; told from both ends at once.
  func rank(_ lane: Int32, _ group: IdGroup) -> Int {
    var distance = 0
    var (front, back) = (group.newest, group.oldest)
    while front >= 0, back >= 0 {
      if front == lane { return distance }
      if back == lane { return group.count - 1 - distance }
      front = all[Int(front)].older
      back = all[Int(back)].newer
      distance += 1
    }
    return 0
  }

  /// The lane that `rank` lanes of the group were used after, nil if there is none.
  func lane(at rank: Int, _ group: IdGroup) -> Int32? {
    guard rank >= 0, rank < group.count else { return nil }
    if rank * 2 < group.count {
      var lane = group.newest
      for _ in 0..<rank { lane = all[Int(lane)].older }
      return lane
    }
    var lane = group.oldest
    for _ in 0..<group.count - 1 - rank { lane = all[Int(lane)].newer }
    return lane
  }
}

/// A lane by its rank. Thread pools hand out the worker that has been idle longest, so ranks are told from whichever
/// end is nearer, and the last choices are the best guess for the next.
struct RankCode: BitwiseCopyable {
  private static var bits: Int { 5 }
  private static var escape: Int { (1 << bits) - 1 }
  private let sides: Int
  private let trees: Int
  private let numbers: Int
  private var before = 0

  init(_ models: inout Models) {
    sides = models.allocate(8)
    trees = models.allocate(2 * ModelSize.tree(Self.bits))
    numbers = models.allocate(2 * ModelSize.number)
  }

  mutating func code<C: BitCoder & ~Copyable>(
    _ rank: Int, of count: Int, _ models: inout Models, _ coder: inout C
  ) -> Int {
    let fromEnd = count - 1 - rank
    let back = coder.codeBit(fromEnd < rank, &models, sides + before)
    before = (before << 1 | (back ? 1 : 0)) & 7
    let side = back ? 1 : 0
    let distance = back ? fromEnd : rank
    var result = coder.codeTree(
      min(distance, Self.escape), bits: Self.bits, &models, trees + side * ModelSize.tree(Self.bits))
    if result == Self.escape {
      let more = coder.codeNumber(
        UInt64(max(0, distance - Self.escape)), &models, numbers + side * ModelSize.number)
      result += Int(truncatingIfNeeded: min(more, 1 << 30))
    }
    return back ? count - 1 - result : result
  }
}

/// A Java thread that is new: its thread id (JDK 17 on), and its place in the seeder's chain or its seed.
struct BirthCode: BitwiseCopyable {
  private let threads: Int
  private let chained: Int
  private let places: Int
  private let draws: Int
  private var lastThread: Int64 = 0
  private var lastPlace: Int64 = 0

  init(_ family: IdFamily, _ models: inout Models) {
    guard family.isJava else {
      (threads, chained, places, draws) = (0, 0, 0, 0)
      return
    }
    threads = models.allocate(ModelSize.signed)
    chained = models.allocate(2)
    places = models.allocate(ModelSize.signed)
    draws = models.allocate(ModelSize.number)
  }

  /// The thread's seed and step; `seeder` is what the encoder has found by now, `known` what both sides know.
  mutating func code<C: BitCoder & ~Copyable>(
    _ seed: UInt64, _ step: UInt64, family: IdFamily, seeder: UInt64?, known: inout UInt64?, _ models: inout Models,
    _ coder: inout C
  ) -> (seed: UInt64, step: UInt64) {
    var step = step
    if family == .java17 {
      let thread = Int64(bitPattern: (step &- ThreadLocalRandom.gamma) >> 1)
      lastThread &+= coder.codeSigned(thread &- lastThread, &models, threads)
      step = ThreadLocalRandom.gamma &+ UInt64(bitPattern: lastThread) << 1
    } else {
      step = ThreadLocalRandom.gamma
    }
    if known == nil, coder.codeBit(seeder != nil, &models, chained + 1, limit: 30) {
      known = coder.codeRaw(seeder ?? 0, count: 64)
    }
    guard let seeder = known else { return (coder.codeRaw(seed, count: 64), step) }
    let birth = C.decodes ? nil : ThreadLocalRandom.birth(seed: seed, step: step, seeder: seeder)
    guard coder.codeBit(birth != nil, &models, chained) else { return (coder.codeRaw(seed, count: 64), step) }
    lastPlace &+= coder.codeSigned((birth?.thread ?? 0) &- lastPlace, &models, places)
    let drawn = coder.codeNumber(UInt64(birth?.draws ?? 0), &models, draws)
    let first = ThreadLocalRandom.firstSeed(seeder: seeder, thread: lastPlace)
    return (first &+ drawn &* step, step)
  }
}
