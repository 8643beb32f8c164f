import Bytes

/// A member's name in both spellings.
struct MemberName {
  let camel: StaticString
  let snake: StaticString
  init(_ camel: StaticString, _ snake: StaticString) {
    self.camel = camel
    self.snake = snake
  }
  init(_ name: StaticString) { self.init(name, name) }
}

enum Member {
  static let resourceSpans = MemberName("resourceSpans", "resource_spans")
  static let batches = MemberName("batches")
  static let trace = MemberName("trace")
  static let resource = MemberName("resource")
  static let scopeSpans = MemberName("scopeSpans", "scope_spans")
  static let librarySpans = MemberName("instrumentationLibrarySpans", "instrumentation_library_spans")
  static let library = MemberName("instrumentationLibrary", "instrumentation_library")
  static let scope = MemberName("scope")
  static let schemaUrl = MemberName("schemaUrl", "schema_url")
  static let version = MemberName("version")
  static let spans = MemberName("spans")
  static let attributes = MemberName("attributes")
  static let droppedAttributesCount = MemberName("droppedAttributesCount", "dropped_attributes_count")
  static let droppedEventsCount = MemberName("droppedEventsCount", "dropped_events_count")
  static let droppedLinksCount = MemberName("droppedLinksCount", "dropped_links_count")
  static let traceId = MemberName("traceId", "trace_id")
  static let spanId = MemberName("spanId", "span_id")
  static let parentSpanId = MemberName("parentSpanId", "parent_span_id")
  static let traceState = MemberName("traceState", "trace_state")
  static let flags = MemberName("flags")
  static let name = MemberName("name")
  static let kind = MemberName("kind")
  static let start = MemberName("startTimeUnixNano", "start_time_unix_nano")
  static let end = MemberName("endTimeUnixNano", "end_time_unix_nano")
  static let time = MemberName("timeUnixNano", "time_unix_nano")
  static let events = MemberName("events")
  static let links = MemberName("links")
  static let status = MemberName("status")
  static let message = MemberName("message")
  static let code = MemberName("code")
  static let key = MemberName("key")
  static let value = MemberName("value")
  static let values = MemberName("values")
  static let stringValue = MemberName("stringValue", "string_value")
  static let boolValue = MemberName("boolValue", "bool_value")
  static let intValue = MemberName("intValue", "int_value")
  static let doubleValue = MemberName("doubleValue", "double_value")
  static let arrayValue = MemberName("arrayValue", "array_value")
  static let kvlistValue = MemberName("kvlistValue", "kvlist_value")
  static let bytesValue = MemberName("bytesValue", "bytes_value")
  static let low = MemberName("low")
  static let high = MemberName("high")
  static let unknown = MemberName("xLater", "x_later")
}

/// Writes model values as OTLP JSON. The random numbers are for the oddities only.
struct JSONWriter {
  let dialect: JSONDialect
  let calm: Bool
  let indent: StaticString?
  var random: SeededRandom
  var depth = 0
  var first = true

  init(dialect: JSONDialect, seed: UInt64) {
    self.dialect = dialect
    random = SeededRandom(seed: seed)
    calm = dialect.blanks == 0 && dialect.duplicateKeys == 0 && dialect.unknownMembers == 0
    if case .indented(let unit) = dialect.layout { indent = unit } else { indent = nil }
  }

  // MARK: Structure

  mutating func newline(_ out: inout Buffer<UInt8>) {
    if dialect.crlf { out.append(UInt8(ascii: "\r")) }
    out.append(UInt8(ascii: "\n"))
  }

  mutating func line(_ out: inout Buffer<UInt8>) {
    guard let indent else { return blank(&out) }
    newline(&out)
    for _ in 0..<depth { out.append(indent) }
  }

  mutating func blank(_ out: inout Buffer<UInt8>) {
    if calm { return }
    while random.chance(dialect.blanks) {
      out.append([UInt8(ascii: " "), UInt8(ascii: " "), UInt8(ascii: "\t")][random.below(3)])
    }
  }

  mutating func open(_ brace: UInt8, _ out: inout Buffer<UInt8>) {
    out.append(brace)
    depth += 1
    first = true
  }

  mutating func close(_ brace: UInt8, _ out: inout Buffer<UInt8>) {
    depth -= 1
    if !first { line(&out) }
    out.append(brace)
    first = false
  }

  mutating func element(_ out: inout Buffer<UInt8>) {
    if !first { out.append(UInt8(ascii: ",")) }
    line(&out)
    first = false
  }

