import Bytes
import Columns

/// An id whose bits must be stored: nothing in the file so far tells it.
struct Draw: BitwiseCopyable {
  enum Kind: UInt8, BitwiseCopyable {
    case span, trace, orphan, linkTrace, linkSpan
  }
  var kind: Kind
  /// Row of the span or link.
  var row: Int32
  /// Node, or trace.
  var target: Int32

  /// A segment is not allowed to hold as many as 32 bits can count.
  @inline(__always)
  init(_ kind: Kind, row: Int, target: Int) {
    self.kind = kind
    self.row = Int32(truncatingIfNeeded: row)
    self.target = Int32(truncatingIfNeeded: target)
  }
}

/// Models of the template sequence and of the references between spans.
struct StructureState: ~Copyable {
  var traceModels = Buffer<Int32>()
  var rankModels = 0
  var templateAlphabets = Buffer<Int32>()
  var globalAlphabet = -1
  var templateNumber = 0
  var parentModels = Buffer<Int32>()
  var parentLast = Buffer<UInt8>()
  var distanceModels = 0
  var linkModels = 0
  var spineNumber = 0
  var lastTraceSymbol = 0
  var lastTrace = 0

  /// Number in the segment of the block's first span.
  var firstRow = 0
  /// Nodes before the block.
  var firstNode = 0

  // One block's structure, row by row.
  var spanTrace = Buffer<UInt32>()
  var spanNode = Buffer<Int32>()
  var spanParent = Buffer<Int32>()
  var linkTrace = Buffer<Int32>()
  var linkNode = Buffer<Int32>()
  var draws = Buffer<Draw>()
}

extension BlockModel {
  private static var noTrace: Int { 4 }
  /// How far back a node may lie to be referred to.
  private static var reach: Int { 255 }

  mutating func prepareStructure() {
    structure.spanTrace.removeAll()
    structure.spanNode.removeAll()
    structure.spanParent.removeAll()
    structure.linkTrace.removeAll()
    structure.linkNode.removeAll()
    structure.draws.removeAll()
    structure.firstNode = traces.nodes.count
    if structure.rankModels == 0 {
      structure.rankModels = models.allocate(ModelSize.number + ModelSize.signed)
      structure.distanceModels = models.allocate(ModelSize.number * 3)
      structure.templateNumber = models.allocate(ModelSize.number)
      structure.linkModels = models.allocate(ModelSize.number + 16)
      structure.spineNumber = models.allocate(ModelSize.number)
      structure.globalAlphabet = alphabets.make(&models)
    }
    structure.parentModels.resize(to: infos.count, filling: -1)
    structure.parentLast.resize(to: infos.count, filling: 0)
  }

  /// Codes a template of a record in two contexts, the wider of which learns what the narrower misses, then in an
  /// alphabet, then by number.
  @inline(__always)
  private mutating func codeTemplate<C: BitCoder & ~Copyable>(
    _ template: UInt32, _ narrow: UInt64, _ wide: @autoclosure () -> UInt64, _ alphabet: Int, _ c: inout C
  ) -> UInt32 {
    let context = contexts.context(narrow)
    if let found = contexts.codeFirst(UInt64(template), context, &c) { return UInt32(truncatingIfNeeded: found) }
    return codeRarerTemplate(template, context, wide(), alphabet, &c)
  }

  /// A template that is not its narrower context's first candidate.
  @inline(never)
  private mutating func codeRarerTemplate<C: BitCoder & ~Copyable>(
    _ template: UInt32, _ a: Int, _ wide: UInt64, _ alphabet: Int, _ c: inout C
  ) -> UInt32 {
    let sym = UInt64(template)
    var out: UInt64
    if let found = contexts.codeOthers(sym, a, &c) { return UInt32(truncatingIfNeeded: found) }
    let b = contexts.context(wide)
    if let found = contexts.code(sym, b, &c, excluded: a) {
      contexts.learn(found, a)
      return UInt32(truncatingIfNeeded: found)
    }
    if let found = alphabets.code(sym, alphabet, &models, &c) {
      out = found
    } else {
      out = c.codeNumber(sym, &models, structure.templateNumber)
      if out >= UInt64(infos.count) {
        c.fail()
        out = 0
      }
      alphabets.add(out, alphabet, &models, encoding: !C.decodes)
    }
    contexts.learn(out, a)
    contexts.learn(out, b)
    return UInt32(out)
  }

