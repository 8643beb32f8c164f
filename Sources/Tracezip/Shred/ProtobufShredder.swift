import Bytes

/// Protobuf records -> templates and leaves. Nothing is refused: what makes no sense stays as an opaque leaf in its
/// place.
///
/// A record is read by walking the span retrieval tree from its kind's root: the child taken last at this node is
/// compared with the bytes at the cursor first, then a few siblings, and only then is the field parsed by its tag.
struct ProtobufShredder: ~Copyable {
  let bytes: ByteView
  /// Leaves of the records being walked, innermost last.
  private var row = Buffer<UInt64>(capacity: 256)
  /// The literal of an attribute that is being parsed.
  var head = Buffer<UInt8>()

  init(_ bytes: ByteView) { self.bytes = bytes }

  /// Shreds the record of `kind` in `start..<end` into `block`.
  mutating func record(
    _ kind: RecordKind, _ start: Int, _ end: Int, _ state: inout ShredState, _ block: inout Block
  ) {
    let mark = row.count
    var node = Skeletons.root(kind)
    var at = start
    while at < end {
      var hot = Int(state.skeletons.trails[node].hot)
      if hot >= 0 {
        let trail = state.skeletons.trails[hot]
        if trail.fixed != .none {
          let next = takeFixed(trail, at, end)
          if next > at {
            node = hot
            at = next
            continue
          }
        } else if trail.length != 0, trail.start >= state.position, at &+ Int(trail.length) <= end,
          endsAlike(trail, at, state)
        {
          let again = repeats(trail, &node, &hot, at, end, &state)
          if again > at {
            at = again
            continue
          }
        }
        var next = takeShort(hot, at, end, &state)
        if next == Self.unsure { next = take(hot, at, end, &state, &block) }
        if next > at {
          note(hot, trail, at, next, &state)
          node = hot
          at = next
          continue
        }
      }
      // A few siblings, the last ones taken first; then the tag.
      var child = Int(state.skeletons.nodes[node].firstChild)
      var tries = 6
      var next = -1
      while child >= 0, tries > 0 {
        if child != hot {
          next = takeShort(child, at, end, &state)
          if next == Self.unsure { next = take(child, at, end, &state, &block) }
          if next > at { break }
        }
        child = Int(state.skeletons.nodes[child].nextSibling)
        tries &-= 1
      }
      if next <= at {
        let step = parse(kind, at, end, &state.skeletons)
        child = state.skeletons.child(of: node, by: step)
        next = take(child, at, end, &state, &block)
        precondition(next > at, "a step just parsed must match")
      }
      state.skeletons.bringForward(child, of: node)
      state.skeletons.trails[node].hot = Int32(truncatingIfNeeded: child)
      note(child, state.skeletons.trails[child], at, next, &state)
      node = child
      at = next
    }
    let template = state.skeletons.template(at: node, record: kind)
    block.append(kind, template: template, row: row, from: mark)
    row.truncate(to: mark)
  }

  /// Takes an id or a time; -1 where the bytes are of another step.
  @inline(__always)
  private mutating func takeFixed(_ trail: Skeletons.Trail, _ at: Int, _ end: Int) -> Int {
    let from = at &+ Int(trail.literalCount)
    let next = from &+ (trail.fixed == .id16 ? 16 : 8)
    let mask = UInt64.max &>> (64 &- 8 &* UInt64(trail.literalCount))
    guard next <= end, (bytes.load(UInt64.self, at: at) ^ trail.head) & mask == 0 else { return -1 }
    let word = bytes.load(UInt64.self, at: from)
    row.append(trail.fixed == .word ? word : word.byteSwapped)
    if trail.fixed == .id16 { row.append(bytes.load(UInt64.self, at: from &+ 8).byteSwapped) }
    return next
  }

  /// Whether the step's last bytes are those of the record before: most steps that differ do so there.
  @inline(__always)
  private func endsAlike(_ trail: Skeletons.Trail, _ at: Int, _ state: borrowing ShredState) -> Bool {
    guard trail.length >= 4 else { return true }
    let last = Int(trail.length) &- 4
    let before = Int(trail.start &- state.position)
    return bytes.load(UInt32.self, at: at &+ last) == bytes.load(UInt32.self, at: before &+ last)
  }

