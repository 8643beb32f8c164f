import Bytes
import Columns

/// Ids that must be stored: by the generators that drew them where those are found, else bit by bit.
extension BlockModel {
  /// The block's draws as the id codec wants them: what the decoder knows of each by now, and for the encoder the ids
  /// and clues.
  ///
  /// An id that was first met elsewhere, as a parent or in a link, or a trace id in another process, is the draw of the
  /// span that it was made for if that is in the block: there its place among the process' draws is known. Draws are in
  /// the order of rows, so that a root's two are neighbours.
  @inline(__always)
  private mutating func fillDraws(
    _ block: borrowing Block, _ scratch: borrowing BlockScratch, into filled: inout Buffer<IdDraw>, encoding: Bool
  ) {
    let count = structure.draws.count
    let rows = structure.spanTrace.count
    let firstRow = structure.firstRow
    let (draws, nodes, known) = (structure.draws.elements, traces.nodes.elements, traces.traces.elements)
    // What these hold of the block before is all overwritten.
    placedDraws.resize(to: count, filling: PlacedDraw())
    if !encoding { arrangedDraws.resize(to: count, filling: PlacedDraw()) }
    filled.resize(to: count, filling: IdDraw(kind: .span, process: 0, span: 0, name: 0, start: 0))
    let (found, arranged, drawsOut) = (placedDraws.elements, arrangedDraws.elements, filled.elements)
    // How many draws each row has, then where the next of them goes.
    drawEnds.removeAll()
    drawEnds.append(zeros: rows)
    let places = drawEnds.elements
    for i in 0..<count {
      let draw = draws.unchecked(i)
      let isLink = draw.kind == .linkTrace || draw.kind == .linkSpan
      let isTrace = draw.kind == .trace || draw.kind == .linkTrace
      var row = isLink ? Int(scratch.owners[Int(draw.row)]) : Int(draw.row)
      let home = isTrace ? Int(known[Int(draw.target)].root) : Int(nodes[Int(draw.target)].row)
      let isHome = home >= firstRow
      if isHome { row = home &- firstRow }
      places[row] &+= 1
      found.setUnchecked(
        i,
        PlacedDraw(
          row: Int32(truncatingIfNeeded: row), target: draw.target,
          kind: isTrace ? isHome ? .trace : .strangeTrace : isHome ? .span : .orphan))
    }
    // Rows have been compared with `rows` by now, and targets with nodes and traces.
    var start: UInt32 = 0
    for row in 0..<rows {
      let here = places.unchecked(row)
      places.setUnchecked(row, start)
      start &+= here
    }
    let (templates, leaves, starts) = (
      block.spans.templates.elements[0..<rows], block.spans.leaves.elements, scratch.spanRows.elements[0..<rows]
    )
    let (described, scopes) = (placed.elements, scratch.rows.scopes.elements[0..<rows])
    let (spanTraces, parents) = (structure.spanTrace.elements[0..<rows], structure.spanParent.elements[0..<rows])
    let processes = spine.scopeProcess.elements
    for k in 0..<count {
      let draw = found.unchecked(k)
      let row = Int(draw.row)
      let place = Int(places.unchecked(row))
      places.setUnchecked(row, UInt32(truncatingIfNeeded: place &+ 1))
      if !encoding { arranged[place] = draw }
      let template = templates.unchecked(row)
      let info = described[Int(template)]
      let at = Int(starts.unchecked(row))
      let name = info.name >= 0 ? leaves[at &+ Int(info.name)] : UInt64(template) | 1 << 31
      var next = IdDraw(
        kind: draw.kind, process: processes[Int(scopes.unchecked(row))],
        span: UInt32(truncatingIfNeeded: firstRow &+ row), name: UInt32(truncatingIfNeeded: name),
        start: info.start >= 0 ? leaves[at &+ Int(info.start)] : 0)
      if !draw.kind.isTrace {
        next.node = UInt32(truncatingIfNeeded: draw.target)
        let parent = parents.unchecked(row)
        if draw.kind == .span, parent >= 0 { next.parent = UInt32(truncatingIfNeeded: parent) }
      }
      if encoding {
        next.end = info.end >= 0 ? leaves[at &+ Int(info.end)] : 0
        next.trace = spanTraces.unchecked(row)
        if draw.kind.isTrace {
          let trace = known.unchecked(Int(draw.target))
          (next.low, next.high) = (trace.low, trace.high)
        } else {
          next.low = nodes.unchecked(Int(draw.target)).id
        }
      }
      drawsOut[place] = next
    }
    if !encoding { swap(&placedDraws, &arrangedDraws) }
  }

