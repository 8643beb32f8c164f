import Bytes
import OTLP

/// One protobuf message -> OTLP/JSON on one line: lowerCamelCase names in the order of field numbers, hex ids, enums as
/// integers, 64-bit integers as strings, defaults and unknown fields left out.
struct ProtobufToJSON: ~Copyable {
  private let bytes: ByteView
  /// Fields of the messages being written, innermost last.
  private var parts = Buffer<Part>()

  private struct Part: BitwiseCopyable {
    var number: UInt32
    var wire: UInt8
    var start: Int
    var end: Int
  }

  private static let depthLimit = 100

  init(_ bytes: ByteView) { self.bytes = bytes }

  /// Appends the message as TracesData; false, with nothing appended, where it is malformed.
  mutating func message(into out: inout Buffer<UInt8>) -> Bool {
    let mark = out.count
    guard object(.tracesData, 0..<bytes.count, 0, &out) else {
      out.truncate(to: mark)
      return false
    }
    return true
  }

  private mutating func object(
    _ kind: OTLP.RecordKind, _ range: Range<Int>, _ depth: Int, _ out: inout Buffer<UInt8>
  ) -> Bool {
    guard depth < ProtobufToJSON.depthLimit else { return false }
    let mark = parts.count
    defer { parts.truncate(to: mark) }
    guard gather(range) else { return false }
    return object(kind, mark, depth, &out)
  }

  /// Adds the fields in `range` to `parts`.
  private mutating func gather(_ range: Range<Int>) -> Bool {
    var fields = ProtobufFields(bytes[0..<range.upperBound], from: range.lowerBound, declaredEnd: range.upperBound)
    while true {
      switch fields.next() {
      case .field(let field):
        parts.append(Part(number: field.number, wire: field.wire.rawValue, start: field.value, end: field.end))
      case .end: return true
      case .cutOff, .malformed: return false
      }
    }
  }

  /// The fields from `mark` on as an object.
  private mutating func object(
    _ kind: OTLP.RecordKind, _ mark: Int, _ depth: Int, _ out: inout Buffer<UInt8>
  ) -> Bool {
    let end = parts.count
    // Of an AnyValue's kinds the last one holds.
    var chosen: UInt32 = 0
    var from = mark
    if kind == .anyValue {
      for i in mark..<end {
        guard let field = kind.field(number: parts[i].number), fits(field, parts[i]), field.number <= 7 else {
          continue
        }
        if field.number != chosen { from = i }
        chosen = field.number
      }
    }
    out.append(UInt8(ascii: "{"))
    var isFirst = true
    for field in kind.fields where field.number != 1000 {
      if kind == .anyValue, chosen != 0, field.number <= 7, field.number != chosen { continue }
      var last = -1
      var count = 0
      for i in from..<end where matches(kind, field, parts[i]) {
        last = i
        count += 1
      }
      guard count > 0, field.isRepeated || kind == .anyValue || !isDefault(field, parts[last]) else { continue }
      if !isFirst { out.append(UInt8(ascii: ",")) }
      isFirst = false
      out.append(UInt8(ascii: "\""))
      out.append(field.json)
      out.append("\":")
      if field.isRepeated {
        out.append(UInt8(ascii: "["))
        var isNext = false
        for i in from..<end where matches(kind, field, parts[i]) {
          if isNext { out.append(UInt8(ascii: ",")) }
          isNext = true
          guard value(field, parts[i], depth, &out) else { return false }
        }
        out.append(UInt8(ascii: "]"))
      } else if case .message(let inner) = field.type, count > 1 {
        // A message that comes in pieces is their concatenation.
        guard depth < ProtobufToJSON.depthLimit else { return false }
        let mark = parts.count
        for i in from..<end where matches(kind, field, parts[i]) {
          guard gather(parts[i].start..<parts[i].end) else { return false }
        }
        guard object(inner, mark, depth + 1, &out) else { return false }
        parts.truncate(to: mark)
      } else {
        guard value(field, parts[last], depth, &out) else { return false }
      }
    }
    out.append(UInt8(ascii: "}"))
    return true
  }