  /// Templates of `n` spans, their traces, parents and own ids as references. `scopes` has one entry a span.
  mutating func codeSpans<C: BitCoder & ~Copyable>(
    _ n: Int, _ spans: inout Records, _ skeletons: borrowing Skeletons, scopes: borrowing Buffer<UInt32>, _ c: inout C
  ) {
    traces.reserve(n)
    // Encoder: where the row begins.
    var row = 0
    var previousTemplate: UInt64 = .max
    // Encoder: a span some way ahead, whose trace is asked for.
    var ahead = 0
    var aheadRow = 0
    for i in 0..<n {
      if c.failed { return }
      if !C.decodes {
        while ahead < min(i &+ 8, n) {
          let info = infos[Int(spans.templates[ahead])]
          if info.trace >= 0 {
            let at = aheadRow &+ Int(info.trace)
            traces.prefetch(spans.leaves[at], spans.leaves[at &+ 1])
          }
          aheadRow &+= Int(info.words)
          spans.leaves.prefetch(aheadRow &+ 256)
          ahead &+= 1
        }
      }
      let scope = Int(scopes[i])
      var template = C.decodes ? 0 : spans.templates[i]
      var info = C.decodes ? TemplateInfo() : infos[Int(template)]
      // Trace.
      var trace = 0
      var rank: Int?
      var symbol = BlockModel.noTrace
      var high: UInt64 = 0
      var low: UInt64 = 0
      if !C.decodes, info.trace >= 0 {
        high = spans.leaves[row + Int(info.trace)]
        low = spans.leaves[row + Int(info.trace) + 1]
        if let found = traces.find(high, low) {
          trace = found
          if found == structure.lastTrace {
            symbol = 0
          } else if traces.successor[structure.lastTrace] == UInt32(found) {
            symbol = 5
          } else {
            rank = traces.rank(found)
            symbol = rank == nil || abs(found - structure.lastTrace) <= 2 ? 3 : 2
          }
        } else {
          symbol = 1
        }
      }
      while structure.traceModels.count <= scope { structure.traceModels.append(-1) }
      if structure.traceModels[scope] < 0 {
        structure.traceModels[scope] = Int32(models.allocate(6 * ModelSize.nibble))
      }
      let traceBase = Int(structure.traceModels[scope]) + structure.lastTraceSymbol * ModelSize.nibble
      symbol = c.codeNibble(symbol, &models, traceBase)
      if symbol > 5 { return c.fail() }
      structure.lastTraceSymbol = symbol
      switch symbol {
      case 0: trace = structure.lastTrace
      case 1:
        trace = traces.traces.count
        if C.decodes { traces.add(Trace()) } else { traces.addKnown(high, low) }
        structure.draws.append(Draw(.trace, row: i, target: trace))
        traces.touch(trace, rank: nil)
      case 2:
        let r = Int(truncatingIfNeeded: c.codeNumber(UInt64(rank ?? 0), &models, structure.rankModels))
        guard r >= 0, r < traces.recent.count else { return c.fail() }
        trace = Int(traces.recent[r])
        traces.touch(trace, rank: r)
      case 3:
        let ahead = c.codeSigned(
          Int64(trace - structure.lastTrace), &models, structure.rankModels + ModelSize.number)
        trace = structure.lastTrace &+ Int(truncatingIfNeeded: ahead)
        guard trace >= 0, trace < traces.traces.count else { return c.fail() }
        traces.touch(trace, rank: traces.rank(trace))
      case 5:
        trace = Int(traces.successor[structure.lastTrace])
        traces.touch(trace, rank: traces.rank(trace))
      default: trace = 0
      }
      if trace != structure.lastTrace {
        traces.successor[structure.lastTrace] = UInt32(truncatingIfNeeded: trace)
        structure.lastTrace = trace
      }
      // Template.
      let before = UInt64(bitPattern: Int64(traces.traces[trace].lastTemplate))
      while structure.templateAlphabets.count <= scope { structure.templateAlphabets.append(-1) }
      if structure.templateAlphabets[scope] < 0 {
        structure.templateAlphabets[scope] = Int32(alphabets.make(&models))
      }
      template = codeTemplate(
        template, BlockModel.key(UInt64(scope) << 32 | 10, before, previousTemplate),
        BlockModel.key(UInt64(scope) << 32 | 11, before, 0), Int(structure.templateAlphabets[scope]), &c)
      if C.decodes {
        guard Int(template) < infos.count, skeletons.templates[Int(template)].record == .span else { return c.fail() }
        spans.templates.append(template)
        info = infos[Int(template)]
        // "No trace" and a template with a trace id exclude each other.
        if (info.trace >= 0) != (symbol != BlockModel.noTrace) { return c.fail() }
      }
      previousTemplate = UInt64(template)
      let (parent, node) = codeReferences(
        C.decodes || info.parent < 0 ? 0 : spans.leaves[row + Int(info.parent)],
        C.decodes || info.id < 0 ? 0 : spans.leaves[row + Int(info.id)], info, trace, Int(template), i, &c)
      if c.failed { return }
      if node >= 0 { traces.nodes[node].row = Int32(truncatingIfNeeded: structure.firstRow &+ i) }
      if info.parent < 0, traces.traces[trace].root < 0 {
        traces.traces[trace].root = Int32(truncatingIfNeeded: structure.firstRow &+ i)
      }
      traces.traces[trace].note(template: template, span: node, parent: parent)
      structure.spanTrace.append(UInt32(truncatingIfNeeded: trace))
      structure.spanNode.append(Int32(truncatingIfNeeded: node))
      structure.spanParent.append(Int32(truncatingIfNeeded: parent))
      row += Int(info.words)
    }
  }

