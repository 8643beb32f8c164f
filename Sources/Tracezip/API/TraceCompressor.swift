import Bytes

/// Archives OTLP captures: all at once, as a stream, or batch by batch.
///
/// A compressor is for one thread at a time; it may run workers of its own (`TracezipConfig.threads`). Running inside a
/// cancelled task, it throws `cancelled` at the next block.
public final class TraceCompressor {
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
    throw TracezipError(.finished)
  }

  /// Archives all that `source` gives, of any length, in bounded memory.
  @discardableResult
  public static func compress(
    from source: ByteSource, to sink: ByteSink, config: TracezipConfig = TracezipConfig(),
    progress: ProgressHandler? = nil
  ) throws(TracezipError) -> CompressionStats {
    throw TracezipError(.finished)
  }

  /// An archive to be filled by `append` or `appendBatch`, written to `sink` as blocks fill or are flushed.
  ///
  /// - Parameter size: bytes to come, where known; helps to cut segments evenly.
  public init(to sink: ByteSink, config: TracezipConfig = TracezipConfig(), size: Int? = nil) throws(TracezipError) {
    throw TracezipError(.finished)
  }

  /// Adds the next bytes of a capture, cut anywhere.
  public func append(_ bytes: [UInt8]) throws(TracezipError) {
    throw TracezipError(.finished)
  }

  /// Adds bytes, cut anywhere, that need not be in an array.
  @unsafe
  public func append(_ bytes: UnsafeRawBufferPointer) throws(TracezipError) {
    throw TracezipError(.finished)
  }

  /// Adds one whole message (`ExportTraceServiceRequest`), framed by a u32 big-endian length, as the collector's file
  /// exporter does.
  public func appendBatch(_ message: [UInt8]) throws(TracezipError) {
    throw TracezipError(.finished)
  }

  /// Ends the block: when this returns, everything appended so far has reached the sink and can be restored from there.
  public func flush() throws(TracezipError) {
    throw TracezipError(.finished)
  }

  /// Writes what is left and the index. Nothing can be appended afterwards.
  @discardableResult
  public func finish() throws(TracezipError) -> CompressionStats {
    throw TracezipError(.finished)
  }

  /// What has been archived until now.
  public var stats: CompressionStats { CompressionStats() }
}