  /// Bit: whether the block's draws are coded by the id codec. They are put into `draws` for it if so, else coded here.
  mutating func beginIds(
    _ block: borrowing Block, _ scratch: borrowing BlockScratch, byCodec: Bool, into draws: inout Buffer<IdDraw>,
    _ c: inout RangeEncoder
  ) {
    guard structure.draws.count > 0 else { return draws.removeAll() }
    let before = c.spent
    defer { spentParts.ids = c.spent - before }
    if c.codeBit(byCodec, &models, structure.linkModels + ModelSize.number + 10, limit: 30) {
      fillDraws(block, scratch, into: &draws, encoding: true)
    } else {
      draws.removeAll()
      codePlain(&c)
    }
  }

  /// The mirror: leaves to another step what it needs to decode the block's ids and to put them into the rows. That step
  /// goes on with `c`.
  mutating func handIds(
    _ block: borrowing Block, _ scratch: borrowing BlockScratch, _ c: consuming RangeDecoder, to hand: inout HandedIds
  ) {
    (hand.nodes, hand.traces) = (traces.nodes.count, traces.traces.count)
    hand.placed.removeAll()
    hand.coder = nil
    if structure.draws.count > 0 {
      hand.bytesBefore = c.spent
      if c.codeBit(false, &models, structure.linkModels + ModelSize.number + 10, limit: 30) {
        fillDraws(block, scratch, into: &hand.draws, encoding: false)
        swap(&hand.placed, &placedDraws)
      } else {
        hand.draws.removeAll()
        fillPlain(&hand.placed)
      }
      hand.coder = consume c
    }
    findWords(block, scratch.spanRows, &hand)
  }

  private func fillPlain(_ placed: inout Buffer<PlacedDraw>) {
    for i in 0..<structure.draws.count {
      let draw = structure.draws[i]
      var plain = PlacedDraw(target: draw.target)
      switch draw.kind {
      case .trace, .linkTrace: plain.kind = .trace
      case .span: plain.row = traces.nodes[Int(draw.target)].trace
      case .orphan, .linkSpan: plain.kind = .orphan
      }
      placed.append(plain)
    }
  }

  /// Where ids of nodes and traces belong in the rows.
  private func findWords(_ block: borrowing Block, _ spanRows: borrowing Buffer<UInt32>, _ hand: inout HandedIds) {
    hand.spanWords.removeAll()
    hand.spanWords.reserve(block.spans.templates.count)
    for i in 0..<block.spans.templates.count {
      hand.spanWords.append(
        IdWords(
          placed[Int(block.spans.templates[i])], spanRows[i],
          trace: Int32(truncatingIfNeeded: structure.spanTrace[i]), node: structure.spanNode[i],
          parent: structure.spanParent[i]))
    }
    hand.linkWords.removeAll()
    for i in 0..<block.links.templates.count {
      hand.linkWords.append(
        IdWords(
          placed[Int(block.links.templates[i])], rowAt[i], trace: structure.linkTrace[i], node: structure.linkNode[i],
          parent: -1))
    }
  }

  /// What the resources of processes from number `first` on say of their SDKs. `languages`: by resource.
  func processLanguages(from first: Int, _ languages: [UInt32: IdLanguage]) -> [IdLanguage] {
    (first..<max(first, spine.processResource.count)).map { process in
      let resource = spine.processResource[process]
      guard resource > 0, Int(resource - 1) < shredIds.count else { return .unknown }
      return languages[shredIds[Int(resource - 1)]] ?? .unknown
    }
  }

  /// Stores the ids that nothing tells.
  private mutating func codePlain(_ c: inout RangeEncoder) {
    for i in 0..<structure.draws.count {
      let draw = structure.draws[i]
      let target = Int(draw.target)
      switch draw.kind {
      case .trace, .linkTrace: _ = plainIds.codeTrace(traces.traces[target].high, traces.traces[target].low, &c)
      case .span:
        let node = traces.nodes[target]
        _ = plainIds.codeSpan(node.id, traceLow: traces.traces[Int(node.trace)].low, &c)
      case .orphan, .linkSpan: _ = c.codeRaw(traces.nodes[target].id, count: 64)
      }
    }
  }
}

/// A draw where it is coded.
struct PlacedDraw: BitwiseCopyable {
  /// Of the span that it was made for, if that is in the block, else of the one where it was met.
  var row: Int32 = 0
  /// Node, or trace.
  var target: Int32 = 0
  var kind = IdKind.span
}