  /// What a span's parent is to it, and its own id to what came before.
  private enum Reference {
    /// The parent: that of the trace's span before, this span itself, a node further back, or new.
    static let sameParent = 0, spanBefore = 1, nodeBack = 2, newParent = 3
    /// The span's own id: new, named before as a parent, or that of an earlier span.
    static let newSpan = 0, pending = 1, spanBack = 2
  }

  /// A span's parent and its own id as nodes, -1 where its template has none: how both are told in one symbol, then how
  /// far back they lie.
  private mutating func codeReferences<C: BitCoder & ~Copyable>(
    _ parentId: UInt64, _ id: UInt64, _ info: TemplateInfo, _ trace: Int, _ template: Int, _ row: Int, _ c: inout C
  ) -> (parent: Int, node: Int) {
    if structure.parentModels[template] < 0 {
      structure.parentModels[template] = Int32(models.allocate(12 * ModelSize.nibble))
    }
    let t = traces.traces[trace]
    // No candidates, no choice.
    let state =
      (t.lastPending >= 0 ? 6 : 0) + (t.lastNode < 0 ? 4 : t.lastParent < 0 ? 2 : 0)
      + Int(structure.parentLast[template])
    var (parent, own) = (Reference.sameParent, Reference.newSpan)
    var (parentBack, ownBack) = (0, 0)
    var parentNode = -1
    if !C.decodes {
      if info.parent >= 0 {
        (parent, parentBack) = findParent(parentId, t, trace)
        if parent == Reference.newParent { parentNode = addOrphan(parentId, trace, row, &c) }
      }
      if info.id >= 0 { (own, ownBack) = findOwn(id, trace) }
    }
    let symbol = c.codeNibble(
      parent << 2 | own, &models, Int(structure.parentModels[template]) + state * ModelSize.nibble)
    (parent, own) = (symbol >> 2, symbol & 3)
    structure.parentLast[template] = parent == Reference.newParent ? 1 : 0
    if info.parent >= 0 {
      switch parent {
      case Reference.sameParent: parentNode = Int(t.lastParent)
      case Reference.spanBefore: parentNode = Int(t.lastSpan)
      case Reference.nodeBack:
        let back = c.codeNumber(UInt64(parentBack), &models, structure.distanceModels)
        parentNode = node(back, before: Int(t.lastNode))
      default: if C.decodes { parentNode = addOrphan(0, trace, row, &c) }
      }
      if parentNode < 0 { c.fail() }
    }
    if info.id < 0 || c.failed { return (parentNode, -1) }
    var node: Int
    switch own {
    case Reference.newSpan:
      node = traces.append(trace, id: id, isSpan: true, encoding: !C.decodes)
      structure.draws.append(Draw(.span, row: row, target: node))
    case Reference.pending:
      let back = c.codeNumber(UInt64(ownBack), &models, structure.distanceModels + ModelSize.number)
      node = claim(back, trace)
    case Reference.spanBack:
      let back = c.codeNumber(UInt64(ownBack), &models, structure.distanceModels + 2 * ModelSize.number)
      node = span(back, trace)
    default: node = -1
    }
    if node < 0 {
      c.fail()
      node = 0
    }
    return (parentNode, node)
  }

