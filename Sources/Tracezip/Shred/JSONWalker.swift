import Bytes
import OTLP

/// The containers that are open around a place between spans, outermost first: a nibble each. Small enough to be the
/// whole state with which a piece of a giant document begins.
struct JSONStack: Equatable, BitwiseCopyable, Sendable {
  enum Role: UInt64 {
    case none
    /// Objects and arrays around the OTLP message (Tempo's `{"trace":…}`), and the message itself.
    case object, array
    case resourceSpansArray, resourceSpans, scopeSpansArray, scopeSpans, spansArray

    var isArray: Bool {
      switch self {
      case .array, .resourceSpansArray, .scopeSpansArray, .spansArray: true
      case .none, .object, .resourceSpans, .scopeSpans: false
      }
    }
  }

  var bits: UInt64 = 0

  /// Containers around the message; deeper ones are no OTLP.
  static let outerLimit = 6

  var isEmpty: Bool { bits == 0 }
  var top: Role { Role(rawValue: bits & 15) ?? .none }
  var depth: Int { (67 - bits.leadingZeroBitCount) / 4 }
  mutating func push(_ role: Role) { bits = bits << 4 | role.rawValue }
  mutating func pop() { bits >>= 4 }
}

/// Goes through what stands around the spans, leaf by leaf. The grammar is judged here as far as it is needed to know
/// where things are.
struct JSONWalker {
  enum Event {
    /// A value that is kept as a leaf, quotes not included.
    case leaf(StepKind, Range<Int>, field: UInt32, value: UInt8, name: Range<Int>)
    /// A span starts here; `open` is its array's bracket where it is the first.
    case span(Int, open: Int)
    /// A value that is no OTLP starts here, outside of all containers.
    case foreign(Int)
    /// No JSON from here on, or JSON that is cut off.
    case malformed(Int)
    /// The outermost container has been closed.
    case closed
    /// The bytes end between two tokens.
    case end
  }

  var at: Int
  var stack: JSONStack
  /// The top container has no items yet.
  private var isFresh = false
  /// Bytes read to tell whether values are OTLP.
  var probed = 0

  init(at: Int = 0, stack: JSONStack = JSONStack()) {
    self.at = at
    self.stack = stack
  }

  /// Goes on at `at`, behind a value in the innermost of `stack`.
  mutating func move(to at: Int, stack: JSONStack) {
    self.at = at
    self.stack = stack
    isFresh = false
  }

  /// The next event; `at` is behind it, except for spans, which the caller reads and `move`s over.
  mutating func next(in bytes: ByteView) -> Event {
    while true {
      if stack.isEmpty {
        at = bytes.skippingSpace(from: at)
        if bytes.has(JSONWalker.byteOrderMark.view, at: at) { at = bytes.skippingSpace(from: at + 3) }
        guard at < bytes.count else { return .end }
        let probe = OTLPProbe.isOTLP(bytes, at)
        probed += probe.reach - at
        guard probe.found else { return .foreign(at) }
        stack.push(bytes[at] == UInt8(ascii: "[") ? .array : .object)
        isFresh = true
        at += 1
        continue
      }
      let role = stack.top
      at = bytes.skippingSpace(from: at)
      guard at < bytes.count else { return .end }
      if bytes[at] == UInt8(ascii: role.isArray ? "]" : "}") {
        stack.pop()
        isFresh = false
        at += 1
        if stack.isEmpty { return .closed }
        continue
      }
      let bracket = at - 1
      var item = at
      if !isFresh {
        guard bytes[at] == UInt8(ascii: ",") else { return .malformed(at) }
        item = bytes.skippingSpace(from: at + 1)
        guard item < bytes.count else { return .malformed(at) }
      }
      let event = role.isArray ? element(bytes, item, role, isFresh ? bracket : item) : member(bytes, item, role)
      if let event { return event }
    }
  }

  private static let byteOrderMark: StaticString = "\u{FEFF}"

  /// An element; nil where it was opened.
  private mutating func element(_ bytes: ByteView, _ item: Int, _ role: JSONStack.Role, _ open: Int) -> Event? {
    if bytes[item] == UInt8(ascii: "{") {
      switch role {
      case .spansArray:
        at = item
        return .span(item, open: open)
      case .resourceSpansArray: return enter(.resourceSpans, item)
      case .scopeSpansArray: return enter(.scopeSpans, item)
      default: if stack.depth < JSONStack.outerLimit { return enter(.object, item) }
      }
    } else if bytes[item] == UInt8(ascii: "["), role == .array, stack.depth < JSONStack.outerLimit {
      return enter(.array, item)
    }
    return leaf(bytes, item, field: 0, value: 5, name: item..<item)
  }

  private mutating func enter(_ role: JSONStack.Role, _ open: Int) -> Event? {
    stack.push(role)
    at = open + 1
    isFresh = true
    return nil
  }

