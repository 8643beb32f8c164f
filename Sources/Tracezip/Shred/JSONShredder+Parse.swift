import Bytes
import OTLP

/// Parsing a record that the tree does not know yet: members are told by their names, leaves get the columns that the
/// same fields have in protobuf, and everything between two leaves is literal.
extension JSONShredder {
  /// A way through the tree that is being added to.
  struct Path {
    var kind: RecordKind
    var node: Int
    /// Where the literal of the next step starts.
    var from: Int
    var steps = 0
    /// Something did not fit a step: the record is to be kept whole.
    var isOpaque = false
    var end = -1
  }

  /// The OTLP path of a value.
  private struct Place {
    var field: UInt32
    var value: UInt8 = 0
    var name = ByteView.empty
  }

  private static let literalLimit = 4096
  private static let stepLimit = 4096

  /// Parses the record at `start`; `end` is -1 where it is malformed or cut off.
  @inline(never)
  mutating func parse(_ kind: RecordKind, _ start: Int, _ state: inout ShredState, _ block: inout Block) -> Path {
    let mark = row.count
    let events = block.events.mark
    let links = block.links.mark
    var path = Path(kind: kind, node: Skeletons.root(kind), from: start)
    guard start < bytes.count, bytes[start] == UInt8(ascii: "{") else { return path }
    let message: OTLP.RecordKind = kind == .event ? .event : kind == .link ? .link : .span
    let end = members(of: message, start, within: nil, &path, &state, &block)
    if end < 0 { return path }
    emit(Step(kind: .jsonEnd, record: kind), end, end, &path, &state, &block)
    if path.isOpaque {
      row.truncate(to: mark)
      block.events.truncate(to: events)
      block.links.truncate(to: links)
      path = Path(kind: kind, node: Skeletons.root(kind), from: start)
      opaque = start..<end
      var step = Step(kind: .jsonRecord, record: kind)
      step.column = state.skeletons.column(kind, field: 0, value: 0, name: .empty)
      emit(step, start, end, &path, &state, &block)
      opaque = 0..<0
    }
    path.end = end
    return path
  }

  /// Adds a step whose leaf is `start..<end` and walks it.
  private mutating func emit(
    _ step: Step, _ start: Int, _ end: Int, _ path: inout Path, _ state: inout ShredState, _ block: inout Block
  ) {
    if path.isOpaque { return }
    guard start - path.from <= JSONShredder.literalLimit, path.steps < JSONShredder.stepLimit,
      !state.skeletons.isFull || step.kind == .jsonRecord
    else {
      path.isOpaque = true
      return
    }
    let id = state.skeletons.intern(step, literal: bytes[path.from..<start])
    walk(id, end, &path, &state, &block)
  }

  private mutating func walk(
    _ step: Int, _ end: Int, _ path: inout Path, _ state: inout ShredState, _ block: inout Block
  ) {
    let child = state.skeletons.child(of: path.node, by: step)
    let next = take(child, path.from, &state, &block)
    // What does not read itself back as it was parsed is kept whole.
    guard next >= 0, end < 0 || next == end else {
      path.isOpaque = true
      return
    }
    state.skeletons.trails[path.node].hot = Int32(truncatingIfNeeded: child)
    path.node = child
    path.from = next
    path.steps += 1
  }

  private mutating func leaf(
    _ kind: StepKind, _ place: Place, _ start: Int, _ end: Int, expected: JSONExpected = .anything,
    style: UInt8 = 0, _ path: inout Path, _ state: inout ShredState, _ block: inout Block
  ) {
    if path.isOpaque { return }
    var step = Step(kind: kind, record: path.kind)
    step.level = expected.rawValue
    step.width1 = style
    // A column holds strings or numbers: what is not as usual for the field has a column beside it.
    let isOdd = (kind.leaf == .string) == JSONShredder.holdsNumbers(path.kind, place.field, place.value)
    step.column = state.skeletons.column(
      path.kind, field: place.field, value: place.value | (isOdd ? 0x80 : 0), name: place.name)
    emit(step, start, end, &path, &state, &block)
  }

  /// What stands after a member's name: where its value starts, or -1.
  private func colon(_ quote: Int) -> Int {
    let at = bytes.skippingSpace(from: quote + 1)
    guard at < bytes.count, bytes[at] == UInt8(ascii: ":") else { return -1 }
    let value = bytes.skippingSpace(from: at + 1)
    return value < bytes.count ? value : -1
  }

