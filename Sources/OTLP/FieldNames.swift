import Bytes

/// The wire types of protobuf (protobuf.dev/programming-guides/encoding).
public enum WireType: UInt8, Sendable {
  case varint = 0
  case fixed64 = 1
  case bytes = 2
  case groupStart = 3
  case groupEnd = 4
  case fixed32 = 5
}

/// The messages an OTLP traces payload is made of.
public enum RecordKind: UInt8, CaseIterable, Sendable {
  case tracesData
  case resourceSpans
  case scopeSpans
  case resource
  case scope
  case span
  case event
  case link
  case status
  case keyValue
  case anyValue
  case arrayValue
  case keyValueList
  case entityRef
}

/// What a field holds: decides its column, its wire type and its spelling in JSON.
public enum ValueType: Equatable, Sendable {
  /// A span id: 8 bytes; hex in JSON.
  case id8
  /// A trace id: 16 bytes; hex in JSON.
  case id16
  /// Nanoseconds since 1970: fixed64; a decimal string in JSON.
  case time
  case bool
  /// A varint that is a number in JSON.
  case uint32
  /// A varint (two's complement) that is a decimal string in JSON.
  case int64
  /// A varint (two's complement) that is a number in JSON.
  case int32
  /// Four bytes, a number in JSON.
  case fixed32
  /// A varint that is a number, or its name, in JSON.
  case enumeration(EnumKind)
  case double
  case string
  /// Opaque bytes: base64 in JSON.
  case bytes
  case message(RecordKind)

  public var wire: WireType {
    switch self {
    case .id8, .id16, .string, .bytes, .message: .bytes
    case .time, .double: .fixed64
    case .fixed32: .fixed32
    case .bool, .uint32, .int64, .int32, .enumeration: .varint
    }
  }
}

/// The enumerations of traces, whose names JSON writers may put in place of numbers.
public enum EnumKind: UInt8, Sendable {
  case spanKind
  case statusCode

  /// Names by number.
  public var names: [StaticString] {
    switch self {
    case .spanKind: Self.spanKindNames
    case .statusCode: Self.statusCodeNames
    }
  }

  public func number(named name: ByteView) -> Int? {
    names.firstIndex { $0.equals(name) }
  }

  private static let spanKindNames: [StaticString] = [
    "SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER", "SPAN_KIND_CLIENT", "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
  ]
  private static let statusCodeNames: [StaticString] = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"]
}

/// One field of one OTLP message: the same row serves the protobuf front end, the JSON front end and the converter.
public struct Field: Sendable {
  public let number: UInt32
  /// lowerCamelCase, as the OTLP/JSON mapping has it.
  public let json: StaticString
  /// As in the .proto file; some writers put it into JSON.
  public let snake: StaticString
  public let type: ValueType
  public let isRepeated: Bool

  init(_ number: UInt32, _ json: StaticString, _ snake: StaticString, _ type: ValueType, repeated: Bool = false) {
    self.number = number
    self.json = json
    self.snake = snake
    self.type = type
    isRepeated = repeated
  }

  public var wire: WireType { type.wire }
  /// The tag a canonical writer puts before the value.
  public var tag: UInt32 { number << 3 | UInt32(wire.rawValue) }
}

extension RecordKind {
  /// The fields in the order of their numbers.
  public var fields: [Field] { FieldTable.all[Int(rawValue)] }

  /// The field with `number`, or nil where this version of the protocol knows none.
  public func field(number: UInt32) -> Field? {
    fields.first { $0.number == number }
  }

  /// The field a JSON member called `name` stands for: camelCase, snake_case, or a name of before OTLP 1.0.
  public func field(named name: ByteView) -> Field? {
    for field in fields where field.json.equals(name) || field.snake.equals(name) { return field }
    for (kind, alias, number) in FieldTable.aliases where kind == self && alias.equals(name) {
      return field(number: number)
    }
    return nil
  }

  /// The name in column paths: the message's name in lowerCamelCase.
  public var name: StaticString {
    switch self {
    case .tracesData: "tracesData"
    case .resourceSpans: "resourceSpans"
    case .scopeSpans: "scopeSpans"
    case .resource: "resource"
    case .scope: "scope"
    case .span: "span"
    case .event: "event"
    case .link: "link"
    case .status: "status"
    case .keyValue: "keyValue"
    case .anyValue: "anyValue"
    case .arrayValue: "arrayValue"
    case .keyValueList: "keyValueList"
    case .entityRef: "entityRef"
    }
  }
}

/// opentelemetry-proto: collector/trace/v1/trace_service.proto, trace/v1/trace.proto, resource/v1/resource.proto,
/// common/v1/common.proto.
enum FieldTable {
  /// By `RecordKind.rawValue`.
  static let all: [[Field]] = RecordKind.allCases.map(fields)

  /// Names of InstrumentationLibrarySpans (OTLP before 0.15), which had the numbers of today's ScopeSpans.
  static let aliases: [(RecordKind, StaticString, UInt32)] = [
    (.resourceSpans, "instrumentationLibrarySpans", 2), (.resourceSpans, "instrumentation_library_spans", 2),
    (.scopeSpans, "instrumentationLibrary", 1), (.scopeSpans, "instrumentation_library", 1),
    (.tracesData, "batches", 1),
  ]

