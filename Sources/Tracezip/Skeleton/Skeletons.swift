import Bytes

/// The span retrieval tree of a segment: a prefix tree of steps for each kind of record. A record's walk ends at a node,
/// and that node's template id plus the leaves is all there is to store.
///
/// Encoder and decoder hold the same tree: it only grows, and a block carries what it added (`SkeletonDelta`).
struct Skeletons: ~Copyable {
  /// A segment ends well before its templates' steps are as many.
  static let mostTemplateSteps = 1 << 24
  /// A segment ends behind the block in which it has come to this size.
  static let many = 1 << 18

  /// How far the tree has grown: in nodes, of which those with a step or a column of their own count eight times. Spans
  /// with their attributes in any order have many nodes, but few of those.
  var size: Int { max(nodes.count, 8 * max(steps.count, columns.count)) }

  /// Whether shredding is to learn no more in this block: records that are not as others were are then kept whole, or
  /// the rest of them. Only what no two spans have in common comes to that, and a tree of it would fill the memory.
  var isFull: Bool { size > Skeletons.many / 2 * 3 }

  struct Node: BitwiseCopyable {
    /// What kind of record walks by.
    var record: RecordKind
    var step: Int32
    var parent: Int32
    var firstChild: Int32 = -1
    var nextSibling: Int32 = -1
    /// Template that ends here.
    var template: Int32 = -1
    /// The string that the step's leaf was last, and where it lies: one compare finds it again.
    var lastString: UInt32 = .max
    var lastAt: UInt32 = 0
    var lastCount: UInt32 = 0
    // The step once more, as far as the fast path needs it.
    var literalAt: UInt32 = 0
    var literalCount: UInt32 = 0
    var kind: StepKind = .rest
    var tagCount: UInt8 = 0
    /// Whether all lengths are in their shortest form.
    var isShort = false
  }
  /// What walking remembers of a node, apart from it because it changes with every record. Of 32 bytes, which are
  /// quickly counted.
  struct Trail: BitwiseCopyable {
    /// The child taken last: tried first.
    var hot: Int32 = -1
    /// Where the step stood last (`ShredState.position`), in how many bytes, and its leaf: bytes that are equal again
    /// make the same leaf again. A length of 0: do not count on it.
    var start: UInt32 = 0
    var length: UInt32 = 0
    var leaf: UInt32 = 0
    /// Words of the step's leaf.
    var words: UInt16 = 0
    /// Whether the step's bytes alone say what it takes (`StepKind.repeatsByBytes`).
    var repeats = false
    /// A step of an id or a time behind a short literal, which is the first `literalCount` bytes of `head`.
    var fixed = Fixed.none
    var literalCount: UInt8 = 0
    var head: UInt64 = 0

    enum Fixed: UInt8, BitwiseCopyable {
      case none, word, id8, id16
    }

    @inline(__always)
    mutating func stands(at start: UInt32, length: UInt32, leaf: UInt32) {
      self.start = start
      self.length = length
      self.leaf = leaf
    }
  }
  struct Template: BitwiseCopyable {
    var node: Int32
    var record: RecordKind
    /// Range in `templateSteps`.
    var stepsAt: UInt32
    var stepCount: UInt32
    /// Words of leaves in a row.
    var words: UInt32
  }

  var literals = Buffer<UInt8>(capacity: 1 << 12)
  var names = Buffer<UInt8>(capacity: 1 << 12)
  var columns = Buffer<Column>()
  /// Decoder: what each column's leaves are, 0 unknown, 1 strings, 2 numbers.
  var columnLeaves = Buffer<UInt8>()
  var steps = Buffer<Step>()
  var nodes = Buffer<Node>()
  var trails = Buffer<Trail>()
  var templates = Buffer<Template>()
  var templateSteps = Buffer<UInt32>()
  /// (parent node, step) -> child node, for nodes with many children.
  private var edges = FlatMap()
  /// hash of a step's content -> step id, chained by probing.
  private var stepIndex = FlatMap()
  private var columnIndex = FlatMap()

  init() {
    for record in RecordKind.allCases {
      nodes.append(Node(record: record, step: -1, parent: -1))
      trails.append(Trail())
    }
  }

  static func root(_ record: RecordKind) -> Int { Int(record.rawValue) }

  @inline(__always)
  func literal(_ step: Step) -> ByteView {
    literals[Int(step.literalAt)..<Int(step.literalAt) + Int(step.literalCount)]
  }

  func name(_ column: Column) -> ByteView { names[Int(column.nameAt)..<Int(column.nameAt) + Int(column.nameCount)] }

  // MARK: growing

