import Bytes

/// A chunk's way through the workers: input bytes one way, frames the other. Its memory is used again for later chunks.
final class Chunk: @unchecked Sendable {
  var bytes = Buffer<UInt8>()
  /// Where its bytes are to be read once more, since `bytes` is empty.
  var place: (source: ByteSource, offset: Int)?
  /// Why that could not be done.
  var failure: TracezipError?
  var cut = ChunkCut(count: 0, framing: .unknown)
  /// Store it without trying anything.
  var isPlain = false
  /// What its segment tells the next one, and the segment before tells it; and its number in the segment.
  var hints: SharedHints?
  var hintsBefore: SharedHints?
  var number = 0
  /// Who finishes it, where that is not the worker, and what has been done for it ahead of its turn.
  var packer: SegmentPacker?
  var ahead: Ahead?
  var endsSegment = false
  /// It was cut because it was full, not because the input ends or was flushed.
  var isFollowed = false
  /// The check of the bytes, if the caller has made it.
  var restoredCheck: UInt32?
  /// The frames made of it, and their checks in order.
  var frames = Buffer<UInt8>()
  var checks: [UInt32] = []
  /// Segments that ended before or with this chunk.
  var ended: [SegmentSummary] = []
  /// What was found in it; columns by name.
  var report = BlockReport()
  var plainBytes = 0
  var blocks = 0

  /// A chunk that has been shredded ahead of its turn.
  struct Ahead {
    let encoder: SegmentEncoder
    let hand: BlockAtHand
    /// Whether it is the first that `encoder` has seen.
    let isFirst: Bool
  }

  init() {}

  func reset() {
    bytes.removeAll()
    packer = nil
    ahead = nil
    number = 0
    place = nil
    failure = nil
    frames.removeAll()
    checks = []
    ended = []
    report = BlockReport()
    cut = ChunkCut(count: 0, framing: .unknown)
    isPlain = false
    hints = nil
    hintsBefore = nil
    isFollowed = false
    restoredCheck = nil
    endsSegment = false
    plainBytes = 0
    blocks = 0
  }
}

extension Chunk {
  fileprivate var wayToHints: BlockHints? {
    hints.map { BlockHints(own: $0, before: hintsBefore, block: number) }
  }

  /// The second step for what has been shredded ahead, and the third.
  func code() { if let ahead { ahead.encoder.code(ahead.hand) } }
  func codeIds() { if let ahead { ahead.encoder.codeIds(ahead.hand, hints: wayToHints) } }

  /// Nobody shall wait for what the chunk's segment, or the one before, has not told.
  func endHints() {
    hints?.end()
    hintsBefore?.end()
  }

  /// Reads its bytes from their place. Where they are gone there is nothing to archive, but the work goes on.
  fileprivate func read() {
    guard let place else { return }
    bytes.removeAll()
    let room = unsafe bytes.appendUninitialized(cut.count)
    do throws(TracezipError) {
      let count = try unsafe place.source.reread?(place.offset, room) ?? 0
      if count < cut.count {
        unsafe UnsafeMutableRawBufferPointer(rebasing: room[count...]).initializeMemory(as: UInt8.self, repeating: 0)
        failure = TracezipError(.malformed(reason: "the input was cut short while it was read"))
      }
    } catch {
      unsafe room.initializeMemory(as: UInt8.self, repeating: 0)
      failure = error
    }
  }
}

/// Turns the chunks of one segment into frames. It always has a plain block to fall back on: whatever the model makes of
/// a chunk, the archive takes the smallest form.
///
/// One thread may do all of it (`work`); or it shreds (`shredAhead`) and, while another codes, does the rest. Where a plain
/// block has come between, what was shredded ahead is of no use: then `work` does all of it for the rest of the segment.
/// The frames are the same either way.
final class SegmentPacker: SegmentWork {
  private let config: TracezipConfig
  private let mostState: Int
  /// An archive of one block leaves out the front of a zstd payload, and knows no LZ4.
  private var isSingle = false
  private var spared: Int { isSingle ? SingleArchive.zstdHeader.count : 0 }
  private var encoder: SegmentEncoder?
  private let hand = BlockAtHand()
  /// What shreds ahead, and its blocks that are not under way.
  private var encoderAhead: SegmentEncoder?
  private var hands: [BlockAtHand] = []
  private var mayShredAhead = true
  private var framing: BlockFraming = .unknown
  private var packer = Packer()
  private var modelled = Buffer<UInt8>()
  private var packed = Buffer<UInt8>()
  private var isOpen = false
  /// Whether the encoder has coded a block of the open segment; and whether the last one was its last.
  private var hasState = false
  private var isFull = false
  /// Whether the last block takes more state than decoders allow.
  private var isTooLarge = false
  private var summary = SegmentSummary()
  private var services: Set<[UInt8]> = []
  private var traces = Buffer<UInt64>()
  /// What chunks that are read once more are read into, one after the other.
  private var room = Buffer<UInt8>()

