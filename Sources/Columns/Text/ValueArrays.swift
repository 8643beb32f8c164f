import Bytes

/// Values that are protobuf inside (opentelemetry/proto/common/v1 `AnyValue`): arrays of scalars and bytes. Their tags
/// and lengths follow from what they hold, so only that is coded, by kind: integers, decimals, truth values, and texts,
/// which go on to the text model.
///
/// The stream of a string begins with its form under its column's models: whether it is something else than text, then
/// whether it is something else than a new identifier, then whether it is bytes, then whether it is as JSON has it (an
/// array spelled out, bytes in base64). `bytes` is followed by the content as text. `array` is followed by the style, in
/// JSON, the number of elements, and for each element by whether it is of the kind of the column's last one, by the kind
/// (a symbol of sixteen) if not, and by its value:
/// - a truth value is a bit;
/// - an integer is a number, or its difference to the one before, whichever lately was the shorter for the column;
/// - a double is, if it can be, an integer of units of ten to minus the column's scale: a bit says so. If not, the next
///   four bits give the scale from here on, or with 15 the double follows as it is;
/// - a text is coded by the model of texts, up to its end, or as a new identifier.
struct ValueArrays: ~Copyable {
  enum Form {
    case text
    /// One opaque token that is new, and nothing else (`TextModel.codeIdentifier`).
    case identifier
    case array
    case bytes
    /// An array as JSON spells it.
    case jsonArray
    /// Base64 of text.
    case base64

    var isArray: Bool { self == .array || self == .jsonArray }
    var isJSON: Bool { self == .jsonArray || self == .base64 }
  }

  enum Kind: Int {
    case text = 0
    case truth = 1
    case integer = 2
    case double = 3
    /// A text that is one opaque token that is new.
    case identifier = 4
  }

  struct Element: BitwiseCopyable {
    var kind: Kind
    /// The value of a number; a text is what stands from `start` to `end`.
    /// In JSON a double is an integer, divided by ten to `scale`.
    var value: UInt64 = 0
    var scale = 0
    var start = 0
    var end = 0

    static let none = Element(kind: .text)
  }

  /// What one column's arrays have taught.
  private struct Column: BitwiseCopyable {
    var models: Int
    var kind = Kind.text
    var scale = 0
    /// The first number of an array is told from the others, integers from decimals.
    var firstInteger: NumberHistory
    var integer: NumberHistory
    var firstDecimal: NumberHistory
    var decimal: NumberHistory
  }

  private var models = Models()
  private var forms = Buffer<BitModel>()
  private var byColumn = Buffer<Int32>()
  private var columns = Buffer<Column>()
  /// The elements of the present array, and its style if it is JSON (`JSONArrays.Style`).
  private(set) var elements = Buffer<Element>()
  private var style = 0
  /// What base64 stands for; also lent for spelling.
  private(set) var decoded = Buffer<UInt8>()

  /// Longer strings are left to the long-distance matcher, and no array has longer texts.
  private static let longest = 4096

  private enum Tag {
    static let element: UInt8 = 0x0A
    static let text: UInt8 = 0x0A
    static let truth: UInt8 = 0x10
    static let integer: UInt8 = 0x18
    static let double: UInt8 = 0x21
    static let array: UInt8 = 0x2A
    static let bytes: UInt8 = 0x3A
  }

  // MARK: forms

  /// A probability of one in fifty that the first string of a column is something else than text.
  private static let mostlyText: BitModel = UInt32((1 << 22) / 50) << 10 | 2

  /// The form of a string, and where in it the content of `bytes` begins; fills `elements` if it is an array.
  mutating func parse(_ string: ByteView) -> (form: Form, content: Int) {
    if string.count < 4 { return (.text, 0) }
    let tag = string.unchecked(0)
    if tag != Tag.array, tag != Tag.bytes { return (parseJSON(string, tag), 0) }
    guard let length = Self.length(string, 1), length.end &+ length.value == string.count else { return (.text, 0) }
    if tag == Tag.bytes { return (.bytes, length.end) }
    return string.count <= Self.longest && parseArray(string, length.end) ? (.array, 0) : (.text, 0)
  }

  private mutating func parseJSON(_ string: ByteView, _ first: UInt8) -> Form {
    if first == 0x7B {
      guard string.count <= Self.longest, let style = JSONArrays.parse(string, &elements, &decoded) else {
        return .text
      }
      self.style = style
      return .jsonArray
    }
    return Base64Text.decode(string, into: &decoded) ? .base64 : .text
  }

  /// A length in its shortest form.
  @inline(__always)
  private static func length(_ bytes: ByteView, _ at: Int) -> (value: Int, end: Int)? {
    guard let read = bytes.varint(at: at), read.value <= UInt64(bytes.count), read.width == varintWidth(read.value)
    else { return nil }
    return (Int(read.value), at &+ read.width)
  }

