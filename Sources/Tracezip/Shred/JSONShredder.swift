import Bytes
import OTLP

/// What a field mostly holds. A string or text step on such a field does not take what has a better kind, so that one
/// oddity does not turn the field's values into strings from there on.
enum JSONExpected: UInt8 {
  case anything, id8, id16, unsigned, signed, double
}

/// JSON records -> templates and leaves.
///
/// A record is read by walking the span retrieval tree: the child taken last at a node is compared with the bytes at the
/// cursor first, then its siblings. A step that matches gives the same bytes when it is woven, whatever they mean, so
/// the walk needs no grammar. Where no child matches, the record is parsed from its start by the names of its members
/// (`JSONShredder+Parse.swift`), which adds the missing steps.
struct JSONShredder: ~Copyable {
  var bytes: ByteView
  /// Leaves of the records being walked, innermost last.
  var row = Buffer<UInt64>(capacity: 256)
  /// Set by `take` where the step taken ends its record.
  var ended = false
  /// The record that has just been found too odd to be taken apart.
  var opaque = 0..<0
  /// What stood between two records of each kind last, as a range of `bytes`: the guess for a run of one.
  var separators = [Range<Int>](repeating: 0..<0, count: RecordKind.allCases.count)

  init(_ bytes: ByteView) { self.bytes = bytes }

  private static let siblings = 32

  /// Shreds the record of `kind` at `start` into `block`; where it ends, or -1 where no whole record stands there and
  /// nothing was added.
  mutating func record(_ kind: RecordKind, _ start: Int, _ state: inout ShredState, _ block: inout Block) -> Int {
    let mark = row.count
    let events = block.events.mark
    let links = block.links.mark
    var node = Skeletons.root(kind)
    var at = start
    ended = false
    while true {
      let hot = Int(state.skeletons.trails[node].hot)
      var child = hot
      var next = hot < 0 ? -1 : take(hot, at, &state, &block)
      if next < 0 {
        child = Int(state.skeletons.nodes[node].firstChild)
        var tries = JSONShredder.siblings
        while child >= 0, tries > 0 {
          if child != hot {
            next = take(child, at, &state, &block)
            if next >= 0 { break }
          }
          child = Int(state.skeletons.nodes[child].nextSibling)
          tries &-= 1
        }
        if next < 0 { break }
        state.skeletons.trails[node].hot = Int32(truncatingIfNeeded: child)
        state.skeletons.bringForward(child, of: node)
      }
      node = child
      at = next
      if ended {
        ended = false
        finish(kind, node, mark, &state, &block)
        return at
      }
    }
    row.truncate(to: mark)
    block.events.truncate(to: events)
    block.links.truncate(to: links)
    let path = parse(kind, start, &state, &block)
    ended = false
    if path.end >= 0 {
      finish(kind, path.node, mark, &state, &block)
    } else {
      row.truncate(to: mark)
      block.events.truncate(to: events)
      block.links.truncate(to: links)
    }
    return path.end
  }

  @inline(__always)
  private mutating func finish(
    _ kind: RecordKind, _ node: Int, _ mark: Int, _ state: inout ShredState, _ block: inout Block
  ) {
    let template = state.skeletons.template(at: node, record: kind)
    block.append(kind, template: template, row: row, from: mark)
    row.truncate(to: mark)
  }

  /// Matches the step at `node` with the bytes at `at`: pushes its leaf and returns where it ends, or -1.
  @inline(__always)
  mutating func take(_ node: Int, _ at: Int, _ state: inout ShredState, _ block: inout Block) -> Int {
    let n = state.skeletons.nodes[node]
    if n.kind == .jsonRun { return takeRun(state.skeletons.steps[Int(n.step)], at, &state, &block) }
    let from = at &+ Int(n.literalCount)
    guard from <= bytes.count,
      state.skeletons.literals.view.matches(Int(n.literalAt), Int(n.literalCount), bytes, at)
    else { return -1 }
    switch n.kind {
    case .jsonString:
      // Text without an unescaped quote in it, and then a quote: the same string.
      if n.lastString != .max {
        let end = from &+ Int(n.lastCount)
        if end < bytes.count, bytes.unchecked(end) == 0x22,
          state.strings.matches(Int(n.lastAt), Int(n.lastCount), bytes, from)
        {
          row.append(UInt64(n.lastString))
          return end
        }
      }
      let end = takeString(state.skeletons.steps[Int(n.step)].level, from, .max, &state)
      if end >= 0 { state.noteString(row[row.count &- 1], at: node) }
      return end
    case .jsonUnsigned:
      guard let v = bytes.decimal(from: from), bytes.endsScalar(at: v.next) else { return -1 }
      row.append(v.value)
      return v.next
    case .jsonInteger:
      guard let v = bytes.signedDecimal(from: from), bytes.endsScalar(at: v.next) else { return -1 }
      row.append(v.value)
      return v.next
    case .jsonId8:
      guard let value = bytes.lowerHex8(at: from), quoted(from &+ 16) else { return -1 }
      row.append(value.byteSwapped)
      return from &+ 16
    case .jsonId16:
      guard let first = bytes.lowerHex8(at: from), let second = bytes.lowerHex8(at: from &+ 16), quoted(from &+ 32)
      else { return -1 }
      row.append(first.byteSwapped)
      row.append(second.byteSwapped)
      return from &+ 32
    case .jsonEnd:
      ended = true
      return from
    case .jsonText:
      let end = takeText(state.skeletons.steps[Int(n.step)].level, from, n.lastString, &state)
      if end >= 0 { state.noteString(row[row.count &- 1], at: node) }
      return end
    default:
      return takeRare(state.skeletons.steps[Int(n.step)], from, &state)
    }
  }