  /// Up to this size, zstd's highest level is tried as well, unless the effort is `fast`: a small file must never be
  /// larger than that makes it.
  static let smallBlock = 100 << 10

  /// The segment's hints.
  private var hints: SharedHints?

  init(config: TracezipConfig, mostState: Int = SegmentEncoder.mostState) {
    self.config = config
    self.mostState = mostState
  }

  /// Nobody waits for a segment that has ended, or was given up.
  deinit { hints?.end() }

  func giveUp(before chunk: Chunk) { hints = chunk.hints }

  /// The first step for `chunk`, which is coded next (`CodingThread`), and then goes to `work`.
  func shredAhead(_ chunk: Chunk) {
    chunk.packer = self
    guard mayShredAhead, isModelled(chunk) else { return }
    let isFirst = encoderAhead?.framing != chunk.cut.framing
    let encoder =
      isFirst
      ? SegmentEncoder(config: config, framing: chunk.cut.framing, isAhead: true, mostState: mostState) : encoderAhead!
    let hand = hands.popLast() ?? BlockAtHand()
    encoder.shred(chunk.bytes[0..<chunk.cut.count], entry: chunk.cut.entry, hand)
    chunk.ahead = Chunk.Ahead(encoder: encoder, hand: hand, isFirst: isFirst)
    encoderAhead = hand.isFull ? nil : encoder
  }

  /// Appends the frames of `chunk` to `chunk.frames`, doing what has not been done of it ahead.
  func work(on chunk: Chunk) {
    if chunk.place != nil {
      swap(&chunk.bytes, &room)
      chunk.read()
    }
    if chunk.cut.count > 0 { pack(chunk) }
    if chunk.place != nil {
      swap(&chunk.bytes, &room)
      room.removeAll()
    }
    if chunk.endsSegment, isOpen { end(chunk) }
    if let ahead = chunk.ahead {
      hands.append(ahead.hand)
      chunk.ahead = nil
    }
  }

  private func pack(_ chunk: Chunk) {
    let bytes = chunk.bytes[0..<chunk.cut.count]
    if !isOpen { open(chunk) }
    hints = chunk.hints
    let kind = choose(bytes, chunk)
    // Where the block has no ids to tell of.
    chunk.wayToHints?.tell()
    let before = chunk.frames.count
    chunk.checks.append(
      FrameHead.write(
        kind, payload: payload(kind, bytes), restored: bytes, restoredCheck: chunk.restoredCheck, into: &chunk.frames))
    summary.blocks += 1
    summary.storedBytes += chunk.frames.count - before
    summary.restoredBytes += bytes.count
    summary.plainBytes += chunk.plainBytes
    if encoder != nil, isFull { end(chunk) }
  }

  /// Appends an archive that is this chunk alone.
  func packSingle(_ chunk: Chunk, into out: inout Buffer<UInt8>) {
    let bytes = chunk.bytes[0..<chunk.cut.count]
    isSingle = true
    let kind = choose(bytes, chunk)
    SingleArchive.write(kind, payload: payload(kind, bytes), restored: bytes, into: &out)
  }

  private func payload(_ kind: FrameKind, _ bytes: ByteView) -> ByteView {
    kind == .stored ? bytes : kind == .modelled ? modelled.view : packed.view
  }

  private func open(_ chunk: Chunk) {
    isOpen = true
    chunk.frames.append(Format.mark)
    summary = SegmentSummary()
    summary.storedBytes = Format.mark.count
  }

  private func end(_ chunk: Chunk) {
    summary.services = services.sorted { $0.lexicographicallyPrecedes($1) }
    var hashes = traces.array
    hashes.sort()
    var distinct: [UInt64] = []
    for hash in hashes where distinct.last != hash { distinct.append(hash) }
    summary.filter = TraceFilter(distinct, precision: filterPrecision(distinct.count))
    chunk.ended.append(summary)
    isOpen = false
    hasState = false
    encoder = nil
    services = []
    traces.removeAll()
  }