  mutating func column(_ record: RecordKind, field: UInt32, value: UInt8, name: ByteView) -> UInt32 {
    var key = UInt64(StringTable.hash(name)) << 32
    key ^= (UInt64(field) << 8 | UInt64(value)) << 2 | UInt64(record.rawValue)
    while let found = columnIndex[key] {
      let c = columns[found]
      if c.record == record, c.field == field, c.value == value, self.name(c) == name { return UInt32(found) }
      key &+= 0x9E37_79B9_7F4A_7C15
    }
    columns.append(
      Column(record: record, field: field, value: value, nameAt: UInt32(names.count), nameCount: UInt32(name.count)))
    names.append(name)
    columnIndex[key] = columns.count - 1
    return UInt32(columns.count - 1)
  }

  /// The id of `step` with `literal`, new or known. The step's literal range is filled in here.
  mutating func intern(_ step: Step, literal: ByteView) -> Int {
    var key = UInt64(StringTable.hash(literal)) << 32
    key ^= UInt64(step.column) << 8 ^ UInt64(step.kind.rawValue) ^ UInt64(step.record.rawValue) << 6
    key ^= UInt64(step.width1) << 40 ^ UInt64(step.width2) << 44 ^ UInt64(step.width3) << 48 ^ UInt64(step.level) << 52
    while let found = stepIndex[key] {
      let s = steps[found]
      if s.kind == step.kind, s.record == step.record, s.level == step.level, s.child == step.child,
        s.tagCount == step.tagCount, s.width1 == step.width1, s.width2 == step.width2, s.width3 == step.width3,
        s.column == step.column, self.literal(s) == literal
      {
        return found
      }
      key &+= 0x9E37_79B9_7F4A_7C15
    }
    stepIndex[key] = steps.count
    return append(step, literal: literal)
  }

  mutating func append(_ step: Step, literal: ByteView) -> Int {
    var s = step
    s.literalAt = UInt32(literals.count)
    s.literalCount = UInt32(literal.count)
    literals.append(literal)
    steps.append(s)
    return steps.count - 1
  }

  /// The child of `parent` by `step`, new or known.
  mutating func child(of parent: Int, by step: Int) -> Int {
    let key = UInt64(parent) << 32 | UInt64(step)
    if let found = edges[key] { return found }
    let id = appendNode(parent: parent, step: step)
    edges[key] = id
    return id
  }

  /// Makes `child` the first of `parent`'s children to be tried, unless it stands far back.
  mutating func bringForward(_ child: Int, of parent: Int) {
    let first = nodes[parent].firstChild
    var before = Int(first)
    var tries = 64
    while before >= 0, tries > 0 {
      let next = Int(nodes[before].nextSibling)
      if next == child {
        nodes[before].nextSibling = nodes[child].nextSibling
        nodes[child].nextSibling = first
        nodes[parent].firstChild = Int32(child)
        return
      }
      before = next
      tries -= 1
    }
  }

  mutating func appendNode(parent: Int, step: Int) -> Int {
    let id = nodes.count
    var node = Node(record: nodes[parent].record, step: Int32(step), parent: Int32(parent))
    let s = steps[step]
    node.literalAt = s.literalAt
    node.literalCount = s.literalCount
    node.kind = s.kind
    node.tagCount = s.tagCount
    node.isShort = s.width1 | s.width2 | s.width3 == 0
    node.nextSibling = nodes[parent].firstChild
    nodes[parent].firstChild = Int32(id)
    nodes.append(node)
    trails.append(trail(of: s))
    return id
  }

  private func trail(of step: Step) -> Trail {
    var trail = Trail(words: UInt16(step.kind.leaf.words), repeats: step.kind.repeatsByBytes)
    guard 1...8 ~= step.literalCount else { return trail }
    switch step.kind {
    case .fixed64: trail.fixed = .word
    case .id8: trail.fixed = .id8
    case .id16: trail.fixed = .id16
    default: return trail
    }
    let literal = self.literal(step)
    trail.literalCount = UInt8(literal.count)
    for i in 0..<literal.count { trail.head |= UInt64(literal[i]) << UInt64(8 * i) }
    return trail
  }

  /// The template ending at `node`, made when there is none yet.
  mutating func template(at node: Int, record: RecordKind) -> Int {
    let known = nodes[node].template
    if known >= 0 { return Int(known) }
    var path = 0
    var n = node
    while nodes[n].step >= 0 {
      path += 1
      n = Int(nodes[n].parent)
    }
    let at = templateSteps.count
    templateSteps.append(repeating: 0, count: path)
    n = node
    var words = 0
    var place = at + path
    while nodes[n].step >= 0 {
      place -= 1
      templateSteps[place] = UInt32(nodes[n].step)
      words += steps[Int(nodes[n].step)].kind.leaf.words
      n = Int(nodes[n].parent)
    }
    nodes[node].template = Int32(templates.count)
    templates.append(
      Template(
        node: Int32(node), record: record, stepsAt: UInt32(at), stepCount: UInt32(path), words: UInt32(words)))
    return templates.count - 1
  }
}
