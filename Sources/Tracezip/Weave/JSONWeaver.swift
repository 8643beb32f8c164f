import Bytes
import OTLP

extension Weaver {
  /// Weaves a step of JSON: its literal, and its leaf as text. False where the step is none of JSON or a record is
  /// missing.
  @inline(__always)
  mutating func weaveText(
    _ step: Step, _ leaves: borrowing Buffer<UInt64>, _ leaf: inout Int, _ block: borrowing Block,
    _ skeletons: borrowing Skeletons, _ strings: borrowing StringTable, _ bound: Int, _ out: inout Buffer<UInt8>
  ) -> Bool {
    let literal = skeletons.literal(step)
    if step.kind == .jsonRun { return weaveRun(step, leaves, &leaf, block, skeletons, strings, bound, &out) }
    out.appendSlack(literal)
    if step.kind == .jsonEnd { return true }
    let value = leaves[leaf]
    leaf &+= 1
    switch step.kind {
    case .jsonString, .jsonText, .jsonRecord: out.appendSlack(strings.view(Int(truncatingIfNeeded: value)))
    case .jsonUnsigned: out.appendDecimal(value)
    case .jsonInteger:
      if Int64(bitPattern: value) < 0 { out.append(0x2D) }
      out.appendDecimal(Int64(bitPattern: value).magnitude)
    case .jsonId8: out.append(hex: value.byteSwapped, letters: .lower)
    case .jsonUpperId8: out.append(hex: value.byteSwapped, letters: .upper)
    case .jsonId16, .jsonUpperId16:
      let letters = step.kind == .jsonId16 ? HexLetters.lower : .upper
      out.append(hex: value.byteSwapped, letters: letters)
      out.append(hex: leaves[leaf].byteSwapped, letters: letters)
      leaf &+= 1
    case .jsonBool: out.append(value != 0 ? "true" : "false")
    case .jsonDouble:
      out.append(plainDouble: Double(bitPattern: value), style: DoubleStyle(rawValue: step.width1) ?? .ecmaScript)
    case .jsonBase64Id8, .jsonBase64Id16:
      var id = Buffer<UInt8>(capacity: 16)
      id.append(integer: value.byteSwapped)
      if step.kind == .jsonBase64Id16 {
        id.append(integer: leaves[leaf].byteSwapped)
        leaf &+= 1
      }
      out.append(base64: id.view)
    default: return false
    }
    return true
  }

  @inline(never)
  private mutating func weaveRun(
    _ step: Step, _ leaves: borrowing Buffer<UInt64>, _ leaf: inout Int, _ block: borrowing Block,
    _ skeletons: borrowing Skeletons, _ strings: borrowing StringTable, _ bound: Int, _ out: inout Buffer<UInt8>
  ) -> Bool {
    let literal = skeletons.literal(step)
    let head = literal.count &- Int(step.tagCount)
    var left = leaves[leaf]
    leaf &+= 1
    out.appendSlack(literal[0..<head])
    while left > 0 {
      let start = out.count
      if !record(step.child, block, skeletons, strings, bound, &out) { return false }
      if step.child == .span { note(start, out.count &- start) }
      left &-= 1
      if left > 0 { out.appendSlack(literal[head..<literal.count]) }
    }
    return true
  }
}

extension Buffer where Element == UInt8 {
  /// Appends `value` in decimal, two digits at a time.
  @inline(__always)
  mutating func appendDecimal(_ value: UInt64) {
    if value < 10 { return append(0x30 &+ UInt8(truncatingIfNeeded: value)) }
    append(decimal: value)
  }
}
