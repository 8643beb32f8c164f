import Bytes
import Columns

/// What one segment's encoder carries from block to block, and the way in: chunk -> shred -> code -> payload.
struct SegmentEncoder: ~Copyable {
  private let framing: BlockFraming
  private var state = ShredState()
  private var model = BlockModel()
  private var block = Block()
  private var scratch = BlockScratch()
  private var backend = Backend()
  private var mark = SkeletonMark()

  init(framing: BlockFraming) { self.framing = framing }

  /// Encodes `chunk` (whole frames, or a piece of one giant message as `entry` says) and appends the payload to `out`.
  mutating func encode(_ chunk: ByteView, entry: ChunkEntry, into out: inout Buffer<UInt8>) {
    block.removeAll()
    if framing == .json {
      var spine = JSONSpine(chunk)
      spine.shred(entry, &state, &block)
    } else {
      var spine = ProtobufSpine(chunk, framing: framing)
      spine.shred(entry, &state, &block)
    }

    while model.codedIds.count < state.strings.count { model.codedIds.append(.max) }
    model.newStrings.removeAll()
    var coder = RangeEncoder()
    model.code(&block, state.skeletons, limit: chunk.count, &scratch, &coder)
    coder.finish()

    var delta = Buffer<UInt8>()
    state.skeletons.writeDelta(since: mark, into: &delta)
    mark = state.skeletons.mark
    var packed = Buffer<UInt8>()
    out.append(framing.rawValue)
    if delta.count > 0 { backend.pack(delta.view, BackendSettings(kind: .zstd, level: 9), into: &packed) }
    out.append(varint: packed.count)
    out.append(packed.view)
    var text = Buffer<UInt8>()
    packed.removeAll()
    out.append(varint: model.newStrings.count)
    for i in 0..<model.newStrings.count {
      text.append(varint: state.strings.view(Int(model.newStrings[i] & 0xFFFF_FFFF)).count)
    }
    for i in 0..<model.newStrings.count { text.append(state.strings.view(Int(model.newStrings[i] & 0xFFFF_FFFF))) }
    if text.count > 0 { backend.pack(text.view, BackendSettings(kind: .zstd, level: 6), into: &packed) }
    out.append(varint: packed.count)
    out.append(packed.view)
    textBytes += packed.count
    deltaBytes += delta.count
    coded += coder.coded.count
    raw += coder.raw.count
    out.append(varint: coder.coded.count)
    out.append(coder.coded.view)
    out.append(coder.raw.view)
  }
  var textBytes = 0
  var deltaBytes = 0
  var coded = 0
  var raw = 0

  func report() {
    print("text \(textBytes) delta(raw) \(deltaBytes) coded \(coded) raw \(raw) templates \(state.skeletons.templates.count) nodes \(state.skeletons.nodes.count) strings \(state.strings.count)")
    var all: [(String, UInt64)] = []
    for i in 0..<state.skeletons.columns.count {
      let c = state.skeletons.columns[i]
      all.append(("\(c.record).\(c.field) \(state.skeletons.name(c).string) v\(c.value)", model.spent[i]))
    }
    for (n, b) in all.sorted(by: { $0.1 > $1.1 }).prefix(25) { print("  \(b)  \(n)") }
    for i in 0..<model.spentParts.count { print("  part \(i): \(model.spentParts[i])") }
  }
}

/// Why a block cannot be decoded.
enum BlockError: Error {
  case damaged(String)
}

/// The mirror of `SegmentEncoder`.
struct SegmentDecoder: ~Copyable {
  private var skeletons = Skeletons()
  private var strings = StringTable()
  private var model = BlockModel()
  private var block = Block()
  private var scratch = BlockScratch()
  private var backend = Backend()

  init() {}

  mutating func decode(_ payload: ByteView, restoredCount: Int, into out: inout Buffer<UInt8>) throws {
    var at = 0
    func number() throws -> Int {
      guard let v = payload.varint(at: at), v.value < 1 << 40 else { throw BlockError.damaged("number") }
      at += v.width
      return Int(v.value)
    }
    func section() throws -> ByteView {
      let n = try number()
      guard n <= payload.count - at else { throw BlockError.damaged("section") }
      at += n
      return payload[at - n..<at]
    }
    guard payload.count > 0, let framing = BlockFraming(rawValue: payload[0]) else { throw BlockError.damaged("framing") }
    at = 1
    let packedDelta = try section()
    var delta = Buffer<UInt8>()
    if packedDelta.count > 0 { try backend.unpack(packedDelta, limit: 64 << 20, into: &delta) }
    guard skeletons.readDelta(delta.view) else { throw BlockError.damaged("skeletons") }
    let newStrings = try number()
    let packedText = try section()
    var text = Buffer<UInt8>()
    if packedText.count > 0 { try backend.unpack(packedText, limit: restoredCount * 2 + 1024, into: &text) }
    var t = 0
    var from = 0
    for _ in 0..<newStrings {
      guard let v = text.view.varint(at: from) else { throw BlockError.damaged("text") }
      from += v.width
    }
    for _ in 0..<newStrings {
      guard let v = text.view.varint(at: t), v.value <= UInt64(text.count - from) else { throw BlockError.damaged("text") }
      t += v.width
      strings.append(text[from..<from + Int(v.value)])
      from += Int(v.value)
    }
    let coded = try section()
    block.removeAll()
    model.stringLimit = strings.count
    var coder = RangeDecoder(coded: coded, raw: payload.dropFirst(at))
    model.code(&block, skeletons, limit: restoredCount, &scratch, &coder)
    guard !coder.failed, model.stringCount == strings.count else { throw BlockError.damaged("values") }
    var weaver = Weaver()
    let before = out.count
    guard weaver.weave(block, skeletons, strings, framing: framing, limit: restoredCount, into: &out),
      out.count - before == restoredCount
    else { throw BlockError.damaged("weave \(out.count - before) of \(restoredCount)") }
  }
}

/// Measures a file: a stand-in until the archive is there.
public func measure(_ bytes: [UInt8], framing: BlockFraming, blockSize: Int, report: Bool) throws {
  let clock = ContinuousClock()
  try bytes.withView { view in
    var encoder = SegmentEncoder(framing: framing)
    var all = Buffer<UInt8>()
    var ranges: [(Range<Int>, Int)] = []
    let t0 = clock.now
    var at = 0
    while at < view.count {
      var end = at
      if framing == .lengthPrefixed {
        while end + 4 <= view.count, end - at < blockSize {
          let n = Int(UInt32(bigEndian: view.load(UInt32.self, at: end)))
          if end + 4 + n > view.count { break }
          end += 4 + n
        }
        if end == at { end = view.count }
      } else if framing == .json, at + blockSize < view.count, let newline = view.firstIndex(of: 0x0A, from: at + blockSize)
      {
        end = newline + 1
      } else {
        end = view.count
      }
      let before = all.count
      encoder.encode(view[at..<end], entry: ChunkEntry(), into: &all)
      ranges.append((before..<all.count, end - at))
      at = end
    }
    let t1 = clock.now
    print("encoded \(all.count) in \(t1 - t0), blocks \(ranges.count)")
    if report { encoder.report() }
    var decoder = SegmentDecoder()
    var out = Buffer<UInt8>()
    let t2 = clock.now
    for (range, n) in ranges {
      try decoder.decode(all[range], restoredCount: n, into: &out)
    }
    let t3 = clock.now
    print("decoded in \(t3 - t2); \(out.view == view ? "EXACT" : "DIFFERENT")")
  }
}
