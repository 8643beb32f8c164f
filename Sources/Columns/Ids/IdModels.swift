import Bytes

/// Models by context, made when first used; a context that has hardly been used lends another's models.
struct ContextTable: ~Copyable {
  private var map = FlatMap(expecting: 64)
  private var uses = Buffer<UInt32>()
  private var bases = Buffer<Int>()
  private let width: Int
  private let overflow: Int
  /// Contexts a stream may make: hostile names must not cost memory without end.
  private static var limit: Int { 8192 }

  init(width: Int, _ models: inout Models) {
    self.width = width
    overflow = models.allocate(width)
  }

  private mutating func entry(_ key: UInt64) -> Int? {
    let found = map.find(key)
    if found != FlatMap.absent { return Int(found) }
    guard uses.count < Self.limit else { return nil }
    map.set(key, UInt32(uses.count))
    uses.append(0)
    bases.append(-1)
    return uses.count - 1
  }

  /// The models of `key`.
  mutating func base(_ key: UInt64, _ models: inout Models) -> Int {
    base(key, unless: -1, need: 0, &models)
  }

  /// The models of `key` once it has been used `need` times, `general` until then.
  mutating func base(_ key: UInt64, unless general: Int, need: UInt32, _ models: inout Models) -> Int {
    guard let at = entry(key) else { return general < 0 ? overflow : general }
    if uses[at] < need {
      uses[at] += 1
      return general
    }
    if bases[at] < 0 { bases[at] = models.allocate(width) }
    return bases[at]
  }
}

/// A distance between ids of a lane: small ones as symbols of their own, since an application's own draws make habits
/// of odd numbers.
enum StepCode {
  private static var least: Int64 { -8 }
  private static var bits: Int { 6 }
  private static var escape: Int { (1 << bits) - 1 }
  static var size: Int { ModelSize.tree(6) + ModelSize.signed }

  @inline(__always)
  static func code<C: BitCoder & ~Copyable>(
    _ step: Int64, _ models: inout Models, _ base: Int, _ coder: inout C
  ) -> Int64 {
    let small = step >= least && step < least + Int64(escape)
    let symbol = coder.codeTree(small ? Int(step - least) : escape, bits: bits, &models, base)
    if symbol < escape { return Int64(symbol) + least }
    return coder.codeSigned(step, &models, base + ModelSize.tree(bits))
  }
}

/// Lanes, the last used first. Old ones fall out at the end; an id on such a lane is stored as it is.
struct RecentLanes: ~Copyable {
  static var limit: Int { 1024 }
  private var list = Buffer<Int32>()

  var count: Int { list.count }
  var first: Int32 { list.count > 0 ? list[list.count - 1] : -1 }

  func holds(_ lane: Int32) -> Bool {
    var at = list.count
    while at > 0 {
      at &-= 1
      if list[at] == lane { return true }
    }
    return false
  }

  /// Lanes used since `lane`.
  func rank(_ lane: Int32) -> Int {
    var at = list.count
    while at > 0 {
      at &-= 1
      if list[at] == lane { return list.count &- 1 &- at }
    }
    return 0
  }

  func lane(at rank: Int) -> Int32? {
    rank >= 0 && rank < list.count ? list[list.count - 1 - rank] : nil
  }

  mutating func touch(_ lane: Int32) {
    var at = list.count
    if at > 0, list[at &- 1] == lane { return }
    while at > 0 {
      at &-= 1
      if list[at] == lane {
        while at &+ 1 < list.count {
          list[at] = list[at &+ 1]
          at &+= 1
        }
        list[at] = lane
        return
      }
    }
    if list.count == Self.limit {
      for k in 1..<list.count { list[k - 1] = list[k] }
      list[list.count - 1] = lane
    } else {
      list.append(lane)
    }
  }
}

/// A lane by its rank. Thread pools hand out the worker that has been idle longest, so ranks are told from whichever
/// end is nearer, and the last choice is the best guess for the next.
struct RankCode: ~Copyable {
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
struct BirthCode: ~Copyable {
  private let threads: Int
  private let chained: Int
  private let places: Int
  private let draws: Int
  private var lastThread: Int64 = 0
  private var lastPlace: Int64 = 0

  init(_ models: inout Models) {
    threads = models.allocate(ModelSize.signed)
    chained = models.allocate(1)
    places = models.allocate(ModelSize.signed)
    draws = models.allocate(ModelSize.number)
  }

  mutating func code<C: BitCoder & ~Copyable>(
    _ seed: UInt64, _ step: UInt64, family: IdFamily, seeder: UInt64?, _ models: inout Models, _ coder: inout C
  ) -> (seed: UInt64, step: UInt64) {
    var step = step
    if family == .java17 {
      let thread = Int64(bitPattern: (step &- ThreadLocalRandom.gamma) >> 1)
      lastThread &+= coder.codeSigned(thread &- lastThread, &models, threads)
      step = ThreadLocalRandom.gamma &+ UInt64(bitPattern: lastThread) << 1
    } else {
      step = ThreadLocalRandom.gamma
    }
    guard let seeder else { return (coder.codeRaw(seed, count: 64), step) }
    let birth = C.decodes ? nil : ThreadLocalRandom.birth(seed: seed, step: step, seeder: seeder)
    guard coder.codeBit(birth != nil, &models, chained) else { return (coder.codeRaw(seed, count: 64), step) }
    lastPlace &+= coder.codeSigned((birth?.thread ?? 0) &- lastPlace, &models, places)
    let drawn = coder.codeNumber(UInt64(birth?.draws ?? 0), &models, draws)
    let first = ThreadLocalRandom.firstSeed(seeder: seeder, thread: lastPlace)
    return (first &+ drawn &* step, step)
  }
}
