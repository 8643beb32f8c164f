import Bytes

/// The habits in which protobuf writers differ, all of them legal; INPUTS of the format's documentation names who has
/// which. A rate is the share of places where an oddity stands.
public struct ProtobufDialect: Sendable {
  public var name: String
  /// Trace, span and parent ids are written even when empty (Go's pdata).
  public var writesEmptyIds = false
  /// Status, resource and scope are written even when empty.
  public var writesEmptyMessages = true
  /// `flags` stands between parent_span_id and name (Go's pdata since v0.132).
  public var flagsBeforeName = false
  /// Each nested length is a varint of four bytes (the .NET SDK).
  public var wideLengths = false
  public var zerosWritten = false
  public var shuffledFields = 0.0
  public var unknownFields = 0.0
  public var groups = 0.0
  public var repeatedSingulars = 0.0
  /// Tags and values as over-long varints.
  public var longVarints = 0.0
  /// Ids of some other length than 8 and 16.
  public var oddIds = 0.0

  public init(name: String) { self.name = name }

  /// Fields by number, nothing empty but `status`: what protobuf's own libraries write for an SDK.
  public static let sdk = ProtobufDialect(name: "sdk")
  public static let goOld: ProtobufDialect = {
    var dialect = ProtobufDialect(name: "go-old")
    dialect.writesEmptyIds = true
    return dialect
  }()
  public static let goNew: ProtobufDialect = {
    var dialect = goOld
    dialect.name = "go-new"
    dialect.flagsBeforeName = true
    return dialect
  }()
  public static let dotnet: ProtobufDialect = {
    var dialect = ProtobufDialect(name: "dotnet")
    dialect.wideLengths = true
    dialect.writesEmptyMessages = false
    return dialect
  }()
  public static let shuffled: ProtobufDialect = {
    var dialect = ProtobufDialect(name: "shuffled")
    dialect.shuffledFields = 0.5
    return dialect
  }()
  public static let zeros: ProtobufDialect = {
    var dialect = ProtobufDialect(name: "zeros")
    dialect.zerosWritten = true
    dialect.writesEmptyIds = true
    return dialect
  }()
  /// Still valid protobuf of the same meaning, but as no SDK would write it.
  public static let odd: ProtobufDialect = {
    var dialect = ProtobufDialect(name: "odd")
    dialect.shuffledFields = 0.05
    dialect.unknownFields = 0.02
    dialect.groups = 0.01
    dialect.repeatedSingulars = 0.02
    dialect.longVarints = 0.01
    return dialect
  }()
  /// `odd`, and ids of wrong lengths.
  public static let oddest: ProtobufDialect = {
    var dialect = odd
    dialect.name = "oddest"
    dialect.oddIds = 0.05
    dialect.zerosWritten = true
    return dialect
  }()

  /// Those that say what the model says, field by field.
  public static let faithful: [ProtobufDialect] = [sdk, goOld, goNew, dotnet, shuffled, zeros, odd]
  public static let all: [ProtobufDialect] = faithful + [oddest]
}

/// Writes model values as protobuf. The random numbers are for the oddities only.
struct ProtobufWriter {
  let dialect: ProtobufDialect
  let calm: Bool
  var random: SeededRandom

  init(dialect: ProtobufDialect, seed: UInt64) {
    self.dialect = dialect
    random = SeededRandom(seed: seed)
    calm =
      dialect.shuffledFields == 0 && dialect.unknownFields == 0 && dialect.groups == 0
      && dialect.repeatedSingulars == 0 && dialect.longVarints == 0 && dialect.oddIds == 0
  }

  // MARK: Primitives

  mutating func varint(_ value: UInt64, _ out: inout Buffer<UInt8>) {
    if calm || !random.chance(dialect.longVarints) { return out.append(varint: value) }
    let width = varintWidth(value)
    guard width < 5 else { return out.append(varint: value) }
    let wanted = width + 1 + random.below(5 - width)
    for i in 0..<wanted {
      out.append(UInt8(truncatingIfNeeded: value >> UInt64(7 * i) & 0x7F) | (i + 1 < wanted ? 0x80 : 0))
    }
  }

  mutating func tag(_ field: Int, _ wire: Int, _ out: inout Buffer<UInt8>) {
    if calm, field < 16 { return out.append(UInt8(field << 3 | wire)) }
    varint(UInt64(field << 3 | wire), &out)
  }

