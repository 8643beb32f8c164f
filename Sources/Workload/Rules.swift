/// How an attribute's value comes about.
indirect enum ValueRule: Sendable {
  case constant(Model.AnyValue)
  /// One of these, the first ones most often.
  case pick([Model.AnyValue])
  case integer(ClosedRange<Int>)
  /// Few small values and a long tail.
  case size(Int)
  case double(ClosedRange<Double>, decimals: Int)
  /// A measurement with all its 53 bits.
  case ratio
  case flag(Double)
  case uuid
  case hex(Int)
  case ip
  case bytes(ClosedRange<Int>)
  case words(ClosedRange<Int>)
  case text([TextRule])
  case array(ValueRule, ClosedRange<Int>)
  case kvlist([AttributeRule])
  /// The trace's user, session, request or order: the same in each of its spans.
  case user, session, request, order
  /// 200 or an error's, as the span went.
  case httpStatus
  case threadId, threadName
}

/// A piece of a text with variables in it.
enum TextRule: Sendable, ExpressibleByStringLiteral {
  case literal(String)
  case number(ClosedRange<Int>)
  case word
  case uuid
  case hex(Int)
  case oneOf([String])
  case order
  init(stringLiteral value: String) { self = .literal(value) }
}

struct AttributeRule: Sendable {
  let key: String
  let value: ValueRule
  /// How often the attribute is there.
  let presence: Double
  init(_ key: String, _ value: ValueRule, _ presence: Double = 1) {
    self.key = key
    self.value = value
    self.presence = presence
  }
  init(_ key: String, _ value: Model.AnyValue) { self.init(key, .constant(value)) }
}

/// A call from one operation to another.
struct CallRule: Sendable {
  let operation: String
  let chance: Double
  let times: ClosedRange<Int>
  init(_ operation: String, _ chance: Double = 1, times: ClosedRange<Int> = 1...1) {
    self.operation = operation
    self.chance = chance
    self.times = times
  }
}

struct EventRule: Sendable {
  let name: String
  let chance: Double
  let attributes: [AttributeRule]
}

/// What a service does, as one span.
struct OperationRule: Sendable {
  let id: String
  let name: String
  let kind: Model.SpanKind
  /// Index into the service's scopes.
  let scope: Int
  /// Own time without the children's, at the median.
  let microseconds: Double
  let attributes: [AttributeRule]
  var calls: [CallRule] = []
  var events: [EventRule] = []
  var errors = 0.01
  /// Consumers link to the span that sent what they handle.
  var links = false
  /// The name is one of several.
  var names: [String] = []
}

struct ServiceRule: Sendable {
  let name: String
  let language: SDKLanguage
  let sdkVersion: String
  let instances: Int
  let scopes: [(name: String, version: String)]
  let schemaUrl: String
  let operations: [OperationRule]
}
