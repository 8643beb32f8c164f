import Bytes
import Columns

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
    report.services = skeletons.services(model.newStrings, strings)
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
