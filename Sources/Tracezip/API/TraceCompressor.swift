import Bytes

/// Archives OTLP captures: all at once, as a stream, or batch by batch.
///
/// A compressor is for one thread at a time; it may run workers of its own (`TracezipConfig.threads`), and it reads,
/// writes and reports on the caller's thread. Running inside a cancelled task, it throws `cancelled` at the next block.
/// After an error it stays unusable.
public final class TraceCompressor {
  private let config: TracezipConfig
  private let workers: Int
  private let sink: ByteSink
  private let started = ContinuousClock().now
  private var plan: SegmentPlan
  private var splitter: ChunkSplitter
  private var pipeline: Pipeline<SegmentPacker>
  /// Whether a worker may work while this thread reads and writes.
  private var mayOverlap = false
  /// Bytes that are in no chunk yet.
  private var pending = Chunk()
  /// The check of the front of `pending`, taken while its bytes are at hand, and how far it reaches each time.
  private var checks: [(end: Int, check: UInt32)] = []
  /// The most bytes that `pending`'s memory has held.
  private var largestPending = 0
  private var pool: [Chunk] = []
  /// Where chunks can be read once more by the workers, and the bytes of those that need not be.
  private var source: ByteSource?
  private var heldBytes = 0
  private var framesOut = Buffer<UInt8>()
  private var digest = CheckDigest()
  private var index = ArchiveIndex()
  private var total = CompressionStats()
  private var columns: [String: CompressionStats.Column] = [:]
  private var services: Set<String> = []
  private var isStarted = false
  private var isSegmentOpen = false
  /// What the open segment will tell the next one, if there may be one, and what the one before it tells.
  private var hints: SharedHints?
  private var hintsBefore: SharedHints?
  /// Chunks of the open segment so far.
  private var chunks = 0
  /// Where segments come one at a time: what codes while this thread shreds and writes, and, of the open segment, what
  /// does so.
  private var coder: CodingThread?
  private var packer: SegmentPacker?
  private var isUsable = true

  /// Captures up to this size become an archive of one frame, without index.
  static let singleLimit = 256 << 10

  /// An archive of `bytes`.
  public static func compress(
    _ bytes: [UInt8], config: TracezipConfig = TracezipConfig()
  ) throws(TracezipError) -> [UInt8] {
    try compressWithStats(bytes, config: config).archive
  }

  /// An archive of `bytes` and what it gained.
  public static func compressWithStats(
    _ bytes: [UInt8], config: TracezipConfig = TracezipConfig()
  ) throws(TracezipError) -> (archive: [UInt8], stats: CompressionStats) {
    var archive: [UInt8] = []
    let sink = unsafe ByteSink { unsafe archive.append(contentsOf: $0) }
    let stats = try compress(from: .bytes(bytes), to: sink, config: config)
    return (archive, stats)
  }

  /// Archives all that `source` gives, of any length, in bounded memory.
  @discardableResult
  public static func compress(
    from source: ByteSource, to sink: ByteSink, config: TracezipConfig = TracezipConfig(),
    progress: ProgressHandler? = nil
  ) throws(TracezipError) -> CompressionStats {
    let compressor = try TraceCompressor(to: sink, config: config, size: source.size)
    compressor.mayOverlap = source.size ?? .max > config.blockSize && Worker.cores > 1
    if compressor.workers > 1, unsafe source.reread != nil { compressor.source = source }
    // In one go: memory that growing leaves behind has been cleared and copied for nothing.
    if let size = source.size { compressor.pending.bytes.reserve(min(size, config.blockSize) + Self.leastRead) }
    var report = Progress()
    report.totalBytes = source.size
    var flushes = FlushClock(config.flushInterval, source)
    while true {
      try compressor.deliver(whileWaitingFor: source)
      if flushes.isDue() {
        try compressor.flush()
        continue
      }
      let count = try compressor.read(from: source, upTo: min(compressor.room, 1 << 20))
      if count == 0 { break }
      report.bytesRead += count
      flushes.note()
      try compressor.cutChunks(isEnd: false)
      if let progress {
        report.bytesWritten = compressor.total.archiveBytes
        report.spans = compressor.total.spans
        if !progress(report) { throw TracezipError(.cancelled) }
      }
    }
    return try compressor.finish()
  }

  /// An archive to be filled by `append` or `appendBatch`, written to `sink` as blocks fill or are flushed.
  ///
  /// - Parameter size: bytes to come, where known; helps to cut segments evenly.
  public init(to sink: ByteSink, config: TracezipConfig = TracezipConfig(), size: Int? = nil) throws(TracezipError) {
    try config.validate()
    workers = size == nil ? config.workersOfPipe : config.workers
    self.config = config
    self.sink = sink
    plan = SegmentPlan(config: config, size: size)
    hints = plan.isOneSegment ? nil : SharedHints()
    splitter = ChunkSplitter(framing: config.framing)
    pipeline = Pipeline(
      threads: workers, limit: plan.weightLimit(threads: workers), weigh: { $0.cut.count },
      make: { SegmentPacker(config: config) })
  }

