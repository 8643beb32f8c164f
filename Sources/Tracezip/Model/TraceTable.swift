import Bytes

/// A trace of the segment, in the order of first appearance. Index 0 stands for "no trace id".
struct Trace: BitwiseCopyable {
  var high: UInt64 = 0
  var low: UInt64 = 0
  /// Most recent of the trace's nodes, -1 for none; nodes form a list backwards.
  var lastNode: Int32 = -1
  /// Node of the trace's previous span, and of that span's parent.
  var lastSpan: Int32 = -1
  var lastParent: Int32 = -1
  var lastTemplate: Int32 = -1
  var nodes: Int32 = 0
  /// The most recent of the nodes that are parents of spans but not yet spans themselves, -1 for none.
  var lastPending: Int32 = -1
  var lastStart: UInt64 = 0
  /// Encoder: a bit for each id among the nodes, by hash. Most ids that are looked for are new, and few bits are set.
  var ids: UInt64 = 0
  /// Whether it is among the recent ones.
  var isRecent = false
  /// Number of its first root span in the segment, -1 while there is none.
  var root: Int32 = -1

  @inline(__always)
  static func bit(_ id: UInt64) -> UInt64 { 1 &<< (id ^ id &>> 29) }

  /// A new node at the end of the list; how many there are with it.
  @inline(__always)
  mutating func takeIn(_ node: Int32, _ id: UInt64, isSpan: Bool) -> Int32 {
    lastNode = node
    if !isSpan { lastPending = node }
    nodes &+= 1
    ids |= Trace.bit(id)
    return nodes
  }

  @inline(__always)
  mutating func note(template: UInt32, span: Int, parent: Int) {
    lastTemplate = Int32(truncatingIfNeeded: template)
    if span >= 0 { lastSpan = Int32(truncatingIfNeeded: span) }
    lastParent = Int32(truncatingIfNeeded: parent)
  }
}

/// A span id in a trace: a span, or what a span named as its parent.
struct Node: BitwiseCopyable {
  var id: UInt64
  var previous: Int32
  var trace: Int32
  /// Number of the span in the segment; negative while it is still to come (`pending`).
  var row: Int32
  /// Whether a span with this id has come.
  var isSpan: Bool

  /// `pending`: the node before it that is no span either, or -1.
  init(id: UInt64, previous: Int32, trace: Int32, pending: Int32?) {
    self.id = id
    self.previous = previous
    self.trace = trace
    isSpan = pending == nil
    row = -1
    if let pending { self.pending = pending }
  }

  /// Of a node that is no span: the one before it in its trace, -1 for none.
  var pending: Int32 {
    @inline(__always) get { -2 &- row }
    @inline(__always) set { row = -2 &- newValue }
  }
}

/// The times of a node's span, apart from the node so that looking for ids touches little memory.
struct NodeTimes: BitwiseCopyable {
  /// The highest number there is while it is not known.
  var start = UInt64.max
  var end: UInt64 = 0
  /// End of the child coded last, 0 for none.
  var childEnd: UInt64 = 0

  var known: Bool { @inline(__always) get { start != .max } }

  @inline(__always)
  mutating func lasts(_ start: UInt64, _ end: UInt64) {
    self.start = start
    self.end = end
  }
}

struct TraceTable: ~Copyable {
  var traces = Buffer<Trace>()
  var nodes = Buffer<Node>()
  var times = Buffer<NodeTimes>()
  /// Encoder: (high, low) -> trace, (trace, id) -> node. Keys are hashes; hits are compared.
  private var index = HashSlots()
  private var nodeIndex = HashSlots()
  var recent = Buffer<UInt32>()

  /// The trace that came after this one when it was last left: what interleaves once does so again elsewhere.
  var successor = Buffer<UInt32>()

  init() { add(Trace()) }

  /// Room for about `n` more nodes.
  mutating func reserve(_ n: Int) {
    nodes.reserve(n)
    times.reserve(n)
  }

  mutating func add(_ trace: Trace) {
    traces.append(trace)
    successor.append(0)
  }

