import Bytes
import Columns

/// What one segment's encoder carries from block to block, and the way in: chunk, shred, code, payload.
///
/// A payload is: framing (u8, its high bit set where times are written out); the sections skeleton delta, text and
/// coded values, each behind its length as varint, with the number of new strings before the text; then the raw bits
/// to the end.
struct SegmentEncoder: ~Copyable {
  /// So many spans shall not take the tens of milliseconds that the slow model of text may.
  private static let manySpans = 1000

  let config: TracezipConfig
  let framing: BlockFraming
  private var state = ShredState()
  private var model = BlockModel()
  private var block = Block()
  private var scratch = BlockScratch()
  private var text = TextPacker()
  private var mark = SkeletonMark()
  private var section = Buffer<UInt8>()
  private var ids: IdEncoder
  private(set) var idReport = IdReport()

  init(config: TracezipConfig, framing: BlockFraming) {
    self.config = config
    ids = IdEncoder(effort: config.effort == .best ? .best : config.level < 3 ? .javaAndNode : .default)
    self.framing = framing
    state.interns = config.stringTable
    state.duplicates.isOn = config.deduplication
    model.switches.delta = config.delta
    model.switches.derived = config.derived
  }

  /// Whether the segment should end after this block: its strings, or its skeletons, are as many as they may be.
  var isFull: Bool {
    state.strings.bytes > config.largestStringTable || state.skeletons.nodes.count > 1 << 18
      || state.skeletons.templateSteps.count > Skeletons.mostTemplateSteps / 4
  }

  /// Encodes `chunk`, whole messages or a piece of a large one; appends the block payload to `out`. `isFollowed`: the
  /// block was full, so that others will follow.
  mutating func encode(
    _ chunk: ByteView, entry: ChunkEntry, isFollowed: Bool, hints: BlockHints? = nil, into out: inout Buffer<UInt8>
  ) -> BlockReport {
    block.removeAll()
    state.begin(chunk: chunk.count)
    let strings = state.strings.count
    if framing == .json {
      var spine = JSONSpine(chunk)
      spine.shred(entry, &state, &block)
    } else {
      var spine = ProtobufSpine(chunk, framing: framing)
      spine.shred(entry, &state, &block)
    }

    var report = BlockReport()
    report.deduplicatedRecords = state.duplicates.count
    report.templates = state.skeletons.templates.count - mark.templates
    model.codedIds.append(repeating: .max, count: state.strings.count - strings)
    model.newStrings.removeAll()
    for i in 0..<model.spent.count { model.spent[i] = 0 }
    var coder = RangeEncoder()
    model.code(&block, state.skeletons, limit: chunk.count, &scratch, &coder)
    idReport = model.encodeIds(block, scratch, state.strings, config, &ids, hints, &coder)
    model.finish(&block, scratch, decoding: false)
    coder.finish()

    let start = out.count
    // The high bit: times are written out, as `TracezipConfig.delta` asks.
    out.append(framing.rawValue | (config.delta ? 0 : 0x80))
    section.removeAll()
    state.skeletons.writeDelta(since: mark, into: &section)
    mark = state.skeletons.mark
    text.packDelta(section.view, blockSize: chunk.count, config, into: &out)
    let skeletonBytes = out.count - start
    out.append(varint: model.newStrings.count)
    let textByColumn = text.pack(
      model.newStrings, state.strings, columns: state.skeletons.columns.count, config,
      isOfLargeCapture: isFollowed || block.spans.templates.count >= Self.manySpans, into: &out)
    let textBytes = out.count - start - skeletonBytes
    out.append(varint: coder.coded.count)
    out.append(coder.coded.view)
    out.append(coder.raw.view)
    model.report(block, state.skeletons, &report)
    report.columns.append(CompressionStats.Column(name: "skeletons", storedBytes: skeletonBytes))
    var told = 0
    for (column, bytes) in textByColumn.enumerated() where bytes > 0 {
      told += bytes
      let path = model.columnPaths.path(column, state.skeletons)
      report.columns.append(CompressionStats.Column(name: path, storedBytes: bytes))
    }
    report.columns.append(
      CompressionStats.Column(name: "text", values: model.newStrings.count, storedBytes: max(0, textBytes - told)))
    report.services = model.services(state.skeletons, state.strings)
    return report
  }
}