  deinit {
    // A worker may be waiting for what will not be told any more.
    hints?.end()
    hintsBefore?.end()
  }

  /// Adds the next bytes of a capture, cut anywhere.
  public func append(_ bytes: [UInt8]) throws(TracezipError) {
    try checkUsable()
    var at = 0
    while at < bytes.count {
      let count = min(bytes.count - at, room)
      bytes.withView { pending.bytes.append($0[at..<at + count]) }
      at += count
      try cutChunks(isEnd: false)
    }
  }

  /// Adds bytes, cut anywhere, that need not be in an array.
  @unsafe
  public func append(_ bytes: UnsafeRawBufferPointer) throws(TracezipError) {
    try checkUsable()
    let bytes = unsafe ByteView(bytes)
    var at = 0
    while at < bytes.count {
      let count = min(bytes.count - at, room)
      pending.bytes.append(bytes[at..<at + count])
      at += count
      try cutChunks(isEnd: false)
    }
  }

  /// Adds one whole message (`ExportTraceServiceRequest`), framed by a u32 big-endian length, as the collector's file
  /// exporter does. A message smaller than `TracezipConfig.minimumBatchSize` is stored plain, as a block of its own.
  public func appendBatch(_ message: [UInt8]) throws(TracezipError) {
    try checkUsable()
    guard let length = UInt32(exactly: message.count) else {
      throw TracezipError(.limitExceeded(limit: Int(UInt32.max), value: message.count))
    }
    if !isStarted, pending.bytes.isEmpty, config.framing == nil { splitter = ChunkSplitter(framing: .lengthPrefixed) }
    let prefix = length.bigEndian
    if message.count < min(config.minimumBatchSize, config.blockSize) {
      try cutChunks(isEnd: false, isFlush: true)
      if pending.bytes.isEmpty {
        pending.bytes.append(integer: prefix)
        pending.bytes.append(message)
        pending.isPlain = true
        return try send(ChunkCut(count: pending.bytes.count, framing: .unknown))
      }
    }
    pending.bytes.append(integer: prefix)
    pending.bytes.append(message)
    try cutChunks(isEnd: false)
  }

  /// Ends the block: when this returns, every whole message appended so far has reached the sink and can be restored from
  /// there. The beginning of a message waits for its rest.
  public func flush() throws(TracezipError) {
    try checkUsable()
    try cutChunks(isEnd: false, isFlush: true)
    try deliverAll()
  }

  /// Writes what is left and the index. Nothing can be appended afterwards.
  @discardableResult
  public func finish() throws(TracezipError) -> CompressionStats {
    try checkUsable()
    if !isStarted, mayBeSingle {
      try finishSingle()
    } else {
      try cutChunks(isEnd: true)
      if isSegmentOpen {
        try send(ChunkCut(count: 0, framing: .unknown), endsSegment: true)
      }
      try deliverAll()
      try writeEnd()
    }
    isUsable = false
    total.archives = 1
    return stats
  }

  /// What has been archived until now, as far as it has reached the sink.
  public var stats: CompressionStats {
    var stats = total
    stats.framing = splitter.recognised
    stats.services = services.sorted()
    stats.columns = columns.values.sorted { ($1.storedBytes, $0.name) < ($0.storedBytes, $1.name) }
    let time = (ContinuousClock().now - started).components
    stats.microseconds = Int(time.seconds) * 1_000_000 + Int(time.attoseconds / 1_000_000_000_000)
    return stats
  }

  // MARK: Chunks

  private func checkUsable() throws(TracezipError) {
    if !isUsable { throw TracezipError(.finished) }
  }

  /// Whether all bytes so far fit an archive of one frame.
  private var mayBeSingle: Bool { pending.bytes.count <= min(Self.singleLimit, config.blockSize) }

  /// Bytes to add before a chunk may be full.
  private var room: Int { max(plan.chunkLimit - pending.bytes.count, Self.leastRead) }
  private static let leastRead = 1 << 16