  static var recentLimit: Int { 64 }
  /// Up to this many nodes of a trace are found by looking at each; the index holds those of longer traces.
  private static var few: Int32 { 24 }

  // What looks things up is `mutating` although it changes nothing: borrowed for a call, the whole table is copied.

  /// Encoder: the trace with this id.
  mutating func find(_ high: UInt64, _ low: UInt64) -> Int? {
    index.find(BlockModel.key(high, low, 1)) { traces[$0].low == low && traces[$0].high == high }
  }

  /// Encoder: asks for the memory in which a trace will be looked up.
  @inline(__always)
  mutating func prefetch(_ high: UInt64, _ low: UInt64) { index.prefetch(BlockModel.key(high, low, 1)) }

  /// Encoder: a new trace with its id.
  mutating func addKnown(_ high: UInt64, _ low: UInt64) {
    index.insert(traces.count, BlockModel.key(high, low, 1)) { BlockModel.key(traces[$0].high, traces[$0].low, 1) }
    add(Trace(high: high, low: low))
  }

  /// Encoder: the node of `trace` with this id.
  mutating func node(_ trace: Int, _ id: UInt64) -> Int? {
    if traces[trace].ids & Trace.bit(id) == 0 { return nil }
    if traces[trace].nodes <= TraceTable.few {
      var n = Int(traces[trace].lastNode)
      while n >= 0 {
        if nodes[n].id == id { return n }
        n = Int(nodes[n].previous)
      }
      return nil
    }
    return indexed(trace, id)
  }

  private mutating func indexed(_ trace: Int, _ id: UInt64) -> Int? {
    nodeIndex.find(BlockModel.key(UInt64(trace), id, 2)) { nodes[$0].id == id && nodes[$0].trace == Int32(trace) }
  }

  /// A new node at the end of `trace`'s list.
  mutating func append(_ trace: Int, id: UInt64, isSpan: Bool, encoding: Bool) -> Int {
    let n = nodes.count
    times.append(NodeTimes())
    nodes.append(
      Node(
        id: id, previous: traces[trace].lastNode, trace: Int32(truncatingIfNeeded: trace),
        pending: isSpan ? nil : traces[trace].lastPending))
    let count = traces[trace].takeIn(Int32(truncatingIfNeeded: n), id, isSpan: isSpan)
    if encoding, count > TraceTable.few { enter(n, all: count == TraceTable.few + 1) }
    return n
  }

  /// The span of a pending `node` of `trace` has come. `next`: the pending node made after it, -1 if it is the last.
  mutating func claim(_ node: Int, of trace: Int, next: Int) {
    let earlier = nodes[node].pending
    if next < 0 { traces[trace].lastPending = earlier } else { nodes[next].pending = earlier }
    nodes[node].isSpan = true
    nodes[node].row = -1
  }

  /// Takes a node into the index, and with the first that is one too many all those before it.
  private mutating func enter(_ node: Int, all: Bool) {
    var n = node
    while n >= 0 {
      nodeIndex.insert(n, BlockModel.key(UInt64(nodes[n].trace), nodes[n].id, 2)) {
        BlockModel.key(UInt64(nodes[$0].trace), nodes[$0].id, 2)
      }
      if !all { return }
      n = Int(nodes[n].previous)
    }
  }

  /// Rank of `trace` among the recent ones.
  mutating func rank(_ trace: Int) -> Int? {
    guard traces[trace].isRecent else { return nil }
    var i = 0
    while i < recent.count {
      if recent[i] == UInt32(trace) { return i }
      i &+= 1
    }
    return nil
  }

  mutating func touch(_ trace: Int, rank: Int?) {
    if rank == nil {
      if recent.count < TraceTable.recentLimit {
        recent.append(0)
      } else {
        traces[Int(recent[recent.count - 1])].isRecent = false
      }
      traces[trace].isRecent = true
    }
    recent.moveBack(rank ?? recent.count - 1)
    recent[0] = UInt32(truncatingIfNeeded: trace)
  }
}
