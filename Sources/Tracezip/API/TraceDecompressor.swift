import Bytes

/// Restores captures from archives, byte for byte.
public enum TraceDecompressor {
  /// A stretch of an archive that could not be restored.
  public struct Gap: Sendable, Equatable {
    public var error: TracezipError
    /// Archive bytes left out, from `error.location.offset` on.
    public var archiveBytes: Int
    /// Restored bytes that are missing, where the archive still tells.
    public var missingBytes: Int?
    /// Restored bytes written before the gap.
    public var restoredOffset: Int
  }

  public struct Result: Sendable, Equatable {
    public var archiveBytes = 0
    public var restoredBytes = 0
    public var archives = 0
    public var segments = 0
    public var blocks = 0
    /// Only with `recover`: what is missing. Empty when everything was intact.
    public var gaps: [Gap] = []
    public init() {}

    /// Adds a gap, to the last one if nothing stands between them.
    mutating func note(_ gap: Gap) {
      guard var last = gaps.last, last.restoredOffset == gap.restoredOffset,
        let start = last.error.location.offset, start + last.archiveBytes == gap.error.location.offset
      else {
        gaps.append(gap)
        return
      }
      last.archiveBytes += gap.archiveBytes
      if let more = gap.missingBytes, let missing = last.missingBytes {
        last.missingBytes = missing + more
      } else {
        last.missingBytes = nil
      }
      gaps[gaps.count - 1] = last
    }
  }

  /// What was archived.
  public static func decompress(
    _ archive: [UInt8], config: TracezipConfig = TracezipConfig()
  ) throws(TracezipError) -> [UInt8] {
    var restored: [UInt8] = []
    let sink = unsafe ByteSink { unsafe restored.append(contentsOf: $0) }
    try decompress(from: .bytes(archive), to: sink, config: config)
    return restored
  }

  /// Restores everything that `source` gives, in bounded memory and with `config.threads` workers. Of the config it
  /// uses `threads` and `memoryLimit`.
  ///
  /// Blocks reach the sink as they are restored and proven, so that those before a damage have arrived when it is thrown.
  ///
  /// - Parameter recover: restores every intact segment and block of a damaged archive, in order, and reports the
  ///   gaps instead of throwing at the first damage.
  @discardableResult
  public static func decompress(
    from source: ByteSource, to sink: ByteSink, config: TracezipConfig = TracezipConfig(), recover: Bool = false,
    progress: ProgressHandler? = nil
  ) throws(TracezipError) -> Result {
    let restorer = try Restorer(source, to: sink, config: config)
    restorer.recovers = recover
    restorer.progress = progress
    try restorer.run()
    return restorer.result
  }

  /// Whether bytes begin as an archive does; the first 5 tell.
  public static func isArchive(_ prefix: [UInt8]) -> Bool {
    prefix.starts(with: [0x54, 0x52, 0x5A, 0xB1])
  }
}
