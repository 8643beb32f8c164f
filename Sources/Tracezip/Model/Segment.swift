import Bytes

/// What one segment's encoder carries from block to block.
struct SegmentEncoder: ~Copyable {
  let config: TracezipConfig
  let framing: BlockFraming
  var packer = Packer()

  init(config: TracezipConfig, framing: BlockFraming) {
    self.config = config
    self.framing = framing
  }

  /// Whether the segment should end after this block.
  var isFull: Bool { false }

  /// Encodes `chunk`, whole messages or a piece of a large one; appends the block payload to `out`.
  mutating func encode(_ chunk: ByteView, entry: ChunkEntry, into out: inout Buffer<UInt8>) -> BlockReport {
    let before = out.count
    packer.zstd(chunk, level: config.level, into: &out)
    var report = BlockReport()
    report.columns = [CompressionStats.Column(name: "verbatim", storedBytes: out.count - before, codec: "zstd")]
    return report
  }
}

/// The mirror of `SegmentEncoder`.
struct SegmentDecoder: ~Copyable {
  let limits: DecodeLimits
  var unpacker = Unpacker()
  /// What the last decoded block held.
  private(set) var report = BlockReport()

  init(limits: DecodeLimits) { self.limits = limits }

  /// Restores exactly `restoredCount` bytes from `payload` and appends them to `out`.
  mutating func decode(
    _ payload: ByteView, restoredCount: Int, into out: inout Buffer<UInt8>
  ) throws(BlockError) {
    report = BlockReport()
    report.columns = [CompressionStats.Column(name: "verbatim", storedBytes: payload.count, codec: "zstd")]
    try unpacker.zstd(payload, restoredCount: restoredCount, into: &out)
  }
}