  /// Takes the steps whose bytes are those of the record before that came this way: one comparison for all of them.
  /// `first` is the trail at `hot`, of this chunk and not too long. `node` and `hot` move on; returns where the last of
  /// them ends.
  @inline(__always)
  private mutating func repeats(
    _ first: Skeletons.Trail, _ node: inout Int, _ hot: inout Int, _ start: Int, _ end: Int, _ state: inout ShredState
  ) -> Int {
    var trail = first
    let before = Int(trail.start &- state.position)
    let same = start &+ bytes.commonPrefix(start, before, end &- start)
    // How much further on this record stands.
    let shift = UInt32(truncatingIfNeeded: start &- before)
    var at = start
    while at &+ Int(trail.length) <= same {
      if trail.words != 0 { row.append(UInt64(trail.leaf)) }
      at &+= Int(trail.length)
      let place = trail.start &+ shift
      state.skeletons.trails[hot].start = place
      node = hot
      hot = Int(trail.hot)
      if hot < 0 { break }
      let ends = place &+ trail.length
      trail = state.skeletons.trails[hot]
      if trail.length == 0 || trail.start &+ shift != ends { break }
    }
    return at
  }

  /// Remembers where the step at `node` stood, if equal bytes will always mean the same leaf.
  @inline(__always)
  private func note(_ node: Int, _ trail: Skeletons.Trail, _ at: Int, _ next: Int, _ state: inout ShredState) {
    guard trail.repeats, state.interns else { return }
    let leaf = trail.words == 0 ? 0 : row[row.count &- 1]
    state.skeletons.trails[node].stands(
      at: state.position &+ UInt32(truncatingIfNeeded: at),
      length: leaf > UInt64(UInt32.max) ? 0 : UInt32(truncatingIfNeeded: next &- at),
      leaf: UInt32(truncatingIfNeeded: leaf))
  }

  /// A span equal to the one `back` spans before it.
  mutating func duplicate(_ back: Int, _ state: inout ShredState, _ block: inout Block) {
    var step = Step(kind: .duplicate, record: .span)
    step.column = state.skeletons.column(.span, field: 0, value: 1, name: .empty)
    let node = state.skeletons.child(of: Skeletons.root(.span), by: state.skeletons.intern(step, literal: .empty))
    let mark = row.count
    row.append(UInt64(back))
    block.append(.span, template: state.skeletons.template(at: node, record: .span), row: row, from: mark)
    row.truncate(to: mark)
  }

  /// A varint in the width a step wants: shortest for 0, else exactly `width` bytes.
  @inline(__always)
  private func varint(_ at: Int, _ end: Int, _ width: UInt8) -> (value: UInt64, next: Int)? {
    if width == 0, at < end {
      let first = bytes.unchecked(at)
      if first < 0x80 { return (UInt64(first), at &+ 1) }
    }
    guard let v = bytes.varint(at: at), at &+ v.width <= end else { return nil }
    if width == 0 ? v.width != varintWidth(v.value) : v.width != Int(width) { return nil }
    return (v.value, at &+ v.width)
  }

  /// A length that leaves its content inside `end`.
  @inline(__always)
  private func length(_ at: Int, _ end: Int, _ width: UInt8) -> (count: Int, next: Int)? {
    guard let v = varint(at, end, width), v.value <= UInt64(end &- v.next) else { return nil }
    return (Int(truncatingIfNeeded: v.value), v.next)
  }

  /// What `takeShort` returns where `take` must tell.
  private static var unsure: Int { -2 }