  /// A nested message: its length is filled in after its body, for which `room` bytes are kept.
  mutating func message(
    _ field: Int, room: Int = 1, _ out: inout Buffer<UInt8>, _ body: (inout ProtobufWriter, inout Buffer<UInt8>) -> Void
  ) {
    tag(field, 2, &out)
    let wide = dialect.wideLengths
    let kept = wide ? 4 : room
    let at = out.count
    out.append(repeating: 0, count: kept)
    body(&self, &out)
    if !calm { strangers(&out) }
    let length = out.count - at - kept
    precondition(length < 1 << 34)
    let needed = varintWidth(UInt64(length))
    let width = wide ? max(4, needed) : needed
    if width != kept { out.shift(from: at + kept, by: width - kept) }
    for i in 0..<width {
      out[at + i] = UInt8(truncatingIfNeeded: length >> (7 * i) & 0x7F) | (i + 1 < width ? 0x80 : 0)
    }
  }

  /// Fields that no schema of today knows, of every wire type.
  mutating func strangers(_ out: inout Buffer<UInt8>) {
    if random.chance(dialect.unknownFields) {
      switch random.below(4) {
      case 0:
        tag(2000 + random.below(40), 0, &out)
        varint(random.next() >> UInt64(random.below(64)), &out)
      case 1:
        tag(100 + random.below(40), 1, &out)
        out.append(integer: random.next())
      case 2:
        tag(536_870_911 - random.below(4), 2, &out)
        let n = random.below(40)
        varint(UInt64(n), &out)
        for _ in 0..<n { out.append(UInt8(truncatingIfNeeded: random.next())) }
      default:
        tag(33, 5, &out)
        out.append(integer: UInt32(truncatingIfNeeded: random.next()))
      }
    }
    if random.chance(dialect.groups) {
      let field = 900 + random.below(3)
      tag(field, 3, &out)
      tag(1, 0, &out)
      varint(random.next() >> 50, &out)
      tag(2, 3, &out)
      tag(7, 5, &out)
      out.append(integer: UInt32(7))
      tag(2, 4, &out)
      tag(field, 4, &out)
    }
  }

  mutating func text(_ field: Int, _ value: String, _ out: inout Buffer<UInt8>, always: Bool = false) {
    if value.isEmpty, !always, !dialect.zerosWritten { return }
    if !calm, random.chance(dialect.repeatedSingulars) { oneText(field, "an earlier value", &out) }
    oneText(field, value, &out)
  }

  mutating func oneText(_ field: Int, _ value: String, _ out: inout Buffer<UInt8>) {
    tag(field, 2, &out)
    varint(UInt64(value.utf8.count), &out)
    out.append(value)
  }

  mutating func number(_ field: Int, _ value: UInt64, _ out: inout Buffer<UInt8>, always: Bool = false) {
    if value == 0, !always, !dialect.zerosWritten { return }
    if !calm, random.chance(dialect.repeatedSingulars) {
      tag(field, 0, &out)
      varint(1, &out)
    }
    tag(field, 0, &out)
    varint(value, &out)
  }

  mutating func fixed64(_ field: Int, _ value: UInt64, _ out: inout Buffer<UInt8>) {
    if value == 0, !dialect.zerosWritten { return }
    tag(field, 1, &out)
    out.append(integer: value)
  }

  mutating func fixed32(_ field: Int, _ value: UInt32, _ out: inout Buffer<UInt8>) {
    if value == 0, !dialect.zerosWritten { return }
    tag(field, 5, &out)
    out.append(integer: value)
  }

  mutating func id(_ field: Int, _ words: (UInt64, UInt64?), _ out: inout Buffer<UInt8>) {
    if words.0 == 0, words.1 ?? 0 == 0 {
      if dialect.writesEmptyIds {
        tag(field, 2, &out)
        varint(0, &out)
      }
      return
    }
    if !calm, random.chance(dialect.oddIds) {
      let n = random.below(34)
      tag(field, 2, &out)
      varint(UInt64(n), &out)
      for i in 0..<n { out.append(UInt8(truncatingIfNeeded: words.0 >> UInt64(i & 7))) }
      return
    }
    tag(field, 2, &out)
    varint(words.1 == nil ? 8 : 16, &out)
    out.append(integer: words.0.byteSwapped)
    if let low = words.1 { out.append(integer: low.byteSwapped) }
  }

  /// The order in which to write the fields of a message.
  mutating func order(_ canonical: [Int]) -> [Int] {
    if calm || !random.chance(dialect.shuffledFields) { return canonical }
    return canonical.shuffled(using: &random)
  }

  // MARK: Messages

  mutating func attributes(_ field: Int, _ list: [Model.KeyValue], _ out: inout Buffer<UInt8>) {
    for pair in list { keyValue(field, pair, &out) }
  }

  mutating func keyValue(_ field: Int, _ pair: Model.KeyValue, _ out: inout Buffer<UInt8>) {
    message(field, &out) { w, out in
      for field in w.order(Self.keyValueFields) {
        if field == 1 {
          w.text(1, pair.key, &out)
        } else {
          w.message(2, &out) { w, out in w.value(pair.value, &out) }
        }
      }
    }
  }