  private mutating func leaf(
    _ bytes: ByteView, _ start: Int, field: UInt32, value: UInt8, name: Range<Int>
  ) -> Event {
    guard let end = bytes.skippingJSONValue(from: start) else { return .malformed(start) }
    isFresh = false
    at = end
    if bytes[start] == UInt8(ascii: "\"") {
      return .leaf(.jsonString, start + 1..<end - 1, field: field, value: value, name: name)
    }
    return .leaf(.jsonText, start..<end, field: field, value: value, name: name)
  }

  private mutating func member(_ bytes: ByteView, _ quote: Int, _ role: JSONStack.Role) -> Event? {
    guard bytes[quote] == UInt8(ascii: "\""), let end = bytes.jsonString(from: quote + 1)?.quote else {
      return .malformed(quote)
    }
    let colon = bytes.skippingSpace(from: end + 1)
    guard colon < bytes.count, bytes[colon] == UInt8(ascii: ":") else { return .malformed(quote) }
    let start = bytes.skippingSpace(from: colon + 1)
    guard start < bytes.count else { return .malformed(quote) }
    let isArray = bytes[start] == UInt8(ascii: "[")
    let isObject = bytes[start] == UInt8(ascii: "{")
    let outer = role == .object
    let name = bytes[quote + 1..<end]
    if isArray {
      if outer, OTLP.RecordKind.tracesData.field(named: name) != nil { return enter(.resourceSpansArray, start) }
      if outer || role == .resourceSpans, let field = OTLP.RecordKind.resourceSpans.field(named: name)?.number,
        field == 2 || field == 1000
      {
        return enter(.scopeSpansArray, start)
      }
      if outer || role == .scopeSpans, OTLP.RecordKind.scopeSpans.field(named: name)?.number == 2 {
        return enter(.spansArray, start)
      }
      if outer, stack.depth < JSONStack.outerLimit { return enter(.array, start) }
    } else if isObject {
      // Whole texts: the context of the spans below them.
      if outer || role == .resourceSpans, OTLP.RecordKind.resourceSpans.field(named: name)?.number == 1 {
        return leaf(bytes, start, field: 1, value: 1, name: start..<start)
      }
      if outer || role == .scopeSpans, OTLP.RecordKind.scopeSpans.field(named: name)?.number == 1 {
        return leaf(bytes, start, field: 1, value: 2, name: start..<start)
      }
      if outer, stack.depth < JSONStack.outerLimit { return enter(.object, start) }
    } else if role == .resourceSpans || role == .scopeSpans, OTLP.RecordKind.scopeSpans.field(named: name)?.number == 3
    {
      return leaf(bytes, start, field: 3, value: role == .resourceSpans ? 1 : 2, name: start..<start)
    }
    return leaf(bytes, start, field: 0, value: 4, name: end - quote <= 256 ? quote + 1..<end : start..<start)
  }
}

/// Looks for the member names of OTLP around the spans, before a value is taken apart.
enum OTLPProbe {
  /// Whether the value at `start` holds ResourceSpans or ScopeSpans not too deep inside, and how far that was read.
  static func isOTLP(_ bytes: ByteView, _ start: Int) -> (found: Bool, reach: Int) {
    let result = search(bytes, start, 1)
    return (result.found, result.end ?? bytes.count)
  }

  /// `end` is nil where the value is cut off or malformed.
  private static func search(_ bytes: ByteView, _ start: Int, _ depth: Int) -> (found: Bool, end: Int?) {
    guard start < bytes.count else { return (false, nil) }
    let isObject = bytes[start] == UInt8(ascii: "{")
    guard isObject || bytes[start] == UInt8(ascii: "["), depth < JSONStack.outerLimit else {
      return (false, bytes.skippingJSONValue(from: start))
    }
    let closing = UInt8(ascii: isObject ? "}" : "]")
    var at = bytes.skippingSpace(from: start + 1)
    while at < bytes.count, bytes[at] != closing {
      if isObject {
        guard bytes[at] == UInt8(ascii: "\""), let end = bytes.jsonString(from: at + 1)?.quote else {
          return (false, nil)
        }
        let colon = bytes.skippingSpace(from: end + 1)
        guard colon < bytes.count, bytes[colon] == UInt8(ascii: ":") else { return (false, nil) }
        let value = bytes.skippingSpace(from: colon + 1)
        guard value < bytes.count else { return (false, nil) }
        if bytes[value] == UInt8(ascii: "[") {
          let name = bytes[at + 1..<end]
          if OTLP.RecordKind.tracesData.field(named: name) != nil { return (true, value) }
          if let field = OTLP.RecordKind.resourceSpans.field(named: name)?.number, field == 2 || field == 1000 {
            return (true, value)
          }
        }
        at = value
      }
      let inner = search(bytes, at, depth + 1)
      guard !inner.found, let end = inner.end else { return inner }
      at = bytes.skippingSpace(from: end)
      guard at < bytes.count else { return (false, nil) }
      if bytes[at] == UInt8(ascii: ",") {
        at = bytes.skippingSpace(from: at + 1)
      } else if bytes[at] != closing {
        return (false, nil)
      }
    }
    return (false, at < bytes.count ? at + 1 : nil)
  }
}