  /// The common steps with one-byte lengths; -1 where the bytes are of another step.
  @inline(__always)
  private mutating func takeShort(_ node: Int, _ at: Int, _ end: Int, _ state: inout ShredState) -> Int {
    let n = state.skeletons.nodes[node]
    let count = Int(n.literalCount)
    let from = at &+ count
    switch n.kind {
    case .attributeString:
      // tag, L1, key literal, L2, 0A, L3, string: all of it but the string must lie inside `end`.
      guard n.isShort, n.tagCount == 1, from &+ 4 <= end else { return Self.unsure }
      let outer = Int(bytes.unchecked(at &+ 1))
      guard outer < 128 else { return Self.unsure }
      guard state.skeletons.literals.view.matchesTagged(Int(n.literalAt), count, bytes, at) else { return -1 }
      let inner = Int(bytes.unchecked(from &+ 1))
      let text = Int(bytes.unchecked(from &+ 3))
      let stop = at &+ 2 &+ outer
      guard inner == text &+ 2, outer == count &+ inner, bytes.unchecked(from &+ 2) == 0x0A, stop <= end else {
        return Self.unsure
      }
      row.append(state.string(bytes[from &+ 4..<stop], at: node))
      return stop
    case .attributeVarint:
      guard n.isShort, n.tagCount == 1, from &+ 4 <= end else { return Self.unsure }
      let outer = Int(bytes.unchecked(at &+ 1))
      guard outer < 128 else { return Self.unsure }
      guard state.skeletons.literals.view.matchesTagged(Int(n.literalAt), count, bytes, at) else { return -1 }
      let inner = Int(bytes.unchecked(from &+ 1))
      let stop = at &+ 2 &+ outer
      guard outer == count &+ inner, bytes.unchecked(from &+ 2) == 0x18, stop <= end,
        let (value, next) = varint(from &+ 3, stop, 0), next == stop
      else { return Self.unsure }
      row.append(value)
      return stop
    case .fixed64:
      guard from &+ 8 <= end, matches(n, at, state) else { return -1 }
      row.append(bytes.load(UInt64.self, at: from))
      return from &+ 8
    case .id8:
      guard from &+ 8 <= end, matches(n, at, state) else { return -1 }
      row.append(bytes.load(UInt64.self, at: from).byteSwapped)
      return from &+ 8
    case .id16:
      guard from &+ 16 <= end, matches(n, at, state) else { return -1 }
      row.append(bytes.load(UInt64.self, at: from).byteSwapped)
      row.append(bytes.load(UInt64.self, at: from &+ 8).byteSwapped)
      return from &+ 16
    case .literal:
      guard from <= end, matches(n, at, state) else { return -1 }
      return from
    case .varint:
      guard from < end else { return Self.unsure }
      guard matches(n, at, state) else { return -1 }
      guard n.isShort, bytes.unchecked(from) < 128 else { return Self.unsure }
      row.append(UInt64(bytes.unchecked(from)))
      return from &+ 1
    case .bytes:
      guard from < end else { return Self.unsure }
      guard matches(n, at, state) else { return -1 }
      guard n.isShort, n.tagCount == 0, bytes.unchecked(from) < 128 else { return Self.unsure }
      let stop = from &+ 1 &+ Int(bytes.unchecked(from))
      guard stop <= end else { return Self.unsure }
      row.append(state.string(bytes[from &+ 1..<stop], at: node))
      return stop
    default: return Self.unsure
    }
  }

  @inline(__always)
  private func matches(_ n: Skeletons.Node, _ at: Int, _ state: borrowing ShredState) -> Bool {
    state.skeletons.literals.view.matches(Int(n.literalAt), Int(n.literalCount), bytes, at)
  }

  /// A KeyValue with the step's key at `at`: where its AnyValue begins and where both end.
  @inline(__always)
  private func keyValue(_ step: Step, _ literal: ByteView, _ at: Int, _ end: Int) -> (value: Int, stop: Int)? {
    let tagCount = Int(step.tagCount)
    guard bytes.has(literal[0..<tagCount], at: at), let outer = length(at &+ tagCount, end, step.width1) else {
      return nil
    }
    let keyCount = literal.count &- tagCount
    guard keyCount < outer.count, bytes.has(literal[tagCount..<literal.count], at: outer.next) else { return nil }
    let stop = outer.next &+ outer.count
    guard let inner = length(outer.next &+ keyCount, stop, step.width2), inner.next &+ inner.count == stop else {
      return nil
    }
    return (inner.next, stop)
  }