  private mutating func parseArray(_ string: ByteView, _ start: Int) -> Bool {
    elements.removeAll()
    var at = start
    while at < string.count {
      guard string.unchecked(at) == Tag.element, let outer = Self.length(string, at &+ 1), outer.value > 1,
        outer.value <= string.count &- outer.end
      else { return false }
      let end = outer.end &+ outer.value
      at = outer.end &+ 1
      switch string.unchecked(outer.end) {
      case Tag.double:
        guard outer.value == 9 else { return false }
        elements.append(Element(kind: .double, value: string.load(UInt64.self, at: at)))
      case Tag.integer:
        guard let read = string.varint(at: at), at &+ read.width == end, read.width == varintWidth(read.value) else {
          return false
        }
        elements.append(Element(kind: .integer, value: read.value))
      case Tag.truth:
        guard outer.value == 2, string.unchecked(at) < 2 else { return false }
        elements.append(Element(kind: .truth, value: UInt64(string.unchecked(at))))
      case Tag.text:
        guard let inner = Self.length(string, at), inner.end &+ inner.value == end else {
          return false
        }
        elements.append(Element(kind: .text, start: inner.end, end: end))
      default: return false
      }
      at = end
    }
    return true
  }

  mutating func codeForm<C: BitCoder & ~Copyable>(_ form: Form, column: Int, _ coder: inout C) -> Form {
    let base = column &* 4
    if base >= forms.count { forms.append(repeating: Self.mostlyText, count: base &+ 4 &- forms.count) }
    if coder.code(form == .text ? 0 : 1, &forms[base], limit: 127) == 0 { return .text }
    if coder.code(form == .identifier ? 0 : 1, &forms[base &+ 1], limit: 127) == 0 { return .identifier }
    let isArray = coder.code(form.isArray ? 0 : 1, &forms[base &+ 2], limit: 127) == 0
    let isJSON = coder.code(form.isJSON ? 1 : 0, &forms[base &+ 3], limit: 127) != 0
    return isArray ? (isJSON ? .jsonArray : .array) : isJSON ? .base64 : .bytes
  }

  /// Makes a string of the form of the content that begins at `start`.
  mutating func wrap(_ form: Form, _ text: inout Buffer<UInt8>, from start: Int) {
    switch form {
    case .bytes: Self.wrapBytes(&text, from: start)
    case .base64: Base64Text.encode(&text, from: start, &decoded)
    default: break
    }
  }

  private static func wrapBytes(_ text: inout Buffer<UInt8>, from start: Int) {
    let length = text.count &- start
    let width = 1 &+ varintWidth(UInt64(length))
    text.shift(from: start, by: width)
    put(Tag.bytes, length, &text, start)
  }

  private static func put(_ tag: UInt8, _ length: Int, _ text: inout Buffer<UInt8>, _ start: Int) {
    text[start] = tag
    var rest = length
    var at = start &+ 1
    while rest >= 0x80 {
      text[at] = UInt8(truncatingIfNeeded: rest) | 0x80
      rest >>= 7
      at &+= 1
    }
    text[at] = UInt8(truncatingIfNeeded: rest)
  }

  // MARK: elements

  private mutating func slot(_ column: Int) -> Int {
    if column >= byColumn.count { byColumn.append(repeating: -1, count: column &+ 1 &- byColumn.count) }
    if byColumn[column] < 0 {
      byColumn[column] = Int32(truncatingIfNeeded: columns.count)
      let base = models.allocate(ModelSize.number + Place.end)
      columns.append(
        Column(
          models: base, firstInteger: NumberHistory(&models), integer: NumberHistory(&models),
          firstDecimal: NumberHistory(&models), decimal: NumberHistory(&models)))
    }
    return Int(byColumn[column])
  }

  /// The style, of an array in JSON, and how many elements the array has; no more than fit into `limit` bytes.
  mutating func codeCount<C: BitCoder & ~Copyable>(
    _ form: Form, column: Int, limit: Int, _ coder: inout C
  ) -> Int {
    let base = columns[slot(column)].models
    if form.isJSON {
      style = coder.codeNibble(style, &models, base &+ ModelSize.number &+ Place.styles)
    }
    let count = Int(truncatingIfNeeded: coder.codeNumber(UInt64(elements.count), &models, base))
    if count < 0 || count > limit / 4 {
      coder.fail()
      return 0
    }
    return count
  }

  private enum Place {
    static let same = 0
    static let truth = 16
    static let fits = 17
    static let kinds = 18
    static let scales = kinds + ModelSize.nibble
    static let styles = scales + ModelSize.nibble
    /// Doubles in JSON that have many digits.
    static let long = styles + ModelSize.nibble
    static let end = long + ModelSize.signed
  }

