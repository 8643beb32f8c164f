/// Text from files and file names made fit for a terminal: a capture is hostile input, and an escape sequence inside
/// an attribute value must not move the reader's cursor, set the title of the window or turn text around.
extension String {
  var sanitised: String {
    guard unicodeScalars.contains(where: \.isHarmful) else { return self }
    var safe = ""
    for scalar in unicodeScalars {
      if PathName.isEscape(scalar) {
        safe += "\\x" + hex(UInt64(scalar.value & 0xFF), digits: 2)
      } else if scalar.isHarmful {
        switch scalar {
        case "\n": safe += "\\n"
        case "\t": safe += "\\t"
        case "\r": safe += "\\r"
        default:
          safe +=
            scalar.value < 0x100
            ? "\\x" + hex(UInt64(scalar.value), digits: 2) : "\\u{\(hex(UInt64(scalar.value), digits: 4))}"
        }
      } else {
        safe.unicodeScalars.append(scalar)
      }
    }
    return safe
  }
}

extension Unicode.Scalar {
  /// Control characters (C0, DEL, C1), marks that reorder text, line and paragraph separators, invisible characters,
  /// and our own escapes for bytes that are no text.
  var isHarmful: Bool {
    switch value {
    case 0..<0x20, 0x7F..<0xA0, 0xAD, 0x61C, 0x180E, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF,
      0xFFF0...0xFFFB, 0xE0000...0xE0FFF:
      true
    default: PathName.isEscape(self)
    }
  }
}

func hex(_ value: UInt64, digits: Int) -> String {
  let text = String(value, radix: 16)
  return String(repeating: "0", count: max(0, digits - text.count)) + text
}