  mutating func name(_ member: MemberName, _ out: inout Buffer<UInt8>) {
    element(&out)
    out.append(UInt8(ascii: "\""))
    out.append(dialect.snakeCase ? member.snake : member.camel)
    out.append(UInt8(ascii: "\""))
    blank(&out)
    out.append(UInt8(ascii: ":"))
    if indent != nil { out.append(UInt8(ascii: " ")) } else { blank(&out) }
  }

  mutating func object(_ out: inout Buffer<UInt8>, _ body: (inout JSONWriter, inout Buffer<UInt8>) -> Void) {
    open(UInt8(ascii: "{"), &out)
    body(&self, &out)
    if !calm, random.chance(dialect.unknownMembers) {
      name(Member.unknown, &out)
      out.append("{\"a\":[1,null,true,-2.5e-3,\"x\"],\"b\":{}}" as StaticString)
    }
    close(UInt8(ascii: "}"), &out)
  }

  mutating func list<T>(
    _ member: MemberName, _ values: [T], _ out: inout Buffer<UInt8>, always: Bool = false,
    _ body: (inout JSONWriter, T, inout Buffer<UInt8>) -> Void
  ) {
    if values.isEmpty, !always { return }
    name(member, &out)
    open(UInt8(ascii: "["), &out)
    for value in values {
      element(&out)
      body(&self, value, &out)
    }
    close(UInt8(ascii: "]"), &out)
  }

  // MARK: Values

  mutating func quoted(_ text: String, _ out: inout Buffer<UInt8>) {
    out.append(UInt8(ascii: "\""))
    let html = dialect.htmlEscapes
    var text = text
    text.withUTF8 { escape(unsafe ByteView(UnsafeRawBufferPointer($0)), html, &out) }
    out.append(UInt8(ascii: "\""))
  }

  func escape(_ bytes: ByteView, _ html: Bool, _ out: inout Buffer<UInt8>) {
    var start = 0
    for i in 0..<bytes.count {
      let byte = bytes.unchecked(i)
      if byte >= 0x20, byte != 0x22, byte != 0x5C {
        if !html || byte != UInt8(ascii: "<") && byte != UInt8(ascii: ">") && byte != UInt8(ascii: "&") { continue }
      }
      out.append(bytes[start..<i])
      start = i + 1
      switch byte {
      case 0x22: out.append("\\\"" as StaticString)
      case 0x5C: out.append("\\\\" as StaticString)
      case 0x0A: out.append("\\n" as StaticString)
      case 0x0D: out.append("\\r" as StaticString)
      case 0x09: out.append("\\t" as StaticString)
      default:
        out.append("\\u00" as StaticString)
        out.append(UInt8(ascii: "0") + byte >> 4)
        out.append((byte & 15 < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10) + byte & 15)
      }
    }
    out.append(bytes[start..<bytes.count])
  }

  mutating func text(_ member: MemberName, _ value: String, _ out: inout Buffer<UInt8>, always: Bool = false) {
    if value.isEmpty, !always { return }
    if !calm, random.chance(dialect.duplicateKeys) {
      name(member, &out)
      quoted("an earlier value", &out)
    }
    name(member, &out)
    quoted(value, &out)
  }

  mutating func number(_ member: MemberName, _ value: UInt32, _ out: inout Buffer<UInt8>) {
    if value == 0 { return }
    name(member, &out)
    out.append(decimal: UInt64(value))
  }

  mutating func time(_ member: MemberName, _ value: UInt64, _ out: inout Buffer<UInt8>) {
    if value == 0 { return }
    name(member, &out)
    if dialect.splitTimes {
      object(&out) { w, out in
        w.name(Member.low, &out)
        out.append(decimal: value & 0xFFFF_FFFF)
        w.name(Member.high, &out)
        out.append(decimal: value >> 32)
      }
      return
    }
    if dialect.bareNumbers { return out.append(decimal: value) }
    out.append(UInt8(ascii: "\""))
    out.append(decimal: value)
    out.append(UInt8(ascii: "\""))
  }

  mutating func id(
    _ member: MemberName, _ high: UInt64?, _ low: UInt64, _ out: inout Buffer<UInt8>, always: Bool = false
  ) {
    let empty = low == 0 && high ?? 0 == 0
    if empty, !always { return }
    name(member, &out)
    out.append(UInt8(ascii: "\""))
    if !empty {
      if dialect.ids == .base64 {
        out.append(base64: (high.map(bytes(of:)) ?? []) + bytes(of: low))
      } else {
        if let high { out.append(hex: high, upperCase: dialect.ids == .upperHex) }
        out.append(hex: low, upperCase: dialect.ids == .upperHex)
      }
    }
    out.append(UInt8(ascii: "\""))
  }