  private func fits(_ field: Field, _ part: Part) -> Bool { part.wire == field.wire.rawValue }

  private func matches(_ kind: OTLP.RecordKind, _ field: Field, _ part: Part) -> Bool {
    guard fits(field, part) else { return false }
    // InstrumentationLibrarySpans are ScopeSpans today.
    return part.number == field.number || (kind == .resourceSpans && field.number == 2 && part.number == 1000)
  }

  private func number(_ part: Part) -> UInt64 {
    switch WireType(rawValue: part.wire) {
    case .varint: bytes.varint(at: part.start)?.value ?? 0
    case .fixed64: bytes.load(UInt64.self, at: part.start)
    case .fixed32: UInt64(bytes.load(UInt32.self, at: part.start))
    default: 0
    }
  }

  /// Whether proto3 leaves the field out.
  private func isDefault(_ field: Field, _ part: Part) -> Bool {
    switch field.type {
    case .message: false
    case .id8, .id16, .string, .bytes: part.start == part.end
    case .uint32, .int32, .enumeration: UInt32(truncatingIfNeeded: number(part)) == 0
    case .time, .bool, .int64, .fixed32, .double: number(part) == 0
    }
  }

  private mutating func value(_ field: Field, _ part: Part, _ depth: Int, _ out: inout Buffer<UInt8>) -> Bool {
    let quote = UInt8(ascii: "\"")
    let content = bytes[part.start..<part.end]
    switch field.type {
    case .message(let kind): return object(kind, part.start..<part.end, depth + 1, &out)
    case .string: out.append(jsonString: content)
    case .bytes:
      out.append(quote)
      out.append(base64: content)
      out.append(quote)
    case .id8, .id16:
      out.append(quote)
      out.append(hex: content, letters: .lower)
      out.append(quote)
    case .time:
      out.append(quote)
      out.append(decimal: number(part))
      out.append(quote)
    case .int64:
      out.append(quote)
      out.append(decimal: Int64(bitPattern: number(part)))
      out.append(quote)
    case .uint32, .fixed32: out.append(decimal: UInt64(UInt32(truncatingIfNeeded: number(part))))
    case .int32, .enumeration: out.append(decimal: Int64(Int32(truncatingIfNeeded: number(part))))
    case .bool: out.append(number(part) != 0 ? "true" : "false")
    case .double:
      let value = Double(bitPattern: number(part))
      if value.isFinite {
        out.append(double: value, style: .python)
      } else {
        out.append(value.isNaN ? "\"NaN\"" : value < 0 ? "\"-Infinity\"" : "\"Infinity\"")
      }
    }
    return true
  }
}

extension Buffer where Element == UInt8 {
  /// Appends `text` in quotes, with the escapes JSON needs; ill-formed UTF-8 is repaired.
  mutating func append(jsonString text: ByteView) {
    append(UInt8(ascii: "\""))
    var plain = 0
    for at in 0..<text.count {
      let c = text[at]
      if c >= 0x20, c != 0x22, c != 0x5C { continue }
      text[plain..<at].appendRepaired(to: &self)
      plain = at + 1
      append(0x5C)
      switch c {
      case 0x22, 0x5C: append(c)
      case 8: append(UInt8(ascii: "b"))
      case 9: append(UInt8(ascii: "t"))
      case 10: append(UInt8(ascii: "n"))
      case 12: append(UInt8(ascii: "f"))
      case 13: append(UInt8(ascii: "r"))
      default:
        append("u00")
        append(c < 0x10 ? 0x30 : 0x31)
        append(c & 15 < 10 ? 0x30 + c & 15 : 0x57 + c & 15)
      }
    }
    text[plain..<text.count].appendRepaired(to: &self)
    append(UInt8(ascii: "\""))
  }
}