  /// Steps over a comma to the next item, or over the closing bracket: where to go on, and whether that was the end.
  private func separator(_ end: Int, _ closing: UInt8) -> (at: Int, isEnd: Bool)? {
    let at = bytes.skippingSpace(from: end)
    guard at < bytes.count else { return nil }
    if bytes[at] == closing { return (at + 1, true) }
    guard bytes[at] == UInt8(ascii: ",") else { return nil }
    return (bytes.skippingSpace(from: at + 1), false)
  }

  /// The members of the object at `open`, a message of `kind`. `within` names the place whose values are found in it,
  /// for messages that have no rows of their own. Returns where it ends, or -1.
  private mutating func members(
    of kind: OTLP.RecordKind, _ open: Int, within: Place?, _ path: inout Path, _ state: inout ShredState,
    _ block: inout Block
  ) -> Int {
    var at = bytes.skippingSpace(from: open + 1)
    guard at < bytes.count else { return -1 }
    if bytes[at] == UInt8(ascii: "}") { return at + 1 }
    while true {
      guard at < bytes.count, bytes[at] == UInt8(ascii: "\""), let end = bytes.jsonString(from: at + 1) else {
        return -1
      }
      let name = bytes[at + 1..<end.quote]
      let value = colon(end.quote)
      if value < 0 { return -1 }
      let field = kind.field(named: name)
      var place = Place(field: field?.number ?? 0)
      if field == nil { place.name = name }
      if let within {
        place = within
        place.value = UInt8(truncatingIfNeeded: field?.number ?? 0)
        if field == nil, within.name.isEmpty { place.name = name }
      }
      let next: Int
      if kind == .keyValue, field?.number == 1 {
        // The key names the column and is literal.
        next = bytes.skippingJSONValue(from: value) ?? -1
      } else {
        next = self.value(field, place, value, &path, &state, &block)
      }
      guard next >= 0, let after = separator(next, UInt8(ascii: "}")) else { return -1 }
      if after.isEnd { return after.at }
      at = after.at
    }
  }

  private mutating func value(
    _ field: Field?, _ place: Place, _ at: Int, _ path: inout Path, _ state: inout ShredState, _ block: inout Block
  ) -> Int {
    switch bytes[at] {
    case UInt8(ascii: "\""):
      guard let end = bytes.jsonString(from: at + 1)?.quote else { return -1 }
      let text = bytes[at + 1..<end]
      var kind = StepKind.jsonString
      let expected = JSONShredder.expected(field?.type)
      switch expected {
      case .id8, .id16:
        if text.isEmpty { return end + 1 }
        kind = JSONShredder.idKind(text, expected) ?? .jsonString
      case .unsigned: if text.canonicalUnsigned() != nil { kind = .jsonUnsigned }
      case .signed: if text.canonicalSigned() != nil { kind = .jsonInteger }
      case .anything, .double: break
      }
      leaf(kind, place, at + 1, end, expected: kind == .jsonString ? expected : .anything, &path, &state, &block)
      return end + 1
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      let inner = bytes.skippingSpace(from: at + 1)
      guard inner < bytes.count else { return -1 }
      let isObject = bytes[at] == UInt8(ascii: "{")
      if bytes[inner] == UInt8(ascii: isObject ? "}" : "]") { return inner + 1 }
      if let field, case .message(let message) = field.type {
        switch (message, isObject) {
        case (.status, true), (.anyValue, true):
          return members(of: message, at, within: place, &path, &state, &block)
        case (.keyValue, false), (.event, false), (.link, false):
          return elements(of: message, at, inner, place, &path, &state, &block)
        default: break
        }
      }
      guard let end = bytes.skippingJSONValue(from: at) else { return -1 }
      leaf(.jsonText, place, at, end, &path, &state, &block)
      return end
    default:
      guard let end = bytes.skippingScalar(from: at) else { return -1 }
      let text = bytes[at..<end]
      if ("null" as StaticString).equals(text) { return end }
      if ("true" as StaticString).equals(text) || ("false" as StaticString).equals(text) {
        leaf(.jsonBool, place, at, end, &path, &state, &block)
        return end
      }
      let expected = JSONShredder.expected(field?.type)
      if expected == .double {
        if let number = text.double() {
          leaf(.jsonDouble, place, at, end, style: number.style.rawValue, &path, &state, &block)
          return end
        }
      } else if expected == .unsigned, text.canonicalUnsigned() != nil {
        leaf(.jsonUnsigned, place, at, end, &path, &state, &block)
        return end
      } else if text.canonicalSigned() != nil {
        leaf(.jsonInteger, place, at, end, &path, &state, &block)
        return end
      }
      leaf(.jsonText, place, at, end, expected: expected, &path, &state, &block)
      return end
    }
  }