  mutating func double(_ value: Double, _ out: inout Buffer<UInt8>) {
    guard value.isFinite else {
      out.append(value.isNaN ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"")
      return
    }
    let text = value.description
    guard dialect.oddDoubles else {
      out.append(text.hasSuffix(".0") ? String(text.dropLast(2)) : text)
      return
    }
    out.append(text)
    if text.utf8.contains(UInt8(ascii: "e")) { return }
    out.append(["", "0", "000", "e0", "E+00", "0e-0"][random.below(6)] as String)
  }

  mutating func value(_ value: Model.AnyValue, _ out: inout Buffer<UInt8>) {
    object(&out) { w, out in
      switch value {
      case .string(let text): w.text(Member.stringValue, text, &out, always: true)
      case .bool(let flag):
        w.name(Member.boolValue, &out)
        out.append(flag ? "true" as StaticString : "false")
      case .int(let n):
        w.name(Member.intValue, &out)
        if w.dialect.bareNumbers { return out.append(decimal: n) }
        out.append(UInt8(ascii: "\""))
        out.append(decimal: n)
        out.append(UInt8(ascii: "\""))
      case .double(let d):
        w.name(Member.doubleValue, &out)
        w.double(d, &out)
      case .array(let values):
        w.name(Member.arrayValue, &out)
        w.object(&out) { w, out in w.list(Member.values, values, &out) { w, value, out in w.value(value, &out) } }
      case .kvlist(let pairs):
        w.name(Member.kvlistValue, &out)
        w.object(&out) { w, out in w.pairs(Member.values, pairs, &out) }
      case .bytes(let bytes):
        w.name(Member.bytesValue, &out)
        out.append(UInt8(ascii: "\""))
        out.append(base64: bytes)
        out.append(UInt8(ascii: "\""))
      case .none: break
      }
    }
  }

  mutating func pairs(_ member: MemberName, _ pairs: [Model.KeyValue], _ out: inout Buffer<UInt8>) {
    list(member, pairs, &out) { w, pair, out in
      w.object(&out) { w, out in
        w.text(Member.key, pair.key, &out, always: true)
        w.name(Member.value, &out)
        w.value(pair.value, &out)
      }
    }
  }

  // MARK: Messages

  static let kinds: [StaticString] = [
    "\"SPAN_KIND_UNSPECIFIED\"", "\"SPAN_KIND_INTERNAL\"", "\"SPAN_KIND_SERVER\"", "\"SPAN_KIND_CLIENT\"",
    "\"SPAN_KIND_PRODUCER\"", "\"SPAN_KIND_CONSUMER\"",
  ]
  static let codes: [StaticString] = ["\"STATUS_CODE_UNSET\"", "\"STATUS_CODE_OK\"", "\"STATUS_CODE_ERROR\""]