  /// As precise as the config asks, as long as the filter stays within its share of the segment.
  private func filterPrecision(_ count: Int) -> Int {
    guard count > 0 else { return 0 }
    let allowed = Double(summary.storedBytes) * config.largestIndexShare * 8 / Double(count)
    let bits = min(Double(config.traceFilterBits), allowed)
    return min(TraceFilter.precisions.upperBound, max(0, Int(bits - TraceFilter.overhead)))
  }

  /// Whether the model is tried on `chunk`.
  private func isModelled(_ chunk: Chunk) -> Bool {
    config.isEnabled && !chunk.isPlain && chunk.cut.framing != .unknown && chunk.cut.count > 0
  }

  /// The smallest form of `bytes`; its payload is in `modelled` or `packed`, or `bytes` itself.
  private func choose(_ bytes: ByteView, _ chunk: Chunk) -> FrameKind {
    chunk.blocks = 1
    let isSmall = bytes.count <= Self.smallBlock
    guard isModelled(chunk) else {
      chunk.plainBytes = bytes.count
      return config.isEnabled && !chunk.isPlain ? pack(bytes, level: level(isSmall)) : .stored
    }
    var report = encode(bytes, chunk)
    if framing == .json { report.messages = chunk.cut.messages }
    // What zstd makes of it is worth knowing for small files, and where the model did badly.
    var kind = FrameKind.modelled
    if !hasState && isSmall || modelled.count > bytes.count / 2 || isTooLarge {
      let other = pack(bytes, level: level(isSmall && !hasState))
      let size = other == .stored ? bytes.count : packed.count - spared
      // A plain block in the middle costs the state, which must be worth it.
      let most = hasState && modelled.count < bytes.count ? modelled.count / 4 * 3 : modelled.count
      if isTooLarge || size < most { kind = other }
    }
    if kind == .modelled {
      hasState = true
    } else {
      // The encoder has seen a block that a decoder will not see.
      if hasState { restart(chunk) }
      encoder = nil
      mayShredAhead = false
      chunk.plainBytes = bytes.count
      report.columns = []
    }
    note(report, chunk)
    return kind
  }

  /// Encodes `bytes` into `modelled`, as far as that has not been done ahead.
  private func encode(_ bytes: ByteView, _ chunk: Chunk) -> BlockReport {
    let ahead = chunk.ahead
    if encoder == nil || chunk.cut.framing != framing {
      if hasState { restart(chunk) }
      framing = chunk.cut.framing
      if let ahead, ahead.isFirst {
        encoder = ahead.encoder
      } else {
        encoder = SegmentEncoder(config: config, framing: framing, mostState: mostState)
      }
    }
    var hand = self.hand
    if let ahead, ahead.encoder === encoder {
      hand = ahead.hand
    } else {
      encoder!.shred(bytes, entry: chunk.cut.entry, hand)
      encoder!.code(hand)
      encoder!.codeIds(hand, hints: chunk.wayToHints)
    }
    chunk.wayToHints?.tell(hand.hints)
    (isFull, isTooLarge) = (hand.isFull, hand.isTooLarge)
    modelled.removeAll()
    if isTooLarge { return hand.report }
    return encoder!.write(hand, isFollowed: chunk.isFollowed, into: &modelled)
  }

  /// The level at which zstd is tried.
  private func level(_ isSmall: Bool) -> Int { isSmall && config.effort != .fast ? 19 : config.level }

  /// Packs `bytes` into `packed` with the config's backend; `.stored` if that does not shrink it.
  private func pack(_ bytes: ByteView, level: Int) -> FrameKind {
    packed.removeAll()
    switch config.codec {
    case .none: return .stored
    case .lz4:
      if bytes.isEmpty || isSingle { return .stored }
      packer.lz4(bytes, level: level, into: &packed)
    case .auto, .zstd: packer.zstd(bytes, level: level, into: &packed)
    }
    if packed.count - spared >= bytes.count { return .stored }
    return config.codec == .lz4 ? .lz4 : .zstd
  }

  /// Ends the segment before this chunk and opens another.
  private func restart(_ chunk: Chunk) {
    end(chunk)
    open(chunk)
  }

  private func note(_ report: BlockReport, _ chunk: Chunk) {
    chunk.report = report
    summary.messages += report.messages
    summary.spans += report.spans
    summary.templates += report.templates
    summary.deduplicatedRecords += report.deduplicatedRecords
    if let first = report.firstStart { summary.firstStart = min(summary.firstStart ?? first, first) }
    if let last = report.lastStart { summary.lastStart = max(summary.lastStart ?? last, last) }
    services.formUnion(report.services)
    for hash in report.traceHashes { traces.append(hash) }
  }
}