  /// As `take`, for a step of the spine; `string` is the id of its last string.
  mutating func take(
    _ step: Step, _ at: Int, _ string: inout UInt32, _ state: inout ShredState, _ block: inout Block
  ) -> Int {
    if step.kind == .jsonRun { return takeRun(step, at, &state, &block) }
    let literal = state.skeletons.literal(step)
    guard bytes.has(literal, at: at) else { return -1 }
    let from = at &+ literal.count
    let end =
      step.kind == .jsonString
      ? takeString(step.level, from, string, &state)
      : step.kind == .jsonText ? takeText(step.level, from, string, &state) : -1
    if end >= 0 { string = UInt32(truncatingIfNeeded: row[row.count &- 1]) }
    return end
  }

  /// The kinds that few records have, behind their literal.
  @inline(never)
  private mutating func takeRare(_ step: Step, _ from: Int, _ state: inout ShredState) -> Int {
    switch step.kind {
    case .jsonUpperId8:
      guard let v = bytes.hex8(at: from), v.letters != .lower, quoted(from &+ 16) else { return -1 }
      row.append(v.value.byteSwapped)
      return from &+ 16
    case .jsonUpperId16:
      guard let v = bytes.hex16(at: from), v.letters != .lower, quoted(from &+ 32) else { return -1 }
      row.append(v.first.byteSwapped)
      row.append(v.second.byteSwapped)
      return from &+ 32
    case .jsonBool:
      let value = from < bytes.count && bytes.unchecked(from) == UInt8(ascii: "t")
      let next = from &+ (value ? 4 : 5)
      guard bytes.has((value ? "true" as StaticString : "false").view, at: from), bytes.endsScalar(at: next) else {
        return -1
      }
      row.append(value ? 1 : 0)
      return next
    case .jsonDouble:
      guard let style = DoubleStyle(rawValue: step.width1) else { return -1 }
      if let v = bytes.plainDouble(from: from, style: style) {
        row.append(v.value.bitPattern)
        return v.next
      }
      guard let end = bytes.skippingScalar(from: from), let value = bytes[from..<end].double(style: style) else {
        return -1
      }
      row.append(value.bitPattern)
      return end
    case .jsonBase64Id8: return takeBase64(8, from)
    case .jsonBase64Id16: return takeBase64(16, from)
    case .jsonRecord:
      // Only what a parse has just found; never by guess.
      guard opaque.lowerBound == from, !opaque.isEmpty else { return -1 }
      row.append(state.string(bytes[opaque]))
      ended = true
      return opaque.upperBound
    default:
      return -1
    }
  }

  @inline(__always)
  private func quoted(_ at: Int) -> Bool { at < bytes.count && bytes.unchecked(at) == 0x22 }

  /// The string whose first byte is at `from`, `last` being the id of the step's last one.
  @inline(never)
  private mutating func takeString(_ level: UInt8, _ from: Int, _ last: UInt32, _ state: inout ShredState) -> Int {
    if last != .max, state.interns {
      let text = state.strings.view(Int(last))
      let end = from &+ text.count
      if end < bytes.count, bytes.unchecked(end) == 0x22, bytes.has(text, at: from) {
        row.append(UInt64(last))
        return end
      }
    }
    guard let end = bytes.jsonString(from: from) else { return -1 }
    let text = bytes[from..<end.quote]
    if level != 0, isTyped(text, level) { return -1 }
    row.append(state.string(text))
    return end.quote
  }

