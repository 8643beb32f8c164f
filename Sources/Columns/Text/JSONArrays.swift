import Bytes

/// Arrays of AnyValue as OTLP/JSON spells them, `{"values":[{"intValue":"84"},…]}`: into the same elements as protobuf's,
/// and back. What is not spelled in one of sixteen styles is text like any other.
enum JSONArrays {
  /// What writers differ in.
  struct Style {
    /// A space behind colons and commas.
    static let spaced = 1
    /// `int_value`, not `intValue`.
    static let snakeCase = 2
    /// Integers without quotes.
    static let bareIntegers = 4
    /// Whole doubles end in `.0`.
    static let pointed = 8
  }

  /// The style of `text`, with its elements in `elements`; or nil where it is no such array.
  static func parse(
    _ text: ByteView, _ elements: inout Buffer<ValueArrays.Element>, _ spelled: inout Buffer<UInt8>
  ) -> Int? {
    guard text.count > 12, text.load(UInt64.self, at: 0) == 0x7365_756C_6176_227B,
      text.load(UInt16.self, at: 8) == 0x3A22
    else { return nil }
    elements.removeAll()
    var style = text.unchecked(10) == 0x20 ? Style.spaced : 0
    let gap = style
    if text.unchecked(10 &+ gap) != 0x5B { return nil }
    var at = 11 &+ gap
    // Leniently: what was overlooked shows when the elements are spelled.
    while at &+ 16 < text.count, text.unchecked(at) == 0x7B {
      at &+= 2
      let key = at
      while at < text.count, text.unchecked(at) != 0x22 { at &+= 1 }
      let length = at &- key
      at &+= 2 &+ gap
      if at >= text.count { return nil }
      var element = ValueArrays.Element.none
      let first = text.unchecked(key)
      switch first {
      case 0x73:  // s
        at &+= 1
        element.start = at
        while at < text.count, text.unchecked(at) != 0x22 { at &+= text.unchecked(at) == 0x5C ? 2 : 1 }
        if at >= text.count { return nil }
        element.end = at
        at &+= 1
      case 0x62:  // b
        element.kind = .truth
        element.value = text.unchecked(at) == 0x74 ? 1 : 0
        at &+= text.unchecked(at) == 0x74 ? 4 : 5
      case 0x69, 0x64:  // i, d
        element.kind = first == 0x69 ? .integer : .double
        let quoted = text.unchecked(at) == 0x22
        if quoted { at &+= 1 }
        if first == 0x69, !quoted { style |= Style.bareIntegers }
        guard let number = number(text, &at) else { return nil }
        if element.kind == .integer, number.scale > 0 { return nil }
        if element.kind == .double, number.units % 10 == 0, number.scale == 1 { style |= Style.pointed }
        element.value = UInt64(bitPattern: number.units)
        element.scale = number.scale
        while element.scale > 0, number.units != 0 || element.scale == 1,
          Int64(bitPattern: element.value) % 10 == 0
        {
          element.value = UInt64(bitPattern: Int64(bitPattern: element.value) / 10)
          element.scale &-= 1
        }
        if quoted { at &+= 1 }
      default: return nil
      }
      if length == (first == 0x73 ? 12 : first == 0x62 ? 10 : first == 0x69 ? 9 : 12) { style |= Style.snakeCase }
      elements.append(element)
      at &+= 1
      if at >= text.count || text.unchecked(at) != 0x2C { break }
      at &+= 1 &+ gap
    }
    spelled.removeAll()
    for k in 0..<elements.count {
      let element = elements[k]
      if element.kind == .text {
        append(text: text[element.start..<element.end], style, to: &spelled)
      } else {
        append(element, style, to: &spelled)
      }
      if spelled.count > text.count { return nil }
    }
    let start = 11 &+ gap
    guard spelled.count &+ start &+ 2 == text.count, text[start..<text.count &- 2] == spelled.view,
      text.load(UInt16.self, at: text.count &- 2) == 0x7D5D
    else { return nil }
    return style
  }

  /// A decimal number of up to 18 digits; `at` behind it.
  private static func number(_ text: ByteView, _ at: inout Int) -> (units: Int64, scale: Int)? {
    var units: Int64 = 0
    var digits = 0
    var point = -1
    let negative = at < text.count && text.unchecked(at) == 0x2D
    if negative { at &+= 1 }
    while at < text.count {
      let byte = text.unchecked(at)
      if byte &- 0x30 < 10 {
        units = units &* 10 &+ Int64(byte & 15)
        digits &+= 1
        if digits > 18 { return nil }
      } else if byte == 0x2E, point < 0 {
        point = digits
      } else {
        break
      }
      at &+= 1
    }
    return (negative ? -units : units, point < 0 ? 0 : digits &- point)
  }

  // MARK: writing

  /// The element's beginning up to its value.
  private static func open(_ name: StaticString, _ style: Int, _ array: inout Buffer<UInt8>) {
    if array.count > 0 {
      array.append(0x2C)
      if style & Style.spaced != 0 { array.append(0x20) }
    }
    array.append(0x7B)
    array.append(0x22)
    append(name, &array)
    append(style & Style.snakeCase == 0 ? "Value\":" : "_value\":", &array)
    if style & Style.spaced != 0 { array.append(0x20) }
  }

