import Bytes
import Columns

/// A block's ids on their way from the step of a decoder that decodes all else to the one that decodes them. Its memory is
/// used again.
struct HandedIds: ~Copyable {
  /// At the block's ids; nil where it has none.
  var coder: RangeDecoder?
  /// Bytes of the streams before them.
  var bytesBefore = 0
  /// What the id codec is told of each draw; empty where it is not used.
  var draws = Buffer<IdDraw>()
  /// Of each draw the node or trace whose id it is; without the id codec, `row` is a node's trace.
  var placed = Buffer<PlacedDraw>()
  /// Nodes and traces of the segment with this block.
  var nodes = 0
  var traces = 0
  /// Of each span and each link, where its ids belong.
  var spanWords = Buffer<IdWords>()
  var linkWords = Buffer<IdWords>()
}

/// The leaves that a record's ids belong in, of a trace id the first of two, -1 where it has none; and the trace and the
/// nodes whose ids these are.
struct IdWords: BitwiseCopyable {
  var traceLeaf: Int32 = -1
  var idLeaf: Int32 = -1
  var parentLeaf: Int32 = -1
  var trace: Int32 = 0
  var node: Int32 = 0
  var parent: Int32 = 0

  /// Of a record with its row at `row`.
  @inline(__always)
  init(_ info: TemplateInfo, _ row: UInt32, trace: Int32, node: Int32, parent: Int32) {
    let row = Int32(truncatingIfNeeded: row)
    if info.trace >= 0 { traceLeaf = row &+ info.trace }
    if info.id >= 0 { idLeaf = row &+ info.id }
    if info.parent >= 0 { parentLeaf = row &+ info.parent }
    (self.trace, self.node, self.parent) = (trace, node, parent)
  }
}

/// The ids of a segment's nodes and traces as a decoder knows them. All else is decoded without them, perhaps on another
/// thread and some blocks ahead.
struct IdTable: ~Copyable {
  private var nodes = Buffer<UInt64>()
  private var traces = Buffer<(high: UInt64, low: UInt64)>()
  private var decoder = IdDecoder()
  private var plain = PlainIds()

  /// What so many nodes and traces take here.
  static func bytes(nodes: Int, traces: Int) -> Int {
    nodes * MemoryLayout<UInt64>.stride + traces * 2 * MemoryLayout<UInt64>.stride
  }

  /// Decodes the ids of a block and puts them into its rows; nil where they make no sense. The second value is what they
  /// took, in bytes.
  mutating func decode(_ hand: inout HandedIds, into block: inout Block) -> (report: IdReport, bytes: Int)? {
    nodes.resize(to: max(nodes.count, hand.nodes), filling: 0)
    traces.resize(to: max(traces.count, hand.traces), filling: (0, 0))
    var report = IdReport()
    var bytes = 0
    if var coder = hand.coder.take() {
      if hand.draws.isEmpty {
        decodePlain(hand.placed, &coder)
        if coder.failed { return nil }
      } else {
        guard (try? decoder.decode(&hand.draws, &report, &coder)) != nil else { return nil }
        take(hand.draws, hand.placed)
      }
      bytes = coder.spent - hand.bytesBefore
    }
    put(hand.spanWords, into: block.spans.leaves.elements)
    put(hand.linkWords, into: block.links.leaves.elements)
    return (report, bytes)
  }

  private mutating func take(_ draws: borrowing Buffer<IdDraw>, _ placed: borrowing Buffer<PlacedDraw>) {
    for i in 0..<placed.count {
      let target = Int(placed[i].target)
      if draws[i].isTrace {
        traces[target] = (draws[i].high, draws[i].low)
      } else {
        nodes[target] = draws[i].low
      }
    }
  }

  private mutating func decodePlain(_ placed: borrowing Buffer<PlacedDraw>, _ c: inout RangeDecoder) {
    for i in 0..<placed.count {
      let (draw, target) = (placed[i], Int(placed[i].target))
      switch draw.kind {
      case .trace, .strangeTrace: traces[target] = plain.codeTrace(0, 0, &c)
      case .span: nodes[target] = plain.codeSpan(0, traceLow: traces[Int(draw.row)].low, &c)
      case .orphan: nodes[target] = c.codeRaw(0, count: 64)
      }
    }
  }

  private func put(_ words: borrowing Buffer<IdWords>, into leaves: BufferView<UInt64>) {
    let (nodes, traces) = (nodes.elements, traces.elements)
    for i in 0..<words.count {
      let word = words[i]
      if word.traceLeaf >= 0 {
        let id = traces[Int(word.trace)]
        leaves[Int(word.traceLeaf)] = id.high
        leaves[Int(word.traceLeaf) &+ 1] = id.low
      }
      if word.idLeaf >= 0 { leaves[Int(word.idLeaf)] = nodes[Int(word.node)] }
      if word.parentLeaf >= 0 { leaves[Int(word.parentLeaf)] = nodes[Int(word.parent)] }
    }
  }
}

/// Ids without the id codec: raw bits, apart from habits that cost nothing to notice (a trace id's high half zero, a span
/// id equal to the low half of its trace id).
struct PlainIds: ~Copyable {
  private var models = Models()
  private let base: Int

  init() { base = models.allocate(2) }

  mutating func codeTrace<C: BitCoder & ~Copyable>(
    _ high: UInt64, _ low: UInt64, _ c: inout C
  ) -> (high: UInt64, low: UInt64) {
    let first = c.codeBit(high == 0, &models, base, limit: 250) ? 0 : c.codeRaw(high, count: 64)
    return (first, c.codeRaw(low, count: 64))
  }

  mutating func codeSpan<C: BitCoder & ~Copyable>(_ id: UInt64, traceLow: UInt64, _ c: inout C) -> UInt64 {
    c.codeBit(id == traceLow, &models, base + 1, limit: 250) ? traceLow : c.codeRaw(id, count: 64)
  }
}