  mutating func span(_ span: Model.Span, _ out: inout Buffer<UInt8>) {
    object(&out) { w, out in
      w.id(Member.traceId, span.traceId.high, span.traceId.low, &out, always: true)
      w.id(Member.spanId, nil, span.spanId, &out, always: true)
      w.text(Member.traceState, span.traceState, &out)
      w.id(Member.parentSpanId, nil, span.parentSpanId, &out, always: w.dialect.emptyParentIds)
      if w.dialect.nameBeforeFlags { w.text(Member.name, span.name, &out) }
      w.number(Member.flags, span.flags, &out)
      if !w.dialect.nameBeforeFlags { w.text(Member.name, span.name, &out) }
      if span.kind != .unspecified {
        w.name(Member.kind, &out)
        if w.dialect.enumNames {
          out.append(Self.kinds[span.kind.rawValue])
        } else {
          out.append(decimal: UInt64(span.kind.rawValue))
        }
      }
      w.time(Member.start, span.startTimeUnixNano, &out)
      w.time(Member.end, span.endTimeUnixNano, &out)
      w.pairs(Member.attributes, span.attributes, &out)
      w.number(Member.droppedAttributesCount, span.droppedAttributesCount, &out)
      w.list(Member.events, span.events, &out) { w, event, out in
        w.object(&out) { w, out in
          w.time(Member.time, event.timeUnixNano, &out)
          w.text(Member.name, event.name, &out)
          w.pairs(Member.attributes, event.attributes, &out)
          w.number(Member.droppedAttributesCount, event.droppedAttributesCount, &out)
        }
      }
      w.number(Member.droppedEventsCount, span.droppedEventsCount, &out)
      w.list(Member.links, span.links, &out) { w, link, out in
        w.object(&out) { w, out in
          w.id(Member.traceId, link.traceId.high, link.traceId.low, &out, always: true)
          w.id(Member.spanId, nil, link.spanId, &out, always: true)
          w.text(Member.traceState, link.traceState, &out)
          w.pairs(Member.attributes, link.attributes, &out)
          w.number(Member.droppedAttributesCount, link.droppedAttributesCount, &out)
          w.number(Member.flags, link.flags, &out)
        }
      }
      w.number(Member.droppedLinksCount, span.droppedLinksCount, &out)
      if span.status != Model.Status() || w.dialect.emptyStatus {
        w.name(Member.status, &out)
        w.object(&out) { w, out in
          w.text(Member.message, span.status.message, &out)
          guard span.status.code != 0 else { return }
          w.name(Member.code, &out)
          if w.dialect.enumNames, span.status.code < Self.codes.count {
            out.append(Self.codes[span.status.code])
          } else {
            out.append(decimal: UInt64(span.status.code))
          }
        }
      }
    }
  }

  mutating func resourceSpans(_ group: Model.ResourceSpans, _ out: inout Buffer<UInt8>) {
    object(&out) { w, out in
      w.name(Member.resource, &out)
      w.object(&out) { w, out in
        w.pairs(Member.attributes, group.resource.attributes, &out)
        w.number(Member.droppedAttributesCount, group.resource.droppedAttributesCount, &out)
      }
      let libraries = w.dialect.libraries
      w.list(libraries ? Member.librarySpans : Member.scopeSpans, group.scopeSpans, &out) { w, scoped, out in
        w.object(&out) { w, out in
          w.name(libraries ? Member.library : Member.scope, &out)
          w.object(&out) { w, out in
            w.text(Member.name, scoped.scope.name, &out)
            w.text(Member.version, scoped.scope.version, &out)
            w.pairs(Member.attributes, scoped.scope.attributes, &out)
          }
          w.list(Member.spans, scoped.spans, &out) { w, span, out in w.span(span, &out) }
          w.text(Member.schemaUrl, scoped.schemaUrl, &out)
        }
      }
      w.text(Member.schemaUrl, group.schemaUrl, &out)
    }
  }

  /// One batch as the dialect's document has it; `index` counts the batches before it.
  mutating func tracesData(_ data: Model.TracesData, index: Int, _ out: inout Buffer<UInt8>) {
    if index == 0, dialect.byteOrderMark { out.append([0xEF, 0xBB, 0xBF]) }
    switch dialect.document {
    case .one:
      if index == 0 {
        open(UInt8(ascii: "{"), &out)
        name(Member.resourceSpans, &out)
        open(UInt8(ascii: "["), &out)
      }
      for group in data.resourceSpans {
        element(&out)
        resourceSpans(group, &out)
      }
      return
    case .resourceSpansPerLine:
      for (n, group) in data.resourceSpans.enumerated() {
        if index + n > 0 { newline(&out) }
        resourceSpans(group, &out)
      }
      return
    case .lines, .tempoBatches, .tempoTrace: break
    }
    if index > 0 { newline(&out) }
    object(&out) { w, out in
      func groups(_ member: MemberName, _ w: inout JSONWriter, _ out: inout Buffer<UInt8>) {
        w.list(member, data.resourceSpans, &out, always: true) { w, group, out in w.resourceSpans(group, &out) }
      }
      switch w.dialect.document {
      case .tempoTrace:
        w.name(Member.trace, &out)
        w.object(&out) { w, out in groups(Member.resourceSpans, &w, &out) }
      case .tempoBatches: groups(Member.batches, &w, &out)
      case .lines, .one, .resourceSpansPerLine: groups(Member.resourceSpans, &w, &out)
      }
    }
  }

  mutating func finish(batches: Int, _ out: inout Buffer<UInt8>) {
    if batches == 0 { return }
    if case .one = dialect.document {
      close(UInt8(ascii: "]"), &out)
      close(UInt8(ascii: "}"), &out)
    }
    if dialect.lastNewline { newline(&out) }
  }
}