  /// Element `index`, which a decoder does not look at: all of a number, of a text the kind alone.
  mutating func code<C: BitCoder & ~Copyable>(
    _ given: Element, _ index: Int, _ form: Form, column: Int, _ coder: inout C
  ) -> Element {
    let slot = slot(column)
    let base = columns[slot].models &+ ModelSize.number
    var element = given
    let last = columns[slot].kind
    if coder.codeBit(element.kind == last, &models, base &+ Place.same &+ last.rawValue) {
      element.kind = last
    } else {
      let kind = coder.codeNibble(element.kind.rawValue, &models, base &+ Place.kinds)
      element.kind = Kind(rawValue: kind) ?? .text
      columns[slot].kind = element.kind
    }
    switch element.kind {
    case .text, .identifier: break
    case .truth:
      element.value = coder.codeBit(element.value != 0, &models, base &+ Place.truth) ? 1 : 0
    case .integer:
      let value =
        index == 0
        ? columns[slot].firstInteger.code(Int64(bitPattern: element.value), &models, &coder)
        : columns[slot].integer.code(Int64(bitPattern: element.value), &models, &coder)
      columns[slot].integer.last = value
      element.value = UInt64(bitPattern: value)
    case .double:
      if form.isJSON {
        codeDecimal(&element, slot, base, first: index == 0, &coder)
      } else {
        element.value = codeDouble(element.value, slot, base, first: index == 0, &coder)
      }
    }
    return element
  }

  private mutating func codeDouble<C: BitCoder & ~Copyable>(
    _ bits: UInt64, _ slot: Int, _ base: Int, first: Bool, _ coder: inout C
  ) -> UInt64 {
    var units = C.decodes ? 0 : DecimalDouble.units(of: bits, scale: columns[slot].scale)
    if !coder.codeBit(units != nil, &models, base &+ Place.fits) {
      var scale = 0
      if !C.decodes {
        while scale < DecimalDouble.scales {
          units = DecimalDouble.units(of: bits, scale: scale)
          if units != nil { break }
          scale &+= 1
        }
      }
      scale = coder.codeNibble(scale, &models, base &+ Place.scales)
      if scale == DecimalDouble.scales { return coder.codeRaw(bits, count: 64) }
      columns[slot].scale = scale
    }
    let value = codeUnits(units ?? 0, slot, first: first, &coder)
    return C.decodes ? DecimalDouble.bits(units: value, scale: columns[slot].scale) : bits
  }

  private mutating func codeUnits<C: BitCoder & ~Copyable>(
    _ units: Int64, _ slot: Int, first: Bool, _ coder: inout C
  ) -> Int64 {
    let value =
      first
      ? columns[slot].firstDecimal.code(units, &models, &coder)
      : columns[slot].decimal.code(units, &models, &coder)
    columns[slot].decimal.last = value
    return value
  }

  /// A double in JSON. Its digits matter, not its value, and 18 of them are no sum of rounding errors.
  private mutating func codeDecimal<C: BitCoder & ~Copyable>(
    _ element: inout Element, _ slot: Int, _ base: Int, first: Bool, _ coder: inout C
  ) {
    let given = Int64(bitPattern: element.value)
    var units = C.decodes ? nil : Self.units(given, element.scale, at: columns[slot].scale)
    if !coder.codeBit(units != nil, &models, base &+ Place.fits) {
      let scale = coder.codeNibble(min(element.scale, DecimalDouble.scales), &models, base &+ Place.scales)
      if scale == DecimalDouble.scales {
        element.scale = scale &+ Int(coder.codeRaw(UInt64(truncatingIfNeeded: element.scale &- scale), count: 2))
        element.value = UInt64(bitPattern: coder.codeSigned(given, &models, base &+ Place.long))
        return
      }
      columns[slot].scale = scale
      units = given
    }
    element.scale = columns[slot].scale
    element.value = UInt64(bitPattern: codeUnits(units ?? 0, slot, first: first, &coder))
  }

  /// `units` at `scale`, in units of `wanted`, if they are whole ones and not too many.
  private static func units(_ units: Int64, _ scale: Int, at wanted: Int) -> Int64? {
    if scale > wanted { return nil }
    var units = units
    for _ in scale..<wanted {
      if units.magnitude > 1 << 52 { return nil }
      units *= 10
    }
    return units
  }

  // MARK: writing

  /// Appends a number as an element of an array.
  func append(_ element: Element, _ form: Form, to array: inout Buffer<UInt8>) {
    if form.isJSON { return JSONArrays.append(element, style, to: &array) }
    array.append(Tag.element)
    switch element.kind {
    case .text, .identifier: break
    case .truth:
      array.append(2)
      array.append(Tag.truth)
      array.append(UInt8(truncatingIfNeeded: element.value))
    case .integer:
      array.append(varint: 1 &+ varintWidth(element.value))
      array.append(Tag.integer)
      array.append(varint: element.value)
    case .double:
      array.append(9)
      array.append(Tag.double)
      array.append(integer: element.value)
    }
  }

  /// Appends a text as an element of an array.
  func append(text: ByteView, _ form: Form, to array: inout Buffer<UInt8>) {
    if form.isJSON { return JSONArrays.append(text: text, style, to: &array) }
    array.append(Tag.element)
    array.append(varint: 1 &+ varintWidth(UInt64(text.count)) &+ text.count)
    array.append(Tag.text)
    array.append(varint: text.count)
    array.append(text)
  }

  /// Appends the whole: tag, length and elements.
  func wrapArray(_ array: ByteView, _ form: Form, into text: inout Buffer<UInt8>) {
    if form.isJSON { return JSONArrays.wrap(array, style, into: &text) }
    text.append(Tag.array)
    text.append(varint: array.count)
    text.append(array)
  }
}