  /// Matches the step at `node` with the bytes at `at`: pushes its leaf and returns where it ends, or -1.
  @inline(__always)
  private mutating func take(
    _ node: Int, _ at: Int, _ end: Int, _ state: inout ShredState, _ block: inout Block
  ) -> Int {
    let step = state.skeletons.steps[Int(state.skeletons.nodes[node].step)]
    let literal = state.skeletons.literal(step)
    switch step.kind {
    case .attributeString:
      // tag, L1, key literal, L2, 0A, L3, string
      guard let (value, stop) = keyValue(step, literal, at, end), stop &- value > 1, bytes.unchecked(value) == 0x0A,
        let text = length(value &+ 1, stop, step.width3), text.next &+ text.count == stop
      else { return -1 }
      row.append(state.string(bytes[text.next..<stop], at: node))
      return stop
    case .attributeVarint:
      guard let (value, stop) = keyValue(step, literal, at, end), stop &- value > 1, bytes.unchecked(value) == 0x18,
        let number = varint(value &+ 1, stop, step.width3), number.next == stop
      else { return -1 }
      row.append(number.value)
      return stop
    case .attributeOther:
      guard let (value, stop) = keyValue(step, literal, at, end) else { return -1 }
      // The kinds with steps of their own must go there, or one record would have two templates.
      if stop &- value > 1 {
        let tag = bytes.unchecked(value)
        if tag == 0x0A || tag == 0x18 || tag == 0x10 || tag == 0x21, isSimple(value, stop) { return -1 }
      }
      row.append(state.string(bytes[value..<stop], at: node))
      return stop
    case .literal:
      return bytes.has(literal, at: at) && at &+ literal.count <= end ? at &+ literal.count : -1
    case .id8:
      let from = at &+ literal.count
      guard bytes.has(literal, at: at), from &+ 8 <= end else { return -1 }
      row.append(bytes.load(UInt64.self, at: from).byteSwapped)
      return from &+ 8
    case .id16:
      let from = at &+ literal.count
      guard bytes.has(literal, at: at), from &+ 16 <= end else { return -1 }
      row.append(bytes.load(UInt64.self, at: from).byteSwapped)
      row.append(bytes.load(UInt64.self, at: from &+ 8).byteSwapped)
      return from &+ 16
    case .fixed64:
      let from = at &+ literal.count
      guard bytes.has(literal, at: at), from &+ 8 <= end else { return -1 }
      row.append(bytes.load(UInt64.self, at: from))
      return from &+ 8
    case .fixed32:
      let from = at &+ literal.count
      guard bytes.has(literal, at: at), from &+ 4 <= end else { return -1 }
      row.append(UInt64(bytes.load(UInt32.self, at: from)))
      return from &+ 4
    case .varint:
      guard bytes.has(literal, at: at), let v = varint(at &+ literal.count, end, step.width1) else { return -1 }
      row.append(v.value)
      return v.next
    case .bytes:
      guard bytes.has(literal, at: at), let v = length(at &+ literal.count, end, step.width1) else { return -1 }
      // Ids of their usual length have steps of their own.
      if step.tagCount != 0, v.count == Int(step.tagCount), step.width1 == 0 { return -1 }
      row.append(state.string(bytes[v.next..<v.next &+ v.count], at: node))
      return v.next &+ v.count
    case .run:
      return takeRun(step, at, end, &state, &block)
    case .rest:
      // Only what a parse has just found hopeless; never by guess.
      guard hopeless == at else { return -1 }
      row.append(state.string(bytes[at..<end]))
      return end
    default:
      return -1
    }
  }

  /// Where `parse` last gave up.
  var hopeless = -1

  /// Consecutive child records under one tag, all with lengths of the same spelling.
  @inline(never)
  private mutating func takeRun(
    _ step: Step, _ start: Int, _ end: Int, _ state: inout ShredState, _ block: inout Block
  ) -> Int {
    var at = start
    var count: UInt64 = 0
    while at < end, bytes.has(state.skeletons.literal(step), at: at),
      let child = length(at &+ Int(step.literalCount), end, step.width1)
    {
      record(step.child, child.next, child.next &+ child.count, &state, &block)
      at = child.next &+ child.count
      count &+= 1
    }
    if count == 0 { return -1 }
    row.append(count)
    return at
  }
}
