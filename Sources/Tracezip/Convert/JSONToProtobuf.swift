import Bytes
import OTLP

/// One OTLP/JSON message -> canonical protobuf: fields by number, defaults left out, shortest varints.
///
/// Reads what writers make of the mapping (opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding, and
/// protobuf.dev/programming-guides/json): either case of names, enum names, numbers as strings, hex or base64 ids,
/// `{"low":…,"high":…}` for 64-bit integers, wrappers around the message. Unknown members and values that cannot be
/// read are left out. Of members that stand twice the last counts.
struct JSONToProtobuf: ~Copyable {
  private let bytes: ByteView
  /// Members of the objects being read, innermost last: field index, and where the value starts.
  private var members = Buffer<Member>()
  private var text = Buffer<UInt8>()

  private struct Member: BitwiseCopyable {
    var field: UInt8
    var value: Int
  }

  /// AnyValues inside AnyValues; deeper ones are left out. Protobuf's own parsers stop at 100 messages.
  private static let depthLimit = 90

  /// `bytes` must be well-formed JSON where messages are read from it.
  init(_ bytes: ByteView) { self.bytes = bytes }

  /// Appends what the value at `start` holds, calling `begin` and `end` around each message: an array may hold
  /// several. False where it holds none.
  mutating func messages(
    at start: Int, into out: inout Buffer<UInt8>, _ finish: (inout Buffer<UInt8>) -> Void
  ) -> Bool {
    find(start, 1, &out, finish)
  }

  /// Looks for messages in wrappers: Tempo's `{"trace":…}`, `{"result":…}`, arrays of messages.
  private mutating func find(
    _ start: Int, _ depth: Int, _ out: inout Buffer<UInt8>, _ finish: (inout Buffer<UInt8>) -> Void
  ) -> Bool {
    guard start < bytes.count, depth < JSONStack.outerLimit else { return false }
    if bytes[start] == UInt8(ascii: "[") {
      var found = false
      each(element: start) { $0.find($1, depth + 1, &out, finish) ? (found = true) : () }
      return found
    }
    guard bytes[start] == UInt8(ascii: "{") else { return false }
    var hasResourceSpans = false
    var hasScopeSpans = false
    var isEmpty = true
    each(member: start) { me, name, value in
      isEmpty = false
      if me.isArray(value), OTLP.RecordKind.tracesData.field(named: name) != nil { hasResourceSpans = true }
      if me.isArray(value), let field = OTLP.RecordKind.resourceSpans.field(named: name)?.number, field >= 2, field != 3
      {
        hasScopeSpans = true
      }
    }
    if hasResourceSpans || (isEmpty && depth == 1) {
      message(.tracesData, start, 0, &out)
      finish(&out)
      return true
    }
    if hasScopeSpans {
      let mark = out.count
      message(.resourceSpans, start, 0, &out)
      enclose(mark, tag: 0x0A, &out)
      finish(&out)
      return true
    }
    var found = false
    each(member: start) { me, _, value in
      if me.bytes[value] == UInt8(ascii: "{") || me.isArray(value) {
        me.find(value, depth + 1, &out, finish) ? (found = true) : ()
      }
    }
    return found
  }

  private func isArray(_ at: Int) -> Bool { bytes[at] == UInt8(ascii: "[") }

  // MARK: - Walking

  private func skipValue(_ start: Int) -> Int? {
    if let end = bytes.skippingJSONValue(from: start) { return end }
    // A number that the bytes end with.
    return start < bytes.count && bytes[start] != 0x22 && bytes[start] != 0x7B && bytes[start] != 0x5B
      ? bytes.count : nil
  }

  private mutating func each(member open: Int, _ body: (inout Self, ByteView, Int) -> Void) {
    var at = bytes.skippingSpace(from: open + 1)
    while at < bytes.count, bytes[at] == UInt8(ascii: "\""), let end = bytes.jsonString(from: at + 1) {
      let colon = bytes.skippingSpace(from: end.quote + 1)
      let value = bytes.skippingSpace(from: colon + 1)
      guard value < bytes.count, let next = skipValue(value) else { return }
      var name = bytes[at + 1..<end.quote]
      if end.hasEscapes {
        // A name may be escaped like any string.
        var plain = Buffer<UInt8>()
        name.unescape(into: &plain)
        body(&self, plain.view, value)
        name = .empty
      } else {
        body(&self, name, value)
      }
      at = bytes.skippingSpace(from: next)
      guard at < bytes.count, bytes[at] == UInt8(ascii: ",") else { return }
      at = bytes.skippingSpace(from: at + 1)
    }
  }

