import Bytes

/// One place where numbers stand: they are coded plainly or by the difference to the last one, whichever would have been
/// shorter lately.
struct NumberHistory: BitwiseCopyable {
  /// Models for differences and their signs, then for plain numbers.
  private let base: Int
  var last: Int64 = 0
  /// What either way would have cost lately, in bits, eightfold.
  private var plainCost = 0
  private var deltaCost = 0

  init(_ models: inout Models) { base = models.allocate(ModelSize.signed + ModelSize.number) }

  @inline(__always)
  mutating func code<C: BitCoder & ~Copyable>(_ value: Int64, _ models: inout Models, _ coder: inout C) -> Int64 {
    let coded: Int64
    if deltaCost < plainCost {
      coded = last &+ coder.codeSigned(value &- last, &models, base)
    } else {
      coded = Int64(bitPattern: coder.codeNumber(UInt64(bitPattern: value), &models, base &+ ModelSize.signed))
    }
    let plain = 64 - coded.leadingZeroBitCount
    let delta = 65 - (coded &- last).magnitude.leadingZeroBitCount
    plainCost += plain - plainCost >> 3
    deltaCost += delta - deltaCost >> 3
    last = coded
    return coded
  }
}
