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
    base(key, unless: -1, need: 0, &models)
  }

  /// The models of `key` once it has been used `need` times, `general` until then.
  mutating func base(_ key: UInt64, unless general: Int, need: UInt32, _ models: inout Models) -> Int {
    guard let at = entry(key) else {
      if general >= 0 { return general }
      if overflow < 0 { overflow = models.allocate(width) }
      return overflow
    }
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
  /// Models of the small steps, and of the others.
  static var small: Int { ModelSize.tree(bits) }
  static var large: Int { ModelSize.signed }

  @inline(__always)
  static func code<C: BitCoder & ~Copyable>(
    _ step: Int64, _ models: inout Models, small: Int, large: Int, _ coder: inout C
  ) -> Int64 {
    let isSmall = step >= least && step < least + Int64(escape)
    let symbol = coder.codeTree(isSmall ? Int(step - least) : escape, bits: bits, &models, small, limit: 1000)
    if symbol < escape { return Int64(symbol) + least }
    return coder.codeSigned(step, &models, large)
  }
}