  mutating func value(_ value: Model.AnyValue, _ out: inout Buffer<UInt8>) {
    switch value {
    case .string(let text): self.text(1, text, &out, always: true)
    case .bool(let flag): number(2, flag ? 1 : 0, &out, always: true)
    case .int(let n): number(3, UInt64(bitPattern: n), &out, always: true)
    case .double(let d):
      tag(4, 1, &out)
      out.append(integer: d.bitPattern)
    case .array(let values):
      message(5, &out) { w, out in
        for value in values { w.message(1, &out) { w, out in w.value(value, &out) } }
      }
    case .kvlist(let pairs): message(6, &out) { w, out in w.attributes(1, pairs, &out) }
    case .bytes(let bytes):
      tag(7, 2, &out)
      varint(UInt64(bytes.count), &out)
      out.append(bytes)
    case .none: break
    }
  }

  static let keyValueFields = [1, 2]
  static let byNumber = Array(1...16)
  static let flagsEarly = [1, 2, 3, 4, 16, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
  static let linkFields = Array(1...6)
  static let fewFields = Array(1...4)

  mutating func span(_ span: Model.Span, _ out: inout Buffer<UInt8>) {
    for field in order(dialect.flagsBeforeName ? Self.flagsEarly : Self.byNumber) {
      switch field {
      case 1: id(1, (span.traceId.high, span.traceId.low), &out)
      case 2: id(2, (span.spanId, nil), &out)
      case 3: text(3, span.traceState, &out)
      case 4: id(4, (span.parentSpanId, nil), &out)
      case 5: text(5, span.name, &out)
      case 6: number(6, UInt64(span.kind.rawValue), &out)
      case 7: fixed64(7, span.startTimeUnixNano, &out)
      case 8: fixed64(8, span.endTimeUnixNano, &out)
      case 9: attributes(9, span.attributes, &out)
      case 10: number(10, UInt64(span.droppedAttributesCount), &out)
      case 11: for event in span.events { message(11, &out) { w, out in w.event(event, &out) } }
      case 12: number(12, UInt64(span.droppedEventsCount), &out)
      case 13: for link in span.links { message(13, &out) { w, out in w.link(link, &out) } }
      case 14: number(14, UInt64(span.droppedLinksCount), &out)
      case 15:
        if span.status != Model.Status() || dialect.writesEmptyMessages {
          message(15, &out) { w, out in
            w.text(2, span.status.message, &out)
            w.number(3, UInt64(span.status.code), &out)
          }
        }
      default: fixed32(16, span.flags, &out)
      }
    }
  }

  mutating func event(_ event: Model.Event, _ out: inout Buffer<UInt8>) {
    for field in order(Self.fewFields) {
      switch field {
      case 1: fixed64(1, event.timeUnixNano, &out)
      case 2: text(2, event.name, &out)
      case 3: attributes(3, event.attributes, &out)
      default: number(4, UInt64(event.droppedAttributesCount), &out)
      }
    }
  }

  mutating func link(_ link: Model.Link, _ out: inout Buffer<UInt8>) {
    for field in order(Self.linkFields) {
      switch field {
      case 1: id(1, (link.traceId.high, link.traceId.low), &out)
      case 2: id(2, (link.spanId, nil), &out)
      case 3: text(3, link.traceState, &out)
      case 4: attributes(4, link.attributes, &out)
      case 5: number(5, UInt64(link.droppedAttributesCount), &out)
      default: fixed32(6, link.flags, &out)
      }
    }
  }

  mutating func scopeSpans(_ group: Model.ScopeSpans, _ out: inout Buffer<UInt8>) {
    if group.scope != Model.Scope(name: "") || dialect.writesEmptyMessages {
      message(1, &out) { w, out in
        w.text(1, group.scope.name, &out)
        w.text(2, group.scope.version, &out)
        w.attributes(3, group.scope.attributes, &out)
      }
    }
    for span in group.spans { message(2, room: 2, &out) { w, out in w.span(span, &out) } }
    text(3, group.schemaUrl, &out)
  }

  /// One element of `resource_spans`, with its tag and length.
  mutating func resourceSpans(_ group: Model.ResourceSpans, _ out: inout Buffer<UInt8>) {
    message(1, room: 3, &out) { w, out in
      if group.resource != Model.Resource() || w.dialect.writesEmptyMessages {
        w.message(1, room: 2, &out) { w, out in
          w.attributes(1, group.resource.attributes, &out)
          w.number(2, UInt64(group.resource.droppedAttributesCount), &out)
        }
      }
      for scope in group.scopeSpans { w.message(2, room: 3, &out) { w, out in w.scopeSpans(scope, &out) } }
      w.text(3, group.schemaUrl, &out)
    }
  }

  mutating func tracesData(_ data: Model.TracesData, _ out: inout Buffer<UInt8>) {
    for group in data.resourceSpans { resourceSpans(group, &out) }
    if !calm { strangers(&out) }
  }
}