  private static func fields(of kind: RecordKind) -> [Field] {
    switch kind {
    case .tracesData:
      [Field(1, "resourceSpans", "resource_spans", .message(.resourceSpans), repeated: true)]
    case .resourceSpans:
      [
        Field(1, "resource", "resource", .message(.resource)),
        Field(2, "scopeSpans", "scope_spans", .message(.scopeSpans), repeated: true),
        Field(3, "schemaUrl", "schema_url", .string),
        // Between 0.15 and 0.19 both generations of the message travelled together.
        Field(
          1000, "instrumentationLibrarySpans", "instrumentation_library_spans", .message(.scopeSpans), repeated: true),
      ]
    case .scopeSpans:
      [
        Field(1, "scope", "scope", .message(.scope)),
        Field(2, "spans", "spans", .message(.span), repeated: true),
        Field(3, "schemaUrl", "schema_url", .string),
      ]
    case .resource:
      [
        Field(1, "attributes", "attributes", .message(.keyValue), repeated: true),
        Field(2, "droppedAttributesCount", "dropped_attributes_count", .uint32),
        Field(3, "entityRefs", "entity_refs", .message(.entityRef), repeated: true),
      ]
    case .scope:
      [
        Field(1, "name", "name", .string),
        Field(2, "version", "version", .string),
        Field(3, "attributes", "attributes", .message(.keyValue), repeated: true),
        Field(4, "droppedAttributesCount", "dropped_attributes_count", .uint32),
      ]
    case .span:
      [
        Field(1, "traceId", "trace_id", .id16),
        Field(2, "spanId", "span_id", .id8),
        Field(3, "traceState", "trace_state", .string),
        Field(4, "parentSpanId", "parent_span_id", .id8),
        Field(5, "name", "name", .string),
        Field(6, "kind", "kind", .enumeration(.spanKind)),
        Field(7, "startTimeUnixNano", "start_time_unix_nano", .time),
        Field(8, "endTimeUnixNano", "end_time_unix_nano", .time),
        Field(9, "attributes", "attributes", .message(.keyValue), repeated: true),
        Field(10, "droppedAttributesCount", "dropped_attributes_count", .uint32),
        Field(11, "events", "events", .message(.event), repeated: true),
        Field(12, "droppedEventsCount", "dropped_events_count", .uint32),
        Field(13, "links", "links", .message(.link), repeated: true),
        Field(14, "droppedLinksCount", "dropped_links_count", .uint32),
        Field(15, "status", "status", .message(.status)),
        Field(16, "flags", "flags", .fixed32),
      ]
    case .event:
      [
        Field(1, "timeUnixNano", "time_unix_nano", .time),
        Field(2, "name", "name", .string),
        Field(3, "attributes", "attributes", .message(.keyValue), repeated: true),
        Field(4, "droppedAttributesCount", "dropped_attributes_count", .uint32),
      ]
    case .link:
      [
        Field(1, "traceId", "trace_id", .id16),
        Field(2, "spanId", "span_id", .id8),
        Field(3, "traceState", "trace_state", .string),
        Field(4, "attributes", "attributes", .message(.keyValue), repeated: true),
        Field(5, "droppedAttributesCount", "dropped_attributes_count", .uint32),
        Field(6, "flags", "flags", .fixed32),
      ]
    case .status:
      [
        Field(2, "message", "message", .string),
        Field(3, "code", "code", .enumeration(.statusCode)),
      ]
    case .keyValue:
      [
        Field(1, "key", "key", .string),
        Field(2, "value", "value", .message(.anyValue)),
        Field(3, "keyStrindex", "key_strindex", .int32),
      ]
    case .anyValue:
      [
        Field(1, "stringValue", "string_value", .string),
        Field(2, "boolValue", "bool_value", .bool),
        Field(3, "intValue", "int_value", .int64),
        Field(4, "doubleValue", "double_value", .double),
        Field(5, "arrayValue", "array_value", .message(.arrayValue)),
        Field(6, "kvlistValue", "kvlist_value", .message(.keyValueList)),
        Field(7, "bytesValue", "bytes_value", .bytes),
        Field(8, "stringValueStrindex", "string_value_strindex", .int32),
      ]
    case .arrayValue:
      [Field(1, "values", "values", .message(.anyValue), repeated: true)]
    case .keyValueList:
      [Field(1, "values", "values", .message(.keyValue), repeated: true)]
    case .entityRef:
      [
        Field(1, "schemaUrl", "schema_url", .string),
        Field(2, "type", "type", .string),
        Field(3, "idKeys", "id_keys", .string, repeated: true),
        Field(4, "descriptionKeys", "description_keys", .string, repeated: true),
      ]
    }
  }
}

extension StaticString {
  /// The text's bytes, which live as long as the program.
  public var view: ByteView { unsafe ByteView(base: UnsafeRawPointer(utf8Start), count: utf8CodeUnitCount) }

  @inlinable
  public func equals(_ bytes: ByteView) -> Bool { view == bytes }
}
