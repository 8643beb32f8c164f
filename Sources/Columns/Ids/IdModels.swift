import Bytes

/// Models by context, made when first used; a context that has hardly been used lends another's models.
struct ContextTable: ~Copyable {
  private var map = FlatMap(expecting: 8)
  private var uses = Buffer<UInt32>()
  private var bases = Buffer<Int>()
  private let width: Int
  /// Made when first needed.
  private var overflow = -1
  /// Contexts a segment may make: hostile names must not cost memory without end.
  private let limit: Int

  init(width: Int, limit: Int) {
    self.width = width
    self.limit = limit
  }

  private mutating func entry(_ key: UInt64) -> Int? {
    let found = map.find(key)
    if found != FlatMap.absent { return Int(found) }
    guard uses.count < limit else { return nil }
    map.set(key, UInt32(uses.count))
    uses.append(0)
    bases.append(-1)
    return uses.count - 1
  }

  /// The models of `key`.
  mutating func base(_ key: UInt64, _ models: inout Models) -> Int {
    let found = established(key, need: 0, &models)
    if found >= 0 { return found }
    if overflow < 0 { overflow = models.allocate(width) }
    return overflow
  }

  /// The models of `key` once it has been asked for `need` times; -1 until then, or where there are too many contexts.
  @inline(__always)
  mutating func established(_ key: UInt64, need: UInt32, _ models: inout Models) -> Int {
    guard let at = entry(key) else { return -1 }
    if uses[at] < need {
      uses[at] += 1
      return -1
    }
    if bases[at] < 0 { bases[at] = models.allocate(width) }
    return bases[at]
  }
}

/// What step the next id of a lane is expected to take, by context, and whether it does: most take the one that most
/// did before them, which one bit then tells.
struct StepHabits: ~Copyable {
  private struct Habit: BitwiseCopyable {
    var step: Int64 = 0
    /// How much more often than others the step was taken of late, at most 15.
    var trust: Int32 = 0
    var uses: UInt32 = 0
    var model = 0
  }
  /// Habit found in the context, and that of the general one if it is used in its stead, else the same.
  struct Found {
    fileprivate var own: Int
    fileprivate var used: Int
  }

  private var map = FlatMap(expecting: 8)
  /// The first is that of contexts beyond the limit.
  private var all = Buffer<Habit>()
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  mutating func start(_ models: inout Models) { all.append(Habit(model: models.allocate(1))) }

  @inline(__always)
  private mutating func entry(_ key: UInt64) -> Int {
    let found = map.find(key)
    if found != FlatMap.absent { return Int(found) }
    guard all.count < limit else { return 0 }
    map.set(key, UInt32(all.count))
    all.append(Habit())
    return all.count - 1
  }

  /// The habit of the name after another's in the context `key`; until it has been used three times the context's own.
  @inline(__always)
  mutating func find(_ key: UInt64, _ name: UInt32, after: UInt32, _ models: inout Models) -> Found {
    // Names that share a key share habits: no harm.
    let own = entry(key ^ UInt64(after &* 0x9E37_79B1) << 13 ^ UInt64(name) ^ 1 << 44)
    var used = own
    if all[own].uses < 3 {
      all[own].uses &+= 1
      used = entry(key)
    }
    if all[used].model == 0 { all[used].model = models.allocate(1) }
    return Found(own: own, used: used)
  }

  @inline(__always)
  func step(_ found: Found) -> Int64 { all[found.used].step }

  @inline(__always)
  func model(_ found: Found) -> Int { all[found.used].model }

  /// The step was as expected.
  @inline(__always)
  mutating func confirm(_ found: Found) {
    if all[found.used].trust < 15 { all[found.used].trust &+= 1 }
    if found.own != found.used { note(found.own, all[found.used].step) }
  }

  /// It was `step`.
  mutating func learn(_ found: Found, _ step: Int64) {
    note(found.used, step)
    if found.own != found.used { note(found.own, step) }
  }

  private mutating func note(_ habit: Int, _ step: Int64) {
    if all[habit].step == step {
      all[habit].trust = min(all[habit].trust &+ 1, 15)
    } else if all[habit].trust > 0 {
      all[habit].trust &-= 1
    } else {
      all[habit].step = step
    }
  }
}

/// A distance between ids of a lane: small ones as symbols of their own, since an application's own draws make habits
/// of odd numbers.
enum StepCode {
  private static var least: Int64 { -8 }
  private static var bits: Int { 6 }
  private static var escape: Int { (1 << bits) - 1 }
  /// Models of the small steps, and of the others.
  static var small: Int { ModelSize.tree(bits) }
  static var large: Int { ModelSize.signed }

  /// nil where it is none of the small ones, which the coder knows then.
  @inline(__always)
  static func code<C: BitCoder & ~Copyable>(
    _ step: Int64, _ models: inout Models, _ small: Int, _ coder: inout C
  ) -> Int64? {
    let isSmall = step >= least && step < least + Int64(escape)
    let symbol = coder.codeTree(isSmall ? Int(step - least) : escape, bits: bits, &models, small, limit: 1000)
    return symbol < escape ? Int64(symbol) + least : nil
  }
}