  /// Reads at most `count` bytes into `pending`; 0 at the end.
  private func read(from source: ByteSource, upTo count: Int) throws(TracezipError) -> Int {
    // In pieces that are still in the nearest memory when they are checked; not where bytes are waited for.
    let most = source.size != nil && config.flushInterval == nil && workers <= 2 ? Self.nearby : count
    var filled = 0
    while filled < count {
      let before = pending.bytes.count
      let wanted = min(count - filled, most)
      let room = unsafe pending.bytes.appendUninitialized(wanted)
      let got: Int
      do throws(TracezipError) {
        got = try unsafe source.fill(room)
      } catch {
        isUsable = false
        throw error
      }
      precondition(got >= 0 && got <= wanted, "a source told more than it was asked for")
      pending.bytes.truncate(to: before + got)
      filled += got
      if most < count { checks.append((pending.bytes.count, check(to: pending.bytes.count))) }
      if got < wanted { break }
    }
    return filled
  }
  private static let nearby = 1 << 18

  /// The check of the first `end` bytes of `pending`.
  private func check(to end: Int) -> UInt32 {
    let known = checks.last { $0.end <= end } ?? (0, 0)
    return crc32c(pending.bytes[known.end..<end], after: known.check)
  }

  /// Sends on every chunk that `pending` holds.
  private func cutChunks(isEnd: Bool, isFlush: Bool = false) throws(TracezipError) {
    // It may be all there is.
    if !isStarted, !isEnd, !isFlush, mayBeSingle { return }
    // The end is near: a last line without its newline, or a document, is whole once it is known to be the last.
    if !isEnd, !isFlush, plan.isAll(pending.bytes.count) { return }
    largestPending = max(largestPending, pending.bytes.count)
    while let cut = splitter.next(in: pending.bytes.view, limit: plan.chunkLimit, isEnd: isEnd, isFlush: isFlush) {
      pending.isFollowed = !isEnd && !isFlush && !plan.isLast(cut.count)
      try send(cut)
    }
  }

  /// Hands the front of `pending` to the workers, and on to the sink whatever they have done.
  private func send(_ cut: ChunkCut, endsSegment: Bool = false) throws(TracezipError) {
    if Task.isCancelled {
      isUsable = false
      throw TracezipError(.cancelled)
    }
    if cut.framing == .json { plan.beginJSON() }
    if !isStarted, mayOverlap { overlap(cut) }
    let checksHere = coder != nil || pipeline.overlaps || !checks.isEmpty
    let check = checksHere && cut.count > 0 ? check(to: cut.count) : nil
    checks.removeAll(keepingCapacity: true)
    // What is waited for is written once the workers have this chunk; the memory of its bytes serves at once.
    var finished: [Chunk] = []
    while coder == nil, pipeline.isFull, let done = pipeline.take(wait: true) { finished.append(done) }
    var chunk = pool.popLast() ?? Chunk()
    if let done = finished.first {
      swap(&chunk.bytes, &done.bytes)
      chunk.bytes.removeAll()
    }
    let rest = pending.bytes.count - cut.count
    var takesMemory = false
    if let source, heldBytes + cut.count > plan.heldLimit(threads: workers) {
      // It will be a while until a worker takes it.
      chunk.place = (source, plan.position)
      chunk.isPlain = pending.isPlain
      chunk.isFollowed = pending.isFollowed
      pending.bytes.shift(from: cut.count, by: -cut.count)
      pending.isPlain = false
    } else if rest > cut.count || largestPending > 2 * cut.count + 1 << 20 {
      // Much is or was waiting: the chunk takes a copy, and only as much memory as it needs.
      chunk.bytes.append(pending.bytes[0..<cut.count])
      chunk.isPlain = pending.isPlain
      chunk.isFollowed = pending.isFollowed
      pending.bytes.shift(from: cut.count, by: -cut.count)
      pending.isPlain = false
    } else {
      // What comes next will be about as much, or a full block: what growing leaves behind has been cleared and copied
      // for nothing.
      let isLarge = 2 * cut.count > config.blockSize
      if !pipeline.isInline {
        chunk.bytes.reserve(max(largestPending, isLarge ? config.blockSize + Self.leastRead : 0))
      }
      chunk.bytes.append(pending.bytes[cut.count..<pending.bytes.count])
      pending.bytes.truncate(to: cut.count)
      swap(&chunk, &pending)
      largestPending = 0
      takesMemory = true
    }
    chunk.cut = cut
    if chunk.place == nil { heldBytes += cut.count }
    chunk.endsSegment = endsSegment
    if cut.count > 0, plan.take(cut.count) { chunk.endsSegment = true }
    chunk.restoredCheck = check
    try start()
    isSegmentOpen = !chunk.endsSegment
    (chunk.hints, chunk.hintsBefore) = (hints, hintsBefore)
    chunk.number = chunks
    chunks += 1
    if let coder {
      if packer == nil { packer = SegmentPacker(config: config) }
      packer!.shredAhead(chunk)
      if let done = coder.makeRoom() { finished.append(done) }
      coder.feed(chunk)
    } else {
      pipeline.feed(chunk)
    }
    if !isSegmentOpen {
      pipeline.endSegment()
      (hints, hintsBefore) = (SharedHints(), hints)
      chunks = 0
      packer = nil
    }
    for done in finished { try deliver(done) }
    // A single worker must have its next chunk before this thread goes on with the one it has just done.
    if coder == nil, !pipeline.overlaps { try deliverDone() }
    // It gives back the memory it took: other memory may have to be fetched by a machine below this one.
    if takesMemory, pipeline.isInline, let done = pool.last {
      done.bytes.append(pending.bytes.view)
      swap(&done.bytes, &pending.bytes)
      done.bytes.removeAll()
    }
  }