  /// Encoder: how a span's parent is told.
  @inline(__always)
  private mutating func findParent(_ id: UInt64, _ t: Trace, _ trace: Int) -> (symbol: Int, back: Int) {
    if t.lastParent >= 0, traces.nodes[Int(t.lastParent)].id == id { return (Reference.sameParent, 0) }
    if t.lastSpan >= 0, traces.nodes[Int(t.lastSpan)].id == id { return (Reference.spanBefore, 0) }
    guard t.lastNode >= 0, let node = traces.node(trace, id) else { return (Reference.newParent, 0) }
    var (n, back) = (Int(t.lastNode), 0)
    while n >= 0, n != node, back < BlockModel.reach {
      n = Int(traces.nodes[n].previous)
      back += 1
    }
    return n == node ? (Reference.nodeBack, back) : (Reference.newParent, 0)
  }

  /// Encoder: how a span's own id is told.
  @inline(__always)
  private mutating func findOwn(_ id: UInt64, _ trace: Int) -> (symbol: Int, back: Int) {
    let (lastNode, lastPending) = (traces.traces[trace].lastNode, traces.traces[trace].lastPending)
    guard lastNode >= 0, let node = traces.node(trace, id) else { return (Reference.newSpan, 0) }
    var back = 0
    if traces.nodes[node].isSpan {
      var (n, hops) = (Int(lastNode), 0)
      while n >= 0, n != node, hops < BlockModel.reach {
        if traces.nodes[n].isSpan { back += 1 }
        n = Int(traces.nodes[n].previous)
        hops += 1
      }
      return n == node ? (Reference.spanBack, back) : (Reference.newSpan, 0)
    }
    var n = Int(lastPending)
    while n >= 0, n != node, back < BlockModel.reach {
      n = Int(traces.nodes[n].pending)
      back += 1
    }
    return n == node ? (Reference.pending, back) : (Reference.newSpan, 0)
  }

  /// A node for a parent that was not met before.
  @inline(__always)
  private mutating func addOrphan<C: BitCoder & ~Copyable>(
    _ id: UInt64, _ trace: Int, _ row: Int, _ c: inout C
  ) -> Int {
    let node = traces.append(trace, id: id, isSpan: false, encoding: !C.decodes)
    structure.draws.append(Draw(.orphan, row: row, target: node))
    return node
  }

  /// The node `back` before `last` in its trace's list, -1 for none.
  @inline(__always)
  private mutating func node(_ back: UInt64, before last: Int) -> Int {
    guard back <= UInt64(BlockModel.reach) else { return -1 }
    var (n, left) = (last, back)
    while n >= 0, left > 0 {
      n = Int(traces.nodes[n].previous)
      left -= 1
    }
    return n
  }

  /// The pending node `back` before the last in `trace`, now a span; -1 for none.
  @inline(__always)
  private mutating func claim(_ back: UInt64, _ trace: Int) -> Int {
    guard back <= UInt64(BlockModel.reach) else { return -1 }
    var (n, next, left) = (Int(traces.traces[trace].lastPending), -1, back)
    while n >= 0, left > 0 {
      (n, next) = (Int(traces.nodes[n].pending), n)
      left -= 1
    }
    if n >= 0 { traces.claim(n, of: trace, next: next) }
    return n
  }

