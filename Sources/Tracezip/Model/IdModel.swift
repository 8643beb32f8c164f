import Bytes
import Columns

/// Ids that must be stored: by the generators that drew them where those are found, else bit by bit.
extension BlockModel {
  /// What the decoder knows of each draw by now, for the id codec.
  private func idContext(_ block: borrowing Block, _ scratch: borrowing BlockScratch) -> IdContext {
    var context = IdContext()
    let n = structure.draws.count
    context.process.reserveCapacity(n)
    context.start.reserveCapacity(n)
    context.name.reserveCapacity(n)
    context.kind.reserveCapacity(n)
    context.span.reserveCapacity(n)
    context.parent.reserveCapacity(n)
    // Draw of each node made in this block.
    var draws = Buffer<Int32>(repeating: -1, count: traces.nodes.count - structure.firstNode)
    for i in 0..<n {
      let draw = structure.draws[i]
      if draw.kind != .trace, draw.kind != .linkTrace { draws[Int(draw.target) - structure.firstNode] = Int32(i) }
    }
    for i in 0..<n {
      let draw = structure.draws[i]
      let isLink = draw.kind == .linkTrace || draw.kind == .linkSpan
      let row = isLink ? Int(scratch.owners[Int(draw.row)]) : Int(draw.row)
      let info = infos[Int(block.spans.templates[row])]
      let at = Int(scratch.spanRows[row])
      let kind: IdKind
      switch draw.kind {
      case .span: kind = .span
      case .trace: kind = info.parent < 0 ? .trace : .strangeTrace
      case .linkTrace: kind = .strangeTrace
      case .orphan, .linkSpan: kind = .orphan
      }
      let parentNode = Int(structure.spanParent[row]) - structure.firstNode
      let name = info.name >= 0 ? block.spans.leaves[at + Int(info.name)] : UInt64(block.spans.templates[row]) | 1 << 31
      context.append(
        process: spine.scopeProcess[Int(scratch.rows.scopes[row])],
        start: info.start >= 0 ? block.spans.leaves[at + Int(info.start)] : 0, name: UInt32(truncatingIfNeeded: name),
        kind: kind, span: UInt32(row), parent: parentNode >= 0 && kind == .span ? draws[parentNode] : -1)
    }
    return context
  }

  /// Encodes the draws: appends their section to `out` and, where no generator is worth it, the ids to the raw bits.
  mutating func encodeIds(
    _ block: borrowing Block, _ scratch: borrowing BlockScratch, _ strings: borrowing StringTable,
    _ config: TracezipConfig, _ hints: inout IdHints, _ c: inout RangeEncoder, into out: inout Buffer<UInt8>
  ) -> IdReport? {
    if structure.draws.count > 0, config.idPrediction, config.effort != .fast {
      let context = idContext(block, scratch)
      var values = IdValues()
      values.low.reserveCapacity(context.count)
      values.high.reserveCapacity(context.count)
      for i in 0..<structure.draws.count {
        let draw = structure.draws[i]
        if draw.kind == .trace || draw.kind == .linkTrace {
          values.low.append(traces.traces[Int(draw.target)].low)
          values.high.append(traces.traces[Int(draw.target)].high)
        } else {
          values.low.append(traces.nodes[Int(draw.target)].id)
          values.high.append(0)
        }
      }
      let effort: IdEffort = config.effort == .best ? .best : config.level < 3 ? .javaAndNode : .default
      let clues = idClues(block, scratch, strings)
      if let (bytes, report) = IdCodec.encode(values, context, clues: clues, effort: effort, hints: &hints) {
        out.append(varint: bytes.count)
        out.append(bytes)
        spentParts.ids = bytes.count
        return report
      }
    }
    out.append(varint: 0)
    let before = c.spent
    codeDraws(&c)
    spentParts.ids = c.spent - before
    return nil
  }

  /// The mirror; false where the section makes no sense.
  mutating func decodeIds(
    _ section: ByteView, _ block: borrowing Block, _ scratch: borrowing BlockScratch, _ c: inout RangeDecoder
  ) -> Bool {
    if section.isEmpty {
      let before = c.spent
      codeDraws(&c)
      spentParts.ids = c.spent - before
      return !c.failed
    }
    let context = idContext(block, scratch)
    guard let values = try? IdCodec.decode(section, context), values.low.count == structure.draws.count else {
      return false
    }
    for i in 0..<structure.draws.count {
      let draw = structure.draws[i]
      if draw.kind == .trace || draw.kind == .linkTrace {
        traces.traces[Int(draw.target)].low = values.low[i]
        traces.traces[Int(draw.target)].high = values.high[i]
      } else {
        traces.nodes[Int(draw.target)].id = values.low[i]
      }
    }
    spentParts.ids = section.count
    return true
  }

  /// What helps the encoder to find generators and the decoder does not need.
  private func idClues(
    _ block: borrowing Block, _ scratch: borrowing BlockScratch, _ strings: borrowing StringTable
  ) -> IdClues {
    var clues = IdClues()
    let key = Array("telemetry.sdk.language".utf8)
    for i in 0..<spine.processResource.count {
      let resource = spine.processResource[i]
      let text = resource == 0 ? nil : resourceText(Int(resource - 1), strings)
      let language = text.flatMap { stringAttribute(key, in: strings.view($0)) } ?? []
      clues.language.append(IdLanguage(sdk: String(decoding: language, as: UTF8.self)))
    }
    clues.end.reserveCapacity(structure.draws.count)
    clues.trace.reserveCapacity(structure.draws.count)
    for i in 0..<structure.draws.count {
      let draw = structure.draws[i]
      let isLink = draw.kind == .linkTrace || draw.kind == .linkSpan
      let row = isLink ? Int(scratch.owners[Int(draw.row)]) : Int(draw.row)
      let info = infos[Int(block.spans.templates[row])]
      clues.end.append(info.end >= 0 ? block.spans.leaves[Int(scratch.spanRows[row]) + Int(info.end)] : 0)
      clues.trace.append(structure.spanTrace[row])
    }
    return clues
  }

  /// The encoder's string with coded id `coded`, if it is a resource.
  private func resourceText(_ coded: Int, _ strings: borrowing StringTable) -> Int? {
    coded < shredIds.count ? Int(shredIds[coded]) : nil
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
