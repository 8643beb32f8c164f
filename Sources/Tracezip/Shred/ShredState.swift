import Bytes

/// What shredding needs at hand and leaves behind, whatever the front end.
struct ShredState: ~Copyable {
  var skeletons = Skeletons()
  var strings = StringTable()
  var duplicates = Duplicates()
  /// `string-table` off: every string leaf is a string of its own.
  var interns = true
  /// What `Skeletons.Trail.start` counts from in this chunk: a place of an earlier chunk lies below.
  private(set) var position: UInt32 = 1
  private var length: UInt32 = 0
  /// Which step of a JSON spine follows which.
  var jsonGuesses = JSONGuesses()

  @inline(__always)
  mutating func string(_ bytes: ByteView) -> UInt64 {
    UInt64(truncatingIfNeeded: interns ? strings.intern(bytes) : strings.append(bytes))
  }

  /// Before a chunk of `count` bytes.
  mutating func begin(chunk count: Int) {
    duplicates.begin()
    position &+= length
    length = UInt32(count)
    if position > 1 << 31 {
      for i in 0..<skeletons.trails.count { skeletons.trails[i].start = 0 }
      position = 1
    }
  }

  /// The id of a string at a node, which mostly is what it was the last time.
  @inline(__always)
  mutating func string(_ bytes: ByteView, at node: Int) -> UInt64 {
    let last = skeletons.nodes[node]
    if Int(last.lastCount) == bytes.count, last.lastString != .max, strings.has(bytes, at: Int(last.lastAt)) {
      return UInt64(last.lastString)
    }
    return newString(bytes, at: node)
  }

  /// Remembers the string that the step at `node` has had.
  @inline(__always)
  mutating func noteString(_ id: UInt64, at node: Int) {
    if !interns { return }
    let entry = strings.entries[Int(truncatingIfNeeded: id)]
    skeletons.nodes[node].lastString = UInt32(truncatingIfNeeded: id)
    skeletons.nodes[node].lastAt = entry.at
    skeletons.nodes[node].lastCount = entry.count
  }

  @inline(never)
  private mutating func newString(_ bytes: ByteView, at node: Int) -> UInt64 {
    let id = string(bytes)
    noteString(id, at: node)
    return id
  }
}

extension ShredState {
  /// The template of a span that is equal to an earlier one.
  mutating func duplicateTemplate() -> Int {
    var step = Step(kind: .duplicate, record: .span)
    step.column = skeletons.column(.span, field: 0, value: 1, name: .empty)
    let node = skeletons.child(of: Skeletons.root(.span), by: skeletons.intern(step, literal: .empty))
    return skeletons.template(at: node, record: .span)
  }
}

/// Finds spans that are byte for byte spans of the same block: what exporters send again.
struct Duplicates: ~Copyable {
  var isOn = true
  private var seen = HashSlots()
  private var spans = Buffer<ByteView>()
  /// Found in this block.
  private(set) var count = 0

  mutating func begin() {
    seen.removeAll()
    spans.removeAll()
    count = 0
  }

  /// Ids come early in a span, so its first bytes and its size nearly always tell it from all others.
  @inline(__always)
  private static func hash(_ span: ByteView) -> UInt64 {
    UInt64(StringTable.hash(span[0..<min(64, span.count)])) << 32 | UInt64(UInt32(truncatingIfNeeded: span.count))
  }

  /// Takes in the block's next span; how many spans back an equal one stands, if one does.
  mutating func find(_ span: ByteView) -> Int? {
    guard isOn, span.count < 1 << 24 else { return nil }
    let hash = Duplicates.hash(span)
    let number = spans.count
    spans.append(span)
    if let earlier = seen.find(hash, where: { spans[$0] == span }) {
      count += 1
      return number - earlier
    }
    seen.insert(number, hash) { Duplicates.hash(spans[$0]) }
    return nil
  }
}