  /// The node of the span `back` before the last in `trace`, -1 for none.
  @inline(__always)
  private mutating func span(_ back: UInt64, _ trace: Int) -> Int {
    var (n, left, hops) = (Int(traces.traces[trace].lastNode), back, 0)
    while n >= 0, hops <= BlockModel.reach {
      if traces.nodes[n].isSpan {
        if left == 0 { return n }
        left -= 1
      }
      n = Int(traces.nodes[n].previous)
      hops += 1
    }
    return -1
  }

  /// Templates of the events or links of all spans, `owners` naming the span row of each.
  mutating func codeChildren<C: BitCoder & ~Copyable>(
    _ kind: RecordKind, owners: borrowing Buffer<UInt32>, spanTemplates: borrowing Buffer<UInt32>,
    _ records: inout Records, _ skeletons: borrowing Skeletons, _ c: inout C
  ) {
    var previous: UInt64 = .max
    var owner: UInt32 = .max
    let tag = UInt64(kind.rawValue) << 8 | 20
    for i in 0..<owners.count {
      if c.failed { return }
      if owners[i] != owner { previous = .max }
      owner = owners[i]
      let span = UInt64(spanTemplates[Int(owner)])
      let template = codeTemplate(
        C.decodes ? 0 : records.templates[i], BlockModel.key(tag, span, previous),
        BlockModel.key(tag, 1 << 40, previous),
        structure.globalAlphabet, &c)
      if C.decodes {
        guard Int(template) < infos.count, skeletons.templates[Int(template)].record == kind else { return c.fail() }
        records.templates.append(template)
      }
      previous = UInt64(template)
    }
  }

  /// What links point at: a trace of the segment and a node in it where they can.
  mutating func codeLinks<C: BitCoder & ~Copyable>(
    owners: borrowing Buffer<UInt32>, _ links: borrowing Records, _ c: inout C
  ) {
    let base = structure.linkModels + ModelSize.number
    for i in 0..<owners.count {
      if c.failed { return }
      let info = infos[Int(links.templates[i])]
      let row = Int(rowAt[i])
      var trace = -1
      if info.trace >= 0 {
        let own = Int(structure.spanTrace[Int(owners[i])])
        let high = C.decodes ? 0 : links.leaves[row + Int(info.trace)]
        let low = C.decodes ? 0 : links.leaves[row + Int(info.trace) + 1]
        let found = C.decodes ? nil : traces.find(high, low)
        let symbol = c.codeTree(found == nil ? 2 : found == own ? 0 : 1, bits: 2, &models, base, limit: 60)
        switch symbol {
        case 0: trace = own
        case 1:
          let back = c.codeNumber(
            UInt64(traces.traces.count - 1 - (found ?? 0)), &models, structure.linkModels)
          guard back < UInt64(traces.traces.count) else { return c.fail() }
          trace = traces.traces.count - 1 - Int(back)
        default:
          trace = traces.traces.count
          if C.decodes { traces.add(Trace()) } else { traces.addKnown(high, low) }
          structure.draws.append(Draw(.linkTrace, row: i, target: trace))
        }
      }
      var node = -1
      if info.id >= 0 {
        let within = max(0, trace)
        let id = C.decodes ? 0 : links.leaves[row + Int(info.id)]
        var back = 0
        var known = false
        if !C.decodes, let target = traces.node(within, id) {
          var n = Int(traces.traces[within].lastNode)
          while n >= 0, n != target, back < BlockModel.reach {
            n = Int(traces.nodes[n].previous)
            back += 1
          }
          known = n == target
        }
        if c.codeBit(known, &models, base + 4, limit: 60) {
          let hops = c.codeNumber(UInt64(back), &models, structure.distanceModels)
          node = self.node(hops, before: Int(traces.traces[within].lastNode))
          guard node >= 0 else { return c.fail() }
        } else {
          node = traces.append(within, id: id, isSpan: false, encoding: !C.decodes)
          structure.draws.append(Draw(.linkSpan, row: i, target: node))
        }
      }
      structure.linkTrace.append(Int32(trace))
      structure.linkNode.append(Int32(node))
    }
  }
}
