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
  private mutating func fillDraws(
    _ block: borrowing Block, _ scratch: borrowing BlockScratch, into filled: inout Buffer<IdDraw>, encoding: Bool
  ) {
    let count = structure.draws.count
    let rows = structure.spanTrace.count
    rootRows.resize(to: traces.traces.count, filling: -1)
    for row in (0..<rows).reversed() where infos[Int(block.spans.templates[row])].parent < 0 {
      rootRows[Int(structure.spanTrace[row])] = Int32(structure.firstRow + row)
    }
    let (draws, nodes) = (structure.draws.elements, traces.nodes.elements)
    drawRows.resize(to: count, filling: 0)
    drawOrder.resize(to: count, filling: 0)
    let (rowOf, order) = (drawRows.elements, drawOrder.elements)
    var ends = Buffer<Int32>(repeating: 0, count: rows)
    var sorted = true
    var last = 0
    for i in 0..<count {
      let draw = draws[i]
      let isLink = draw.kind == .linkTrace || draw.kind == .linkSpan
      var row = isLink ? Int(scratch.owners[Int(draw.row)]) : Int(draw.row)
      let home =
        draw.kind == .trace || draw.kind == .linkTrace
        ? Int(rootRows[Int(draw.target)]) : Int(nodes[Int(draw.target)].row)
      let isHome = home >= structure.firstRow
      if isHome { row = home &- structure.firstRow }
      if row < last { sorted = false }
      last = row
      ends[row] &+= 1
      rowOf[i] = Int32(truncatingIfNeeded: row) &<< 1 | (isHome ? 1 : 0)
    }
    if sorted {
      for i in 0..<count { order[i] = Int32(truncatingIfNeeded: i) }
    } else {
      let places = ends.elements
      var start: Int32 = 0
      for row in 0..<places.count {
        let here = places[row]
        places[row] = start
        start &+= here
      }
      for i in 0..<count {
        let row = Int(rowOf[i] &>> 1)
        order[Int(places[row])] = Int32(truncatingIfNeeded: i)
        places[row] &+= 1
      }
    }
    filled.removeAll()
    filled.reserve(count)
    let (templates, leaves, starts) = (
      block.spans.templates.elements[0..<rows], block.spans.leaves.elements, scratch.spanRows.elements[0..<rows]
    )
    let (described, scopes) = (infos.elements, scratch.rows.scopes.elements[0..<rows])
    let (spanTraces, parents) = (structure.spanTrace.elements[0..<rows], structure.spanParent.elements[0..<rows])
    let processes = spine.scopeProcess.elements
    // Rows have been compared with `rows` above, and each of `order` is one of `count`.
    for k in 0..<count {
      if k &+ 8 < count {
        let next = Int(order.unchecked(k &+ 8))
        nodes.prefetch(Int(draws.unchecked(next).target))
        leaves.prefetch(Int(starts.unchecked(Int(rowOf.unchecked(next) &>> 1))) &+ 6)
      }
      let i = Int(order.unchecked(k))
      let draw = draws.unchecked(i)
      let place = rowOf.unchecked(i)
      let row = Int(place &>> 1)
      let template = templates.unchecked(row)
      let info = described[Int(template)]
      let at = Int(starts.unchecked(row))
      let isTrace = draw.kind == .trace || draw.kind == .linkTrace
      let isHome = place & 1 != 0
      let name = info.name >= 0 ? leaves[at &+ Int(info.name)] : UInt64(template) | 1 << 31
      var next = IdDraw(
        kind: isTrace ? isHome ? .trace : .strangeTrace : isHome ? .span : .orphan,
        process: processes[Int(scopes.unchecked(row))], span: UInt32(truncatingIfNeeded: structure.firstRow &+ row),
        name: UInt32(truncatingIfNeeded: name), start: info.start >= 0 ? leaves[at &+ Int(info.start)] : 0)
      if !isTrace {
        next.node = UInt32(truncatingIfNeeded: draw.target)
        let parent = parents.unchecked(row)
        if isHome, parent >= 0 { next.parent = UInt32(truncatingIfNeeded: parent) }
      }
      if encoding {
        next.end = info.end >= 0 ? leaves[at &+ Int(info.end)] : 0
        next.trace = spanTraces.unchecked(row)
        if isTrace {
          let trace = traces.traces[Int(draw.target)]
          (next.low, next.high) = (trace.low, trace.high)
        } else {
          next.low = nodes[Int(draw.target)].id
        }
      }
      filled.append(next)
    }
  }

  /// Bit: whether the block's draws are coded by the id codec. They are put into `draws` for it if so, else coded here.
  mutating func beginIds(
    _ block: borrowing Block, _ scratch: borrowing BlockScratch, byCodec: Bool, into draws: inout Buffer<IdDraw>,
    _ c: inout RangeEncoder
  ) {
    draws.removeAll()
    guard structure.draws.count > 0 else { return }
    let before = c.spent
    defer { spentParts.ids = c.spent - before }
    if c.codeBit(byCodec, &models, structure.linkModels + ModelSize.number + 10, limit: 30) {
      fillDraws(block, scratch, into: &draws, encoding: true)
    } else {
      codeDraws(&c)
    }
  }

  /// The mirror, with the ids; nil where they make no sense. `draws` is scratch.
  mutating func decodeIds(
    _ block: borrowing Block, _ scratch: borrowing BlockScratch, _ decoder: inout IdDecoder,
    _ draws: inout Buffer<IdDraw>, _ c: inout RangeDecoder
  ) -> IdReport? {
    let before = c.spent
    defer { spentParts.ids = c.spent - before }
    var report = IdReport()
    guard structure.draws.count > 0 else { return report }
    guard c.codeBit(false, &models, structure.linkModels + ModelSize.number + 10, limit: 30) else {
      codeDraws(&c)
      return c.failed ? nil : report
    }
    fillDraws(block, scratch, into: &draws, encoding: false)
    guard (try? decoder.decode(&draws, &report, &c)) != nil else { return nil }
    for i in 0..<structure.draws.count {
      let target = Int(structure.draws[Int(drawOrder[i])].target)
      if draws[i].isTrace {
        traces.traces[target].low = draws[i].low
        traces.traces[target].high = draws[i].high
      } else {
        traces.nodes[target].id = draws[i].low
      }
    }
    return report
  }

  /// What the resources of processes from number `first` on say of their SDKs. `languages`: by resource.
  func processLanguages(from first: Int, _ languages: [UInt32: IdLanguage]) -> [IdLanguage] {
    (first..<max(first, spine.processResource.count)).map { process in
      let resource = spine.processResource[process]
      guard resource > 0, Int(resource - 1) < shredIds.count else { return .unknown }
      return languages[shredIds[Int(resource - 1)]] ?? .unknown
    }
  }

  /// Stores the ids that nothing tells: raw bits, apart from habits that cost nothing to notice (a trace id's high half
  /// zero, a span id equal to the low half of its trace id).
  private mutating func codeDraws<C: BitCoder & ~Copyable>(_ c: inout C) {
    let base = structure.linkModels + ModelSize.number + 8
    for i in 0..<structure.draws.count {
      let draw = structure.draws[i]
      let target = Int(draw.target)
      switch draw.kind {
      case .trace, .linkTrace:
        let t = traces.traces[target]
        if c.codeBit(t.high == 0, &models, base, limit: 250) {
          traces.traces[target].high = 0
        } else {
          traces.traces[target].high = c.codeRaw(t.high, count: 64)
        }
        traces.traces[target].low = c.codeRaw(t.low, count: 64)
      case .span:
        let n = traces.nodes[target]
        let low = traces.traces[Int(n.trace)].low
        if c.codeBit(n.id == low, &models, base + 1, limit: 250) {
          traces.nodes[target].id = low
        } else {
          traces.nodes[target].id = c.codeRaw(n.id, count: 64)
        }
      case .orphan, .linkSpan:
        traces.nodes[target].id = c.codeRaw(traces.nodes[target].id, count: 64)
      }
    }
  }
}