  /// Before the first chunk, `cut`: what this thread does beside a worker. One thread codes all of it, and this one only
  /// reads and writes. Two threads share each segment, which takes less memory than a segment each, and so do more
  /// where there is but one segment.
  private func overlap(_ cut: ChunkCut) {
    if cut.framing != .unknown && (workers == 2 || workers > 2 && plan.isOneSegment) {
      coder = CodingThread()
      source = nil
    } else if workers == 1 {
      let config = config
      pipeline = .ofOneWorker(items: 1) { SegmentPacker(config: config) }
    }
  }

  private func take(wait: Bool) -> Chunk? { coder.map { $0.take(wait: wait) } ?? pipeline.take(wait: wait) }

  private func deliverDone() throws(TracezipError) {
    while let done = take(wait: false) { try deliver(done) }
  }

  /// While nothing comes from `source`, delivers what has been done.
  private func deliver(whileWaitingFor source: ByteSource) throws(TracezipError) {
    while !(coder?.isEmpty ?? pipeline.isEmpty), source.isSilent { try deliverDone() }
  }

  private func deliverAll() throws(TracezipError) {
    while let done = take(wait: true) { try deliver(done) }
  }

  private func deliver(_ chunk: Chunk) throws(TracezipError) {
    chunk.packer?.work(on: chunk)
    if let failure = chunk.failure {
      isUsable = false
      throw failure
    }
    if chunk.place == nil { heldBytes -= chunk.cut.count }
    try put(chunk.frames.view)
    for check in chunk.checks { digest.add(check) }
    index.segments += chunk.ended
    total.segments += chunk.ended.count
    count(chunk)
    chunk.reset()
    pool.append(chunk)
  }

  /// Adds a chunk to the figures.
  private func count(_ chunk: Chunk) {
    total.originalBytes += chunk.cut.count
    total.blocks += chunk.blocks
    total.plainBytes += chunk.plainBytes
    let report = chunk.report
    total.messages += report.messages
    total.spans += report.spans
    total.templates += report.templates
    total.deduplicatedRecords += report.deduplicatedRecords
    total.traces += chunk.ended.reduce(0) { $0 + $1.filter.count }
    if let first = report.firstStart { total.firstStart = min(total.firstStart ?? first, first) }
    if let last = report.lastStart { total.lastStart = max(total.lastStart ?? last, last) }
    for name in report.services { services.insert(String(decoding: name, as: UTF8.self)) }
    for column in report.columns { columns.add(column) }
  }

  // MARK: The container

  private func put(_ bytes: ByteView) throws(TracezipError) {
    do throws(TracezipError) {
      try sink.put(bytes)
    } catch {
      isUsable = false
      throw error
    }
    total.archiveBytes += bytes.count
  }

  private func start() throws(TracezipError) {
    if isStarted { return }
    isStarted = true
    framesOut.removeAll()
    framesOut.append(Format.magic)
    framesOut.append(ArchiveForm.frames.headerByte)
    try put(framesOut.view)
  }

  private func writeEnd() throws(TracezipError) {
    index.framing = splitter.recognised
    framesOut.removeAll()
    if index.isInformative {
      var payload = Buffer<UInt8>()
      index.write(into: &payload)
      digest.add(FrameHead.write(.index, payload: payload.view, into: &framesOut))
    }
    var end = ArchiveEnd()
    end.indexDistance = framesOut.count
    end.restoredBytes = total.originalBytes
    end.digest = digest.low
    end.write(bytesBefore: total.archiveBytes + framesOut.count, into: &framesOut)
    try put(framesOut.view)
  }

  private func finishSingle() throws(TracezipError) {
    var cut = splitter.next(in: pending.bytes.view, limit: Self.singleLimit, isEnd: true)
    // Whatever stands behind the last whole message goes along.
    cut?.count = pending.bytes.count
    pending.cut = cut ?? pending.cut
    framesOut.removeAll()
    let packer = SegmentPacker(config: config)
    packer.packSingle(pending, into: &framesOut)
    try put(framesOut.view)
    total.segments = 1
    count(pending)
    total.traces = Set(pending.report.traceHashes).count
  }
}