  /// As `takeString`, for a value that is no string.
  @inline(never)
  private mutating func takeText(_ level: UInt8, _ from: Int, _ last: UInt32, _ state: inout ShredState) -> Int {
    guard from < bytes.count, bytes.unchecked(from) != 0x22 else { return -1 }
    let opens = bytes.unchecked(from) == UInt8(ascii: "{") || bytes.unchecked(from) == UInt8(ascii: "[")
    // A container whose bytes stand here again ends where it ended.
    if last != .max, state.interns {
      let text = state.strings.view(Int(last))
      if bytes.has(text, at: from), opens || bytes.endsScalar(at: from &+ text.count) {
        row.append(UInt64(last))
        return from &+ text.count
      }
    }
    guard let end = bytes.skippingJSONValue(from: from) else { return -1 }
    let text = bytes[from..<end]
    if level != 0, !opens, isTyped(text, level) || text.double() != nil { return -1 }
    row.append(state.string(text))
    return end
  }

  @inline(never)
  private mutating func takeBase64(_ count: Int, _ from: Int) -> Int {
    let width = (count &+ 2) / 3 * 4
    guard from &+ width < bytes.count, quoted(from &+ width) else { return -1 }
    var id = Buffer<UInt8>(capacity: 24)
    guard bytes[from..<from &+ width].base64Decode(into: &id), id.count == count else { return -1 }
    for word in 0..<count / 8 { row.append(id.view.load(UInt64.self, at: word * 8).byteSwapped) }
    return from &+ width
  }

  /// Consecutive records with the same bytes between them. Ends before a record that cannot be read.
  @inline(never)
  private mutating func takeRun(_ step: Step, _ start: Int, _ state: inout ShredState, _ block: inout Block) -> Int {
    let headCount = Int(step.literalCount) &- Int(step.tagCount)
    guard bytes.has(state.skeletons.literal(step)[0..<headCount], at: start) else { return -1 }
    var at = child(step.child, start &+ headCount, &state, &block)
    if at < 0 { return -1 }
    var count: UInt64 = 1
    while true {
      // The literals move when the tree grows.
      let separator = state.skeletons.literal(step)[headCount..<Int(step.literalCount)]
      let next = at &+ separator.count
      guard bytes.has(separator, at: at), next < bytes.count, bytes.unchecked(next) == UInt8(ascii: "{") else { break }
      let end = child(step.child, next, &state, &block)
      if end < 0 { break }
      at = end
      count &+= 1
    }
    row.append(count)
    return at
  }

  /// A record of a run; spans that have stood in the block before become references.
  @inline(__always)
  private mutating func child(_ kind: RecordKind, _ start: Int, _ state: inout ShredState, _ block: inout Block) -> Int
  {
    if kind != .span || !state.duplicates.isOn { return record(kind, start, &state, &block) }
    let spans = block.spans.mark
    let events = block.events.mark
    let links = block.links.mark
    let end = record(kind, start, &state, &block)
    if end >= 0, let back = state.duplicates.find(bytes[start..<end]) {
      block.spans.truncate(to: spans)
      block.events.truncate(to: events)
      block.links.truncate(to: links)
      let mark = row.count
      row.append(UInt64(back))
      block.append(.span, template: state.duplicateTemplate(), row: row, from: mark)
      row.truncate(to: mark)
    }
    return end
  }

  /// Whether `text` has the kind that the field mostly holds.
  func isTyped(_ text: ByteView, _ expected: UInt8) -> Bool {
    switch JSONExpected(rawValue: expected) {
    case .id8: JSONShredder.idKind(text, .id8) != nil
    case .id16: JSONShredder.idKind(text, .id16) != nil
    case .unsigned, .double: text.canonicalUnsigned() != nil
    case .signed: text.canonicalSigned() != nil
    case .anything, nil: false
    }
  }

  /// The kind of an id's text; nil for none.
  static func idKind(_ text: ByteView, _ expected: JSONExpected) -> StepKind? {
    let isTrace = expected == .id16
    switch text.count {
    case 16 where !isTrace:
      return text.hex8(at: 0).map { $0.letters == .upper ? .jsonUpperId8 : .jsonId8 }
    case 32 where isTrace:
      return text.hex16(at: 0).map { $0.letters == .upper ? .jsonUpperId16 : .jsonId16 }
    case 12 where !isTrace, 24 where isTrace:
      var id = Buffer<UInt8>(capacity: 24)
      guard text.base64Decode(into: &id), id.count == (isTrace ? 16 : 8) else { return nil }
      return isTrace ? .jsonBase64Id16 : .jsonBase64Id8
    default: return nil
    }
  }
}