  /// The elements of the array at `open`: records in runs, attributes one by one, anything else as it is.
  private mutating func elements(
    of kind: OTLP.RecordKind, _ open: Int, _ first: Int, _ place: Place, _ path: inout Path, _ state: inout ShredState,
    _ block: inout Block
  ) -> Int {
    var at = first
    while true {
      guard at < bytes.count else { return -1 }
      var next: Int
      if bytes[at] != UInt8(ascii: "{") {
        next = value(nil, place, at, &path, &state, &block)
      } else if kind == .keyValue {
        var named = place
        named.name = key(at) ?? .empty
        next = members(of: .keyValue, at, within: named, &path, &state, &block)
      } else if path.isOpaque {
        next = bytes.skippingJSONValue(from: at) ?? -1
      } else {
        next = run(kind == .event ? .event : .link, open, at, place, &path, &state, &block)
      }
      guard next >= 0, let after = separator(next, UInt8(ascii: "]")) else { return -1 }
      if after.isEnd { return after.at }
      at = after.at
    }
  }

  /// A run of records from the one at `first` on.
  private mutating func run(
    _ child: RecordKind, _ open: Int, _ first: Int, _ place: Place, _ path: inout Path, _ state: inout ShredState,
    _ block: inout Block
  ) -> Int {
    guard let end = bytes.skippingJSONValue(from: first) else { return -1 }
    guard
      let step = runStep(
        Step(kind: .jsonRun, record: path.kind, child: child), place.field, path.from, open, first, end, &state)
    else {
      path.isOpaque = true
      return end
    }
    walk(step, -1, &path, &state, &block)
    return path.isOpaque ? end : path.from
  }

  /// The step of a run whose first record is `first..<end`; nil where its literals are too long.
  mutating func runStep(
    _ template: Step, _ field: UInt32, _ from: Int, _ open: Int, _ first: Int, _ end: Int, _ state: inout ShredState
  ) -> Int? {
    var step = template
    // What stands between the first two, or most likely would.
    let kind = Int(step.child.rawValue)
    var literal = Buffer<UInt8>()
    literal.append(bytes[from..<first])
    if let second = separator(end, UInt8(ascii: "]")), !second.isEnd {
      separators[kind] = end..<second.at
      literal.append(bytes[end..<second.at])
    } else if !separators[kind].isEmpty {
      literal.append(bytes[separators[kind]])
    } else {
      literal.append(UInt8(ascii: ","))
      if first > open, bytes[open] == UInt8(ascii: "[") { literal.append(bytes[open + 1..<first]) }
    }
    let count = literal.count - (first - from)
    guard count <= 255, first - from <= JSONShredder.literalLimit else { return nil }
    step.tagCount = UInt8(count)
    step.column = state.skeletons.column(
      step.record, field: field, value: step.record == .spine ? 2 : 0, name: .empty)
    return state.skeletons.intern(step, literal: literal.view)
  }

  /// The key of the KeyValue at `open`, wherever in it the key stands.
  private func key(_ open: Int) -> ByteView? {
    var at = bytes.skippingSpace(from: open + 1)
    while at < bytes.count, bytes[at] == UInt8(ascii: "\""), let end = bytes.jsonString(from: at + 1) {
      let value = colon(end.quote)
      if value < 0 { return nil }
      if ("key" as StaticString).equals(bytes[at + 1..<end.quote]) {
        guard bytes[value] == UInt8(ascii: "\""), let text = bytes.jsonString(from: value + 1) else { return nil }
        return text.quote - value <= 1024 ? bytes[value + 1..<text.quote] : nil
      }
      guard let next = bytes.skippingJSONValue(from: value), let after = separator(next, UInt8(ascii: "}")),
        !after.isEnd
      else { return nil }
      at = after.at
    }
    return nil
  }

  /// Whether a column of the record has numbers or ids as a rule.
  private static func holdsNumbers(_ kind: RecordKind, _ field: UInt32, _ value: UInt8) -> Bool {
    let message: OTLP.RecordKind = kind == .event ? .event : kind == .link ? .link : .span
    guard let type = message.field(number: field)?.type else { return false }
    switch type {
    case .string, .bytes: return false
    case .message(.keyValue): return 2...4 ~= value
    case .message(.status): return value == 3
    // How many there are in a run.
    case .message(.event), .message(.link): return true
    case .message: return false
    case .id8, .id16, .time, .bool, .uint32, .int64, .int32, .fixed32, .enumeration, .double: return true
    }
  }

  private static func expected(_ type: ValueType?) -> JSONExpected {
    switch type {
    case .id8: .id8
    case .id16: .id16
    case .time, .uint32, .fixed32, .enumeration: .unsigned
    case .int64, .int32: .signed
    case .double: .double
    case .bool, .string, .bytes, .message, nil: .anything
    }
  }
}
