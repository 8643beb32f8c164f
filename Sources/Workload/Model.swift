/// The messages of OTLP traces (opentelemetry-proto, trace.proto) as plain values, to be written in any dialect.
///
/// Ids are numbers: a trace id of zero, like a missing parent, is one that is not set.
public enum Model {
  public struct TracesData: Sendable, Equatable {
    public var resourceSpans: [ResourceSpans]
    public init(resourceSpans: [ResourceSpans] = []) { self.resourceSpans = resourceSpans }

    public var spanCount: Int {
      resourceSpans.reduce(0) { $0 + $1.scopeSpans.reduce(0) { $0 + $1.spans.count } }
    }
  }

  public struct ResourceSpans: Sendable, Equatable {
    public var resource: Resource
    public var scopeSpans: [ScopeSpans]
    public var schemaUrl = ""
    public init(resource: Resource, scopeSpans: [ScopeSpans] = [], schemaUrl: String = "") {
      self.resource = resource
      self.scopeSpans = scopeSpans
      self.schemaUrl = schemaUrl
    }
  }

  public struct Resource: Sendable, Equatable {
    public var attributes: [KeyValue]
    public var droppedAttributesCount: UInt32 = 0
    public init(attributes: [KeyValue] = []) { self.attributes = attributes }
  }

  public struct ScopeSpans: Sendable, Equatable {
    public var scope: Scope
    public var spans: [Span]
    public var schemaUrl = ""
    public init(scope: Scope, spans: [Span] = [], schemaUrl: String = "") {
      self.scope = scope
      self.spans = spans
      self.schemaUrl = schemaUrl
    }
  }

  public struct Scope: Sendable, Equatable {
    public var name: String
    public var version: String
    public var attributes: [KeyValue] = []
    public init(name: String, version: String = "") {
      self.name = name
      self.version = version
    }
  }

  public struct TraceId: Sendable, Hashable {
    public var high: UInt64
    public var low: UInt64
    public init(high: UInt64, low: UInt64) {
      self.high = high
      self.low = low
    }
    public static let none = TraceId(high: 0, low: 0)
  }

  public enum SpanKind: Int, Sendable, CaseIterable {
    case unspecified, `internal`, server, client, producer, consumer
  }

  public struct Span: Sendable, Equatable {
    public var traceId: TraceId
    public var spanId: UInt64
    public var parentSpanId: UInt64 = 0
    public var traceState = ""
    public var flags: UInt32 = 0
    public var name: String
    public var kind = SpanKind.internal
    public var startTimeUnixNano: UInt64 = 0
    public var endTimeUnixNano: UInt64 = 0
    public var attributes: [KeyValue] = []
    public var droppedAttributesCount: UInt32 = 0
    public var events: [Event] = []
    public var droppedEventsCount: UInt32 = 0
    public var links: [Link] = []
    public var droppedLinksCount: UInt32 = 0
    public var status = Status()
    public init(traceId: TraceId, spanId: UInt64, name: String) {
      self.traceId = traceId
      self.spanId = spanId
      self.name = name
    }
  }

  public struct Event: Sendable, Equatable {
    public var timeUnixNano: UInt64
    public var name: String
    public var attributes: [KeyValue] = []
    public var droppedAttributesCount: UInt32 = 0
    public init(timeUnixNano: UInt64, name: String, attributes: [KeyValue] = []) {
      self.timeUnixNano = timeUnixNano
      self.name = name
      self.attributes = attributes
    }
  }

  public struct Link: Sendable, Equatable {
    public var traceId: TraceId
    public var spanId: UInt64
    public var traceState = ""
    public var attributes: [KeyValue] = []
    public var droppedAttributesCount: UInt32 = 0
    public var flags: UInt32 = 0
    public init(traceId: TraceId, spanId: UInt64) {
      self.traceId = traceId
      self.spanId = spanId
    }
  }

  public struct Status: Sendable, Equatable {
    public var code = 0
    public var message = ""
    public init(code: Int = 0, message: String = "") {
      self.code = code
      self.message = message
    }
  }

  public struct KeyValue: Sendable, Equatable {
    public var key: String
    public var value: AnyValue
    public init(_ key: String, _ value: AnyValue) {
      self.key = key
      self.value = value
    }
  }

  public enum AnyValue: Sendable, Equatable {
    case string(String)
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case array([AnyValue])
    case kvlist([KeyValue])
    case bytes([UInt8])
    /// A value message with no member set.
    case none
  }
}

extension Model.AnyValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByFloatLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int64) { self = .int(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(floatLiteral value: Double) { self = .double(value) }
}
