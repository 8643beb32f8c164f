import Bytes
import OTLP

extension WeavePlan.Op {
  /// Writes a value of JSON, the word at `at` of the leaves, as text. False where the step is none of JSON.
  @inline(__always)
  func weaveText(
    _ leaves: borrowing Buffer<UInt64>, _ at: Int, _ strings: borrowing StringTable, _ out: inout Buffer<UInt8>
  ) -> Bool {
    let value = leaves[at]
    switch kind {
    case .jsonString, .jsonText, .jsonRecord: out.appendSlack(strings.view(Int(truncatingIfNeeded: value)))
    case .jsonUnsigned: out.appendDecimal(value)
    case .jsonInteger:
      if Int64(bitPattern: value) < 0 { out.append(0x2D) }
      out.appendDecimal(Int64(bitPattern: value).magnitude)
    case .jsonId8: out.append(hex: value.byteSwapped, letters: .lower)
    case .jsonUpperId8: out.append(hex: value.byteSwapped, letters: .upper)
    case .jsonId16, .jsonUpperId16:
      let letters = kind == .jsonId16 ? HexLetters.lower : .upper
      out.append(hex: value.byteSwapped, letters: letters)
      out.append(hex: leaves[at &+ 1].byteSwapped, letters: letters)
    case .jsonBool: out.append(value != 0 ? "true" : "false")
    case .jsonDouble:
      out.append(plainDouble: Double(bitPattern: value), style: DoubleStyle(rawValue: width1) ?? .ecmaScript)
    case .jsonBase64Id8, .jsonBase64Id16:
      var id = Buffer<UInt8>(capacity: 16)
      id.append(integer: value.byteSwapped)
      if kind == .jsonBase64Id16 { id.append(integer: leaves[at &+ 1].byteSwapped) }
      out.append(base64: id.view)
    default: return false
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
