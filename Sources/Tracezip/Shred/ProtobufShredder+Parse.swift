import Bytes

/// Parsing a field that was never seen at its node.
extension ProtobufShredder {
  /// Whether the AnyValue in `at..<stop` is one field of string, bool, int or double and nothing else, in any width.
  func isSimple(_ at: Int, _ stop: Int) -> Bool {
    switch bytes[at] {
    case 0x0A:
      guard let v = bytes.varint(at: at + 1), v.value <= UInt64(stop) else { return false }
      return at + 1 + v.width + Int(v.value) == stop
    case 0x10, 0x18:
      guard let v = bytes.varint(at: at + 1) else { return false }
      return at + 1 + v.width == stop
    case 0x21: return at + 9 == stop
    default: return false
    }
  }

  /// The step that the field at `at` asks for. The result always matches at `at`.
  @inline(never)
  mutating func parse(_ kind: RecordKind, _ at: Int, _ end: Int, _ skeletons: inout Skeletons) -> Int {
    guard let tag = bytes.varint(at: at), at + tag.width <= end, tag.value >> 3 > 0, tag.value >> 3 < 1 << 29,
      !skeletons.isFull
    else { return rest(kind, at, &skeletons) }
    let field = UInt32(tag.value >> 3)
    let from = at + tag.width
    let literal = bytes[at..<from]
    var step = Step(kind: .varint, record: kind)
    // A column holds strings or numbers: what is not as usual for the field has a column beside it.
    func plain(isString: Bool = false) -> UInt32 {
      let isOdd = isString == ProtobufShredder.isNumber(kind, field)
      return skeletons.column(kind, field: field, value: isOdd ? 0x80 : 0, name: .empty)
    }
    switch tag.value & 7 {
    case 0:
      guard let v = bytes.varint(at: from), from + v.width <= end else { return rest(kind, at, &skeletons) }
      step.width1 = v.width == varintWidth(v.value) ? 0 : UInt8(v.width)
      step.column = plain()
      return skeletons.intern(step, literal: literal)
    case 1:
      guard from + 8 <= end else { return rest(kind, at, &skeletons) }
      step.kind = .fixed64
      step.column = plain()
      return skeletons.intern(step, literal: literal)
    case 5:
      guard from + 4 <= end else { return rest(kind, at, &skeletons) }
      step.kind = .fixed32
      step.column = plain()
      return skeletons.intern(step, literal: literal)
    case 2:
      guard let v = bytes.varint(at: from), from + v.width <= end, v.value <= UInt64(end - from - v.width) else {
        return rest(kind, at, &skeletons)
      }
      let width: UInt8 = v.width == varintWidth(v.value) ? 0 : UInt8(v.width)
      let content = from + v.width
      let stop = content + Int(v.value)
      if let child = ProtobufShredder.child(kind, field) {
        step.kind = .run
        step.child = child
        step.width1 = width
        step.column = plain()
        return skeletons.intern(step, literal: literal)
      }
      if ProtobufShredder.isAttribute(kind, field),
        let found = attribute(kind, at, from, width, content, stop, &skeletons)
      {
        return found
      }
      let idBytes = ProtobufShredder.idBytes(kind, field)
      if v.value == 0 {
        step.kind = .literal
        return skeletons.intern(step, literal: bytes[at..<content])
      }
      if idBytes > 0, v.value == UInt64(idBytes) {
        step.kind = idBytes == 8 ? .id8 : .id16
        step.column = plain()
        return skeletons.intern(step, literal: bytes[at..<content])
      }
      step.kind = .bytes
      step.column = plain(isString: true)
      step.width1 = width
      step.tagCount = UInt8(idBytes)
      return skeletons.intern(step, literal: literal)
    default:
      return rest(kind, at, &skeletons)
    }
  }

  private mutating func rest(_ kind: RecordKind, _ at: Int, _ skeletons: inout Skeletons) -> Int {
    hopeless = at
    var step = Step(kind: .rest, record: kind)
    step.column = skeletons.column(kind, field: 0, value: 0, name: .empty)
    return skeletons.intern(step, literal: .empty)
  }

  /// The step of a KeyValue whose key comes first and once, and its value second and last; nil for any other.
  private mutating func attribute(
    _ kind: RecordKind, _ at: Int, _ from: Int, _ outerWidth: UInt8, _ content: Int, _ stop: Int,
    _ skeletons: inout Skeletons
  ) -> Int? {
    guard content < stop, bytes[content] == 0x0A, let key = bytes.varint(at: content + 1) else { return nil }
    let keyAt = content + 1 + key.width
    guard keyAt <= stop, key.value <= UInt64(stop - keyAt) else { return nil }
    let keyEnd = keyAt + Int(key.value)
    // A key's length is part of the literal, whatever its spelling; very long keys stay opaque.
    guard keyEnd < stop, key.value < 1024, bytes[keyEnd] == 0x12, let value = bytes.varint(at: keyEnd + 1) else {
      return nil
    }
    let valueAt = keyEnd + 1 + value.width
    guard valueAt <= stop, value.value == UInt64(stop - valueAt) else { return nil }
    let name = bytes[keyAt..<keyEnd]
    var step = Step(kind: .attributeOther, record: kind)
    step.tagCount = UInt8(from - at)
    step.width1 = outerWidth
    step.width2 = value.width == varintWidth(value.value) ? 0 : UInt8(value.width)
    let field = ProtobufShredder.attributeField(kind)
    if value.value == 0 {
      step = Step(kind: .literal, record: kind)
      step.column = skeletons.column(kind, field: field, value: 0, name: name)
      return skeletons.intern(step, literal: bytes[at..<stop])
    }
    head.removeAll()
    head.append(bytes[at..<from])
    head.append(bytes[content..<keyEnd + 1])
    if isSimple(valueAt, stop) {
      let tag = bytes[valueAt]
      switch tag {
      case 0x21:
        // All lengths are fixed: one literal.
        step = Step(kind: .fixed64, record: kind)
        step.column = skeletons.column(kind, field: field, value: 4, name: name)
        return skeletons.intern(step, literal: bytes[at..<valueAt + 1])
      case 0x10 where valueAt + 2 == stop:
        step = Step(kind: .varint, record: kind)
        step.column = skeletons.column(kind, field: field, value: 2, name: name)
        return skeletons.intern(step, literal: bytes[at..<valueAt + 1])
      case 0x18, 0x0A:
        // An int, or a string: its length.
        let isString = tag == 0x0A
        let v = bytes.varint(at: valueAt + 1)!
        step.kind = isString ? .attributeString : .attributeVarint
        step.width3 = v.width == varintWidth(v.value) ? 0 : UInt8(v.width)
        step.column = skeletons.column(kind, field: field, value: isString ? 1 : 3, name: name)
        return skeletons.intern(step, literal: head.view)
      default:
        // A bool in an over-long varint.
        return nil
      }
    }
    let first = bytes[valueAt] >> 3
    step.column = skeletons.column(kind, field: field, value: 2...4 ~= first ? first | 0x80 : first, name: name)
    return skeletons.intern(step, literal: head.view)
  }
}