  private mutating func each(element open: Int, _ body: (inout Self, Int) -> Void) {
    var at = bytes.skippingSpace(from: open + 1)
    while at < bytes.count, bytes[at] != UInt8(ascii: "]"), let next = skipValue(at) {
      body(&self, at)
      at = bytes.skippingSpace(from: next)
      guard at < bytes.count, bytes[at] == UInt8(ascii: ",") else { return }
      at = bytes.skippingSpace(from: at + 1)
    }
  }

  // MARK: - Messages

  /// Puts the bytes since `mark` behind a tag and their length.
  private func enclose(_ mark: Int, tag: UInt32, _ out: inout Buffer<UInt8>) {
    let count = UInt64(out.count - mark)
    let gap = varintWidth(UInt64(tag)) + varintWidth(count)
    out.shift(from: mark, by: gap)
    let end = out.count
    out.truncate(to: mark)
    out.append(varint: UInt64(tag))
    out.append(varint: count)
    // What was shifted stands behind the gap already.
    out.extend(to: end)
  }

  /// Appends the fields of the object at `open`.
  private mutating func message(_ kind: OTLP.RecordKind, _ open: Int, _ depth: Int, _ out: inout Buffer<UInt8>) {
    guard bytes[open] == UInt8(ascii: "{"), depth < JSONToProtobuf.depthLimit else { return }
    let mark = members.count
    let fields = kind.fields
    each(member: open) { me, name, value in
      guard let field = kind.field(named: name), let index = fields.firstIndex(where: { $0.number == field.number })
      else { return }
      me.members.append(Member(field: UInt8(index), value: value))
    }
    let end = members.count
    // Only one of the kinds of an AnyValue: the last one, but not the empty lists that some writers put beside it.
    var chosen = -1
    if kind == .anyValue {
      for i in mark..<end where !isNull(members[i].value) && fields[Int(members[i].field)].number <= 7 {
        if chosen < 0 || !isEmptyObject(members[i].value) || isEmptyObject(members[chosen].value) { chosen = i }
      }
    }
    for (index, field) in fields.enumerated() {
      var last = -1
      for i in mark..<end where Int(members[i].field) == index && !isNull(members[i].value) {
        if field.isRepeated {
          repeated(field, members[i].value, depth, &out)
        } else {
          last = i
        }
      }
      if last < 0 || (chosen >= 0 && last != chosen) { continue }
      single(field, members[last].value, depth, isOneof: kind == .anyValue, &out)
    }
    members.truncate(to: mark)
  }

  private func isNull(_ at: Int) -> Bool { bytes[at] == UInt8(ascii: "n") }

  private func isEmptyObject(_ at: Int) -> Bool {
    let inner = bytes.skippingSpace(from: at + 1)
    return bytes[at] == UInt8(ascii: "{") && inner < bytes.count && bytes[inner] == UInt8(ascii: "}")
  }

  private mutating func repeated(_ field: Field, _ value: Int, _ depth: Int, _ out: inout Buffer<UInt8>) {
    guard isArray(value) else { return }
    each(element: value) { me, element in
      me.single(field, element, depth, isOneof: true, &out)
    }
  }