/// The mirror of `SegmentEncoder`.
struct SegmentDecoder: ~Copyable {
  let limits: DecodeLimits
  /// What the last decoded block held.
  private(set) var report = BlockReport()
  private var skeletons = Skeletons()
  private var strings = StringTable()
  private var model = BlockModel()
  private var block = Block()
  private var scratch = BlockScratch()
  private var text = TextPacker()
  private var weaver = Weaver()
  private var section = Buffer<UInt8>()
  private var ids = IdDecoder()
  private(set) var idReport = IdReport()

  /// - Parameter details: for statistics; makes decoding slower.
  init(limits: DecodeLimits, details: Bool = false) {
    self.limits = limits
    model.slotCosts.isOn = details
    if details { text.tellCosts() }
  }

  /// Restores exactly `restoredCount` bytes from `payload` and appends them to `out`.
  mutating func decode(
    _ payload: ByteView, restoredCount: Int, into out: inout Buffer<UInt8>
  ) throws(BlockError) {
    var reader = PayloadReader(payload)
    guard let first = payload.isEmpty ? nil : payload[0], let framing = BlockFraming(rawValue: first & 0x7F) else {
      throw malformed("a block has no framing")
    }
    model.switches.delta = first < 0x80
    reader.at = 1
    guard let packedDelta = reader.section() else { throw malformed("a block's skeletons are cut off") }
    section.removeAll()
    guard text.unpackDelta(packedDelta, limit: restoredCount * 4 + 65536, into: &section),
      skeletons.readDelta(section.view)
    else { throw malformed("a block's skeletons make no sense") }
    guard let newStrings = reader.number(), newStrings <= restoredCount + 1, let packedText = reader.section(),
      text.unpack(
        packedText, count: newStrings, columns: skeletons.columns.count, limit: restoredCount * 2 + 65536,
        into: &strings)
    else { throw malformed("a block's strings make no sense") }
    guard let coded = reader.section() else { throw malformed("a block's values are cut off") }
    block.removeAll()
    model.stringLimit = strings.count
    model.newStrings.removeAll()
    for i in 0..<model.spent.count { model.spent[i] = 0 }
    var coder = RangeDecoder(coded: coded, raw: payload.dropFirst(reader.at))
    let templates = model.infos.count
    model.code(&block, skeletons, limit: restoredCount, &scratch, &coder)
    guard !coder.failed, model.stringCount == strings.count else { throw malformed("a block's values make no sense") }
    guard let idReport = model.decodeIds(block, scratch, &ids, &coder) else {
      throw malformed("a block's ids make no sense")
    }
    self.idReport = idReport
    model.finish(&block, scratch, decoding: true)
    let before = out.count
    guard
      weaver.weave(
        block, skeletons, strings, model.constants, framing: framing, limit: restoredCount, into: &out),
      out.count - before == restoredCount
    else { throw malformed("a block's records do not fit together") }
    let memory = stateBytes
    if memory > limits.memory { throw BlockError(.limitExceeded(limit: limits.memory, value: memory)) }
    report = BlockReport()
    report.templates = skeletons.templates.count - templates
    report.services = model.services(skeletons, strings)
    model.report(block, skeletons, &report)
    if model.slotCosts.isOn { account(newStrings, packedText) }
    report.columns.append(CompressionStats.Column(name: "skeletons", storedBytes: packedDelta.count))
    report.columns.append(CompressionStats.Column(name: "text", values: newStrings, storedBytes: packedText.count))
  }

  /// What the segment's state takes, about.
  private var stateBytes: Int {
    strings.bytes + strings.count * MemoryLayout<StringTable.Entry>.stride + model.bytes
      + skeletons.templateSteps.count * 4
  }

  /// Shares the bytes of the block just decoded out, for statistics.
  private mutating func account(_ new: Int, _ packedText: ByteView) {
    let costs = text.costs(packedText)
    var accountant = BlockAccountant(
      skeletons, strings, spans: block.spans.templates.count, new: new, text: costs)
    report.details = accountant.run(
      block, model, skeletons, strings, scratch, sizes: weaver.spanSizes, text: costs)
    report.details?.add(idReport, ids: model.structure.draws.count, bytes: model.spentParts.ids)
  }

  private func malformed(_ reason: String) -> BlockError { BlockError(.malformed(reason: reason)) }
}

/// Lengths and sections of a payload, never past its end.
struct PayloadReader {
  let payload: ByteView
  var at = 0

  init(_ payload: ByteView) { self.payload = payload }

  mutating func number() -> Int? {
    guard let v = payload.varint(at: at), v.value < 1 << 40 else { return nil }
    at += v.width
    return Int(v.value)
  }

  mutating func section() -> ByteView? {
    guard let n = number(), n <= payload.count - at else { return nil }
    at += n
    return payload[at - n..<at]
  }
}