  private static func append(_ literal: StaticString, _ array: inout Buffer<UInt8>) {
    unsafe array.append(ByteView(base: UnsafeRawPointer(literal.utf8Start), count: literal.utf8CodeUnitCount))
  }

  /// Appends a number as an element of an array.
  static func append(_ element: ValueArrays.Element, _ style: Int, to array: inout Buffer<UInt8>) {
    switch element.kind {
    case .text, .identifier: break
    case .truth:
      open("bool", style, &array)
      append(element.value != 0 ? "true" : "false", &array)
    case .integer:
      open("int", style, &array)
      if style & Style.bareIntegers == 0 { array.append(0x22) }
      append(Int64(bitPattern: element.value), 0, pointed: false, &array)
      if style & Style.bareIntegers == 0 { array.append(0x22) }
    case .double:
      open("double", style, &array)
      append(
        Int64(bitPattern: element.value), element.scale, pointed: style & Style.pointed != 0, &array)
    }
    array.append(0x7D)
  }

  /// Appends a text, as it is written between quotes, as an element of an array.
  static func append(text: ByteView, _ style: Int, to array: inout Buffer<UInt8>) {
    open("string", style, &array)
    array.append(0x22)
    array.append(text)
    array.append(0x22)
    array.append(0x7D)
  }

  /// Appends the whole: elements and what stands around them.
  static func wrap(_ array: ByteView, _ style: Int, into text: inout Buffer<UInt8>) {
    append("{\"values\":", &text)
    if style & Style.spaced != 0 { text.append(0x20) }
    text.append(0x5B)
    text.append(array)
    text.append(0x5D)
    text.append(0x7D)
  }

  /// `units` divided by ten to `scale`, without zeros at the end of a fraction.
  private static func append(_ units: Int64, _ scale: Int, pointed: Bool, _ text: inout Buffer<UInt8>) {
    var rest = units.magnitude
    var scale = scale
    while scale > 0, rest % 10 == 0 {
      rest /= 10
      scale &-= 1
    }
    if units < 0 { text.append(0x2D) }
    var digits = 1
    var power: UInt64 = 1
    while digits <= scale || rest / power > 9 {
      // 10^19 is the greatest power that fits.
      if digits > 19 { break }
      power &*= 10
      digits &+= 1
    }
    while digits > 0 {
      text.append(0x30 &+ UInt8(truncatingIfNeeded: rest / power % 10))
      digits &-= 1
      if digits == scale, scale > 0 { text.append(0x2E) }
      power /= 10
    }
    if pointed, scale == 0 { append(".0", &text) }
  }
}

/// Text that JSON holds as base64 (RFC 4648, with `=`), as it does bytes.
enum Base64Text {
  private static let shortest = 24

  /// Six bits of a character, or over 63.
  @inline(__always)
  private static func value(_ byte: UInt8) -> UInt32 {
    if byte &- 0x41 < 26 { return UInt32(byte &- 0x41) }
    if byte &- 0x61 < 26 { return UInt32(byte &- 0x61 &+ 26) }
    if byte &- 0x30 < 10 { return UInt32(byte &- 0x30 &+ 52) }
    return byte == 0x2B ? 62 : byte == 0x2F ? 63 : 64
  }

  /// Whether `text` is base64 of something that is text; that in `content`.
  static func decode(_ text: ByteView, into content: inout Buffer<UInt8>) -> Bool {
    let count = text.count
    if count < shortest || count & 3 != 0 { return false }
    let padding = text.unchecked(count &- 1) != 0x3D ? 0 : text.unchecked(count &- 2) != 0x3D ? 1 : 2
    content.removeAll()
    var wide = 0
    var at = 0
    while at < count {
      var group: UInt32 = 0
      let last = at &+ 4 == count ? padding : 0
      for k in 0..<4 {
        let value = k >= 4 &- last ? 0 : value(text.unchecked(at &+ k))
        if value > 63 { return false }
        group = group << 6 | value
      }
      // Bits that nothing stands for are 0.
      if group & (1 << UInt32(8 &* last) &- 1) != 0 { return false }
      for k in 0..<(3 &- last) {
        let byte = UInt8(truncatingIfNeeded: group >> UInt32(16 &- 8 &* k))
        if byte < 0x20, byte &- 9 > 1, byte != 13 { return false }
        if byte >= 0x7F { wide &+= 1 }
        content.append(byte)
      }
      at &+= 4
      if at == 12, wide > 3 { return false }
    }
    return wide &* 4 <= content.count
  }

  private static let digits: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

  /// Replaces what begins at `start` by its base64; `content` is lent for it.
  static func encode(_ text: inout Buffer<UInt8>, from start: Int, _ content: inout Buffer<UInt8>) {
    content.removeAll()
    content.append(text[start..<text.count])
    text.truncate(to: start)
    let digits = unsafe ByteView(base: UnsafeRawPointer(Self.digits.utf8Start), count: 64)
    var at = 0
    while at < content.count {
      var group: UInt32 = 0
      for k in 0..<3 { group = group << 8 | (at &+ k < content.count ? UInt32(content[at &+ k]) : 0) }
      let padding = max(0, at &+ 3 &- content.count)
      for k in 0..<4 {
        text.append(k >= 4 &- padding ? 0x3D : digits[Int(group >> UInt32(18 &- 6 &* k) & 63)])
      }
      at &+= 3
    }
  }
}