  /// One value with its tag. `isOneof`: written even where it is the default.
  private mutating func single(
    _ field: Field, _ at: Int, _ depth: Int, isOneof: Bool, _ out: inout Buffer<UInt8>
  ) {
    // InstrumentationLibrarySpans are ScopeSpans today.
    let tag = field.number == 1000 ? 0x12 : field.tag
    switch field.type {
    case .message(let kind):
      guard bytes[at] == UInt8(ascii: "{") else { return }
      let mark = out.count
      message(kind, at, depth + 1, &out)
      enclose(mark, tag: tag, &out)
    case .string:
      guard let content = string(at) else { return }
      text.removeAll()
      content.unescape(into: &text)
      if text.isEmpty, !isOneof { return }
      data(tag, &out)
    case .bytes:
      guard let content = string(at) else { return }
      text.removeAll()
      guard content.base64DecodeLeniently(into: &text), !text.isEmpty || isOneof else { return }
      data(tag, &out)
    case .id8, .id16:
      guard let content = string(at) else { return }
      text.removeAll()
      guard id(content, field.type == .id8 ? 8 : 16), !text.isEmpty else { return }
      data(tag, &out)
    case .time:
      guard let value = integer(at), value >= 0, value <= UInt64.max, value != 0 || isOneof else { return }
      out.append(varint: UInt64(tag))
      out.append(integer: UInt64(value))
    case .fixed32:
      guard let value = integer(at), value >= 0, value <= UInt32.max, value != 0 || isOneof else { return }
      out.append(varint: UInt64(tag))
      out.append(integer: UInt32(value))
    case .uint32:
      guard let value = integer(at), value >= 0, value <= UInt32.max, value != 0 || isOneof else { return }
      out.append(varint: UInt64(tag))
      out.append(varint: UInt64(value))
    case .int64:
      guard let value = integer(at), let exact = Int64(exactly: value), value != 0 || isOneof else { return }
      out.append(varint: UInt64(tag))
      out.append(varint: UInt64(bitPattern: exact))
    case .int32:
      guard let value = integer(at), let exact = Int32(exactly: value), value != 0 || isOneof else { return }
      out.append(varint: UInt64(tag))
      out.append(varint: UInt64(bitPattern: Int64(exact)))
    case .enumeration(let names):
      var value: Int32?
      if let name = string(at), let number = names.number(named: name) {
        value = Int32(number)
      } else {
        value = integer(at).flatMap { Int32(exactly: $0) }
      }
      guard let value, value != 0 || isOneof else { return }
      out.append(varint: UInt64(tag))
      out.append(varint: UInt64(bitPattern: Int64(value)))
    case .bool:
      guard bytes[at] == UInt8(ascii: "t") || bytes[at] == UInt8(ascii: "f") else { return }
      let value = bytes[at] == UInt8(ascii: "t")
      if !value, !isOneof { return }
      out.append(varint: UInt64(tag))
      out.append(value ? 1 : 0)
    case .double:
      guard let value = (string(at) ?? scalar(at))?.nearestDouble() else { return }
      out.append(varint: UInt64(tag))
      out.append(integer: value.bitPattern)
    }
  }

  /// The bytes gathered in `text`, behind a tag and their length.
  private func data(_ tag: UInt32, _ out: inout Buffer<UInt8>) {
    out.append(varint: UInt64(tag))
    out.append(varint: text.count)
    out.append(text.view)
  }

  /// What stands between the quotes at `at`.
  private func string(_ at: Int) -> ByteView? {
    guard bytes[at] == UInt8(ascii: "\""), let end = bytes.jsonString(from: at + 1) else { return nil }
    return bytes[at + 1..<end.quote]
  }

  private func scalar(_ at: Int) -> ByteView? {
    guard let end = skipValue(at), bytes[at] != UInt8(ascii: "{"), bytes[at] != UInt8(ascii: "[") else { return nil }
    return bytes[at..<end]
  }

  /// An integer in any spelling: as number, as string, with a fraction or exponent that leaves it whole, or as the two
  /// halves in which JavaScript's Long is written (opentelemetry-js#4216).
  private mutating func integer(_ at: Int) -> Int128? {
    if bytes[at] == UInt8(ascii: "{") {
      var low: Int128?
      var high: Int128?
      each(member: at) { me, name, value in
        if ("low" as StaticString).equals(name) { low = me.bytes[value] == 0x7B ? nil : me.integer(value) }
        if ("high" as StaticString).equals(name) { high = me.bytes[value] == 0x7B ? nil : me.integer(value) }
      }
      guard let low, let high else { return nil }
      let word = UInt64(UInt32(truncatingIfNeeded: high)) << 32 | UInt64(UInt32(truncatingIfNeeded: low))
      return Int128(word)
    }
    guard let digits = string(at) ?? scalar(at), !digits.isEmpty else { return nil }
    return digits.wholeNumber()
  }

  /// Decodes an id into `text`: hex of its usual length first, then base64 of it, then what else it may be.
  private mutating func id(_ content: ByteView, _ count: Int) -> Bool {
    if content.isEmpty { return true }
    let isBase64 = content.count == (count == 8 ? 12 : 24) || content.count == (count == 8 ? 11 : 22)
    if !isBase64, content.anyHexDecode(into: &text) { return true }
    return content.base64DecodeLeniently(into: &text) || content.anyHexDecode(into: &text)
  }
}

