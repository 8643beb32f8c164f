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
  private mutating func codeTemplate<C: BitCoder & ~Copyable>(
    _ template: UInt32, _ narrow: UInt64, _ wide: UInt64, _ alphabet: Int, _ c: inout C
  ) -> UInt32 {
    let a = contexts.context(narrow)
    let sym = UInt64(template)
    var out: UInt64
    if let found = contexts.code(sym, a, &c) { return UInt32(found) }
    let b = contexts.context(wide)
    if let found = contexts.code(sym, b, &c, excluded: a) {
      contexts.learn(found, a)
      return UInt32(found)
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
    rowAt.removeAll()
    traces.reserve(n)
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
        structure.draws.append(Draw(kind: .trace, row: Int32(i), target: Int32(trace)))
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
        traces.successor[structure.lastTrace] = UInt32(trace)
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
        guard Int(info.words) <= leafLimit &- spans.leaves.count else { return c.fail() }
        spans.leaves.append(zeros: Int(info.words))
        // "No trace" and a template with a trace id exclude each other.
        if (info.trace >= 0) != (symbol != BlockModel.noTrace) { return c.fail() }
      }
      previousTemplate = UInt64(template)
      rowAt.append(UInt32(row))
      // Parent and own id.
      if structure.parentModels[Int(template)] < 0 {
        structure.parentModels[Int(template)] = Int32(models.allocate(40))
      }
      let base = Int(structure.parentModels[Int(template)])
      var parent = -1
      if info.parent >= 0 {
        parent = codeParent(
          C.decodes ? 0 : spans.leaves[row + Int(info.parent)], trace, Int(template), base, i, &c)
        if c.failed { return }
      }
      var node = -1
      if info.id >= 0 {
        node = codeOwn(C.decodes ? 0 : spans.leaves[row + Int(info.id)], trace, base + 24, i, &c)
        if c.failed { return }
        traces.nodes[node].row = Int32(structure.firstRow + i)
      }
      traces.traces[trace].note(template: template, span: node, parent: parent)
      structure.spanTrace.append(UInt32(trace))
      structure.spanNode.append(Int32(node))
      structure.spanParent.append(Int32(parent))
      row += Int(info.words)
    }
  }

  /// The parent as a node: the previous span's parent (0), the previous span (1), some nodes back (2), or new (3).
  private mutating func codeParent<C: BitCoder & ~Copyable>(
    _ id: UInt64, _ trace: Int, _ template: Int, _ base: Int, _ row: Int, _ c: inout C
  ) -> Int {
    let t = traces.traces[trace]
    var symbol = 3
    var back = 0
    if !C.decodes {
      if t.lastParent >= 0, traces.nodes[Int(t.lastParent)].id == id {
        symbol = 0
      } else if t.lastSpan >= 0, traces.nodes[Int(t.lastSpan)].id == id {
        symbol = 1
      } else if t.lastNode >= 0, let node = traces.node(trace, id) {
        var n = Int(t.lastNode)
        while n >= 0, n != node, back < BlockModel.reach {
          n = Int(traces.nodes[n].previous)
          back += 1
        }
        if n == node { symbol = 2 }
      }
    }
    // No candidates, no choice.
    let state = Int(structure.parentLast[template]) + (t.lastNode < 0 ? 4 : t.lastParent < 0 ? 2 : 0)
    symbol = c.codeTree(symbol, bits: 2, &models, base + min(state, 5) * 4, limit: 120)
    structure.parentLast[template] = symbol == 3 ? 1 : 0
    switch symbol {
    case 0, 1:
      let node = Int(symbol == 0 ? t.lastParent : t.lastSpan)
      if node < 0 { c.fail() }
      return node
    case 2:
      var left = Int(truncatingIfNeeded: c.codeNumber(UInt64(back), &models, structure.distanceModels))
      var n = Int(t.lastNode)
      while n >= 0, left > 0, left <= BlockModel.reach {
        n = Int(traces.nodes[n].previous)
        left -= 1
      }
      if n < 0 || left != 0 { c.fail() }
      return n
    default:
      let node = traces.append(trace, id: id, isSpan: false, encoding: !C.decodes)
      structure.draws.append(Draw(kind: .orphan, row: Int32(row), target: Int32(node)))
      return node
    }
  }

  /// The span's own id: new (0), named before as a parent (1), or that of an earlier span (2).
  private mutating func codeOwn<C: BitCoder & ~Copyable>(
    _ id: UInt64, _ trace: Int, _ base: Int, _ row: Int, _ c: inout C
  ) -> Int {
    let t = traces.traces[trace]
    var symbol = 0
    var back = 0
    if !C.decodes, t.lastNode >= 0, let node = traces.node(trace, id) {
      if traces.nodes[node].isSpan {
        var n = Int(t.lastNode)
        var hops = 0
        while n >= 0, n != node, hops < BlockModel.reach {
          if traces.nodes[n].isSpan { back += 1 }
          n = Int(traces.nodes[n].previous)
          hops += 1
        }
        if n == node { symbol = 2 }
      } else {
        var n = Int(t.lastPending)
        while n >= 0, n != node, back < BlockModel.reach {
          n = Int(traces.nodes[n].pending)
          back += 1
        }
        if n == node { symbol = 1 }
      }
    }
    symbol = c.codeTree(symbol, bits: 2, &models, base + (t.lastPending >= 0 ? 4 : 0), limit: 120)
    if symbol == 0 || symbol == 3 {
      let node = traces.append(trace, id: id, isSpan: true, encoding: !C.decodes)
      structure.draws.append(Draw(kind: .span, row: Int32(row), target: Int32(node)))
      return node
    }
    var left = Int(
      truncatingIfNeeded:
        c.codeNumber(UInt64(back), &models, structure.distanceModels + symbol * ModelSize.number))
    guard left >= 0, left <= BlockModel.reach else {
      c.fail()
      return 0
    }
    if symbol == 1 {
      var (n, next) = (Int(t.lastPending), -1)
      while n >= 0, left > 0 {
        (n, next) = (Int(traces.nodes[n].pending), n)
        left -= 1
      }
      guard n >= 0 else {
        c.fail()
        return 0
      }
      traces.claim(n, of: trace, next: next)
      return n
    }
    var n = Int(t.lastNode)
    var hops = 0
    while n >= 0, hops <= BlockModel.reach {
      if traces.nodes[n].isSpan {
        if left == 0 { return n }
        left -= 1
      }
      n = Int(traces.nodes[n].previous)
      hops += 1
    }
    c.fail()
    return 0
  }

  /// Templates of the events or links of all spans, `owners` naming the span row of each.
  mutating func codeChildren<C: BitCoder & ~Copyable>(
    _ kind: RecordKind, owners: borrowing Buffer<UInt32>, spanTemplates: borrowing Buffer<UInt32>,
    _ records: inout Records, _ skeletons: borrowing Skeletons, _ c: inout C
  ) {
    rowAt.removeAll()
    var row = 0
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
        guard Int(template) < infos.count, skeletons.templates[Int(template)].record == kind,
          Int(infos[Int(template)].words) <= leafLimit &- records.leaves.count
        else { return c.fail() }
        records.templates.append(template)
        records.leaves.append(zeros: Int(infos[Int(template)].words))
      }
      previous = UInt64(template)
      rowAt.append(UInt32(row))
      row += Int(infos[Int(template)].words)
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
          structure.draws.append(Draw(kind: .linkTrace, row: Int32(i), target: Int32(trace)))
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
          var left = Int(truncatingIfNeeded: c.codeNumber(UInt64(back), &models, structure.distanceModels))
          node = Int(traces.traces[within].lastNode)
          while node >= 0, left > 0, left <= BlockModel.reach {
            node = Int(traces.nodes[node].previous)
            left -= 1
          }
          guard node >= 0, left == 0 else { return c.fail() }
        } else {
          node = traces.append(within, id: id, isSpan: false, encoding: !C.decodes)
          structure.draws.append(Draw(kind: .linkSpan, row: Int32(i), target: Int32(node)))
        }
      }
      structure.linkTrace.append(Int32(trace))
      structure.linkNode.append(Int32(node))
    }
  }
}
