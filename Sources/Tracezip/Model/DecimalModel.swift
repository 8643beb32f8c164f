import Bytes
import Columns

/// What one slot's or column's doubles have taught: most in telemetry were decimal numbers (`DecimalDouble`).
///
/// The digits behind the point are a symbol of their own, and with it go models of the number that they make an integer:
/// so trailing zeros cost nothing and say nothing.
struct DecimalSlot: BitwiseCopyable {
  /// The symbol's nibble, that of a distance to the decimal number, whether there is one, and what is no decimal.
  var base: UInt32
  static var size: Int { 2 * ModelSize.nibble + 1 + ModelSize.signed }
  /// Number models by scale, plain ones and those of differences; 0 until they are used.
  var plain: SIMD16<UInt32> = .zero
  var delta: SIMD16<UInt32> = .zero
  var last: UInt64 = 0
  var scale: UInt8 = 0
  /// What either way would have cost lately, in bits, eightfold.
  var plainCost: Int32 = 0
  var deltaCost: Int32 = 0
}

extension BlockModel {
  mutating func makeDecimal() -> Int32 {
    decimals.append(DecimalSlot(base: UInt32(models.allocate(DecimalSlot.size))))
    return Int32(decimals.count - 1)
  }

  /// A double's bits.
  @inline(never)
  mutating func codeDecimal<C: BitCoder & ~Copyable>(_ bits: UInt64, _ index: Int, _ c: inout C) -> UInt64 {
    var it = decimals[index]
    let base = Int(it.base)
    let parts = C.decodes ? nil : DecimalDouble.parts(of: bits, hint: Int(it.scale))
    let scale = c.codeNibble(parts?.scale ?? DecimalDouble.scales, &models, base)
    var out: UInt64
    if scale == DecimalDouble.scales {
      let other = base + 2 * ModelSize.nibble + 1
      out = it.last &+ UInt64(bitPattern: c.codeSigned(Int64(bitPattern: bits &- it.last), &models, other))
    } else {
      var off = parts?.off ?? 0
      if c.codeBit(off != 0, &models, base + 2 * ModelSize.nibble, limit: 60) {
        let most = DecimalDouble.mostOff
        let symbol = c.codeNibble(Int(off < 0 ? off + most : off + most - 1), &models, base + ModelSize.nibble)
        off = Int64(symbol) < most ? Int64(symbol) - most : Int64(symbol) - most + 1
      }
      let before = DecimalDouble.nearest(to: it.last, scale: scale) ?? 0
      var units = parts?.units ?? 0
      if it.deltaCost < it.plainCost {
        if it.delta[scale] == 0 { it.delta[scale] = UInt32(models.allocate(ModelSize.signed)) }
        units = before &+ c.codeSigned(units &- before, &models, Int(it.delta[scale]))
      } else {
        if it.plain[scale] == 0 { it.plain[scale] = UInt32(models.allocate(ModelSize.signed)) }
        units = c.codeSigned(units, &models, Int(it.plain[scale]))
      }
      it.plainCost += 64 - Int32(truncatingIfNeeded: units.magnitude.leadingZeroBitCount) - it.plainCost >> 3
      it.deltaCost +=
        65 - Int32(truncatingIfNeeded: (units &- before).magnitude.leadingZeroBitCount) - it.deltaCost >> 3
      out = DecimalDouble.bits(units: units, scale: scale) &+ UInt64(bitPattern: off)
      it.scale = UInt8(scale)
    }
    it.last = out
    decimals[index] = it
    return out
  }

  /// About how many bits a double takes.
  static func decimalCost(_ bits: UInt64, hint: Int) -> Int {
    guard let parts = DecimalDouble.parts(of: bits, hint: hint) else { return 64 }
    return 64 - parts.units.magnitude.leadingZeroBitCount + (parts.off == 0 ? 1 : 6)
  }
}