extension Buffer where Element == UInt8 {
  /// Counts in bytes up to `end` that were written behind the count before it was cut back.
  fileprivate mutating func extend(to end: Int) { unsafe _ = appendUninitialized(end - count) }
}

extension ByteView {
  /// Reads an integer in any spelling of a JSON number, with leading zeros too.
  func wholeNumber() -> Int128? {
    var at = 0
    let isNegative = self[0] == 0x2D
    if isNegative { at = 1 }
    guard at < count else { return nil }
    var value: Int128 = 0
    let start = at
    while at < count, self[at] &- 0x30 < 10 {
      guard value < 1 << 100 else { return nil }
      value = value * 10 + Int128(self[at] &- 0x30)
      at += 1
    }
    if at == count { return isNegative ? -value : value }
    guard at > start || self[at] == 0x2E, let double = nearestDouble(), double.magnitude < 0x1p100,
      double == double.rounded()
    else { return nil }
    return Int128(double)
  }

  /// Decodes hex in either case, or both mixed; nothing is appended where it is none.
  func anyHexDecode(into out: inout Buffer<UInt8>) -> Bool {
    guard count & 1 == 0 else { return false }
    let mark = out.count
    var byte: UInt8 = 0
    for i in 0..<count {
      let c = self[i]
      let lower = c | 0x20
      let nibble: UInt8
      if c &- 0x30 < 10 {
        nibble = c &- 0x30
      } else if lower &- 0x61 < 6 {
        nibble = lower &- 0x61 &+ 10
      } else {
        out.truncate(to: mark)
        return false
      }
      byte = byte << 4 | nibble
      if i & 1 == 1 { out.append(byte) }
    }
    return true
  }

  /// The text that a JSON string's content stands for, in well-formed UTF-8: lone surrogates and ill-formed bytes become
  /// U+FFFD, unknown escapes the character itself.
  func unescape(into out: inout Buffer<UInt8>) {
    var at = 0
    var plain = 0
    while at < count {
      if unchecked(at) != 0x5C {
        at += 1
        continue
      }
      self[plain..<at].appendRepaired(to: &out)
      guard at + 1 < count else { return }
      let c = self[at + 1]
      at += 2
      switch c {
      case UInt8(ascii: "b"): out.append(8)
      case UInt8(ascii: "f"): out.append(12)
      case UInt8(ascii: "n"): out.append(10)
      case UInt8(ascii: "r"): out.append(13)
      case UInt8(ascii: "t"): out.append(9)
      case UInt8(ascii: "u"):
        guard let unit = hexUnit(at) else {
          out.append(c)
          break
        }
        at += 4
        var scalar = Unicode.Scalar(UInt32(unit))
        if unit & 0xFC00 == 0xD800, at + 1 < count, self[at] == 0x5C, self[at + 1] == UInt8(ascii: "u"),
          let second = hexUnit(at + 2), second & 0xFC00 == 0xDC00
        {
          at += 6
          scalar = Unicode.Scalar(0x10000 + UInt32(unit & 0x3FF) << 10 + UInt32(second & 0x3FF))
        }
        for byte in String(Character(scalar ?? "\u{FFFD}")).utf8 { out.append(byte) }
      default: out.append(c)
      }
      plain = at
    }
    self[plain..<count].appendRepaired(to: &out)
  }

  private func hexUnit(_ at: Int) -> UInt16? {
    guard at + 4 <= count else { return nil }
    var unit: UInt16 = 0
    for i in at..<at + 4 {
      let c = self[i]
      let lower = c | 0x20
      if c &- 0x30 < 10 {
        unit = unit << 4 | UInt16(c &- 0x30)
      } else if lower &- 0x61 < 6 {
        unit = unit << 4 | UInt16(lower &- 0x61 &+ 10)
      } else {
        return nil
      }
    }
    return unit
  }

  /// Appends the bytes, ill-formed UTF-8 in them repaired.
  func appendRepaired(to out: inout Buffer<UInt8>) {
    for i in 0..<count where unchecked(i) >= 0x80 {
      for byte in string.utf8 { out.append(byte) }
      return
    }
    out.append(self)
  }
}
