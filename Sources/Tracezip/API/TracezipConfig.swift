/// How traces are archived and restored. Every value has a bound, and none of them changes what comes back.
public struct TracezipConfig: Sendable, Hashable {
  /// What packs the streams that no model of ours codes better.
  public enum Codec: String, Sendable, Hashable, CaseIterable {
    /// The smallest of those tried; how many are tried is a matter of level.
    case auto
    case none
    case lz4
    case zstd
  }

  /// How much may be tried beside the level: `--fast` and `--best`.
  public enum Effort: String, Sendable, Hashable, CaseIterable {
    case fast
    case `default`
    case best
  }

  /// Off: everything is stored plain, in an archive all the same.
  public var isEnabled = true
  /// A batch (`TraceCompressor.appendBatch`) of fewer bytes is stored plain, without delay.
  public var minimumBatchSize = 0
  /// Bytes of distinct strings a segment may gather before it ends. What codes text keeps about ten times as many.
  public var largestStringTable = 24 << 20
  /// Numbers and times by their difference from a predicted one.
  public var delta = true
  /// A record equal to an earlier one as a reference to it.
  public var deduplication = true
  /// Strings once per segment.
  public var stringTable = true
  /// Columns that follow from another column are left out.
  public var derived = true
  /// Ids by the random generator that drew them.
  public var idPrediction = true
  public var codec: Codec = .auto
  /// 1 to 19, as zstd counts.
  public var level = 3
  public var effort: Effort = .default
  /// How the input is framed; nil recognises it.
  public var framing: BlockFraming?
  /// Input bytes after which a segment ends, about: inputs of known size are cut evenly. 64 MiB unless set, twice as many
  /// of JSON, 256 MiB with the effort `best`, which has generators recovered and strings told less often and takes as much
  /// more memory.
  public var segmentSize: Int {
    get { chosenSegmentSize ?? (effort == .best ? 256 << 20 : 64 << 20) }
    set { chosenSegmentSize = newValue }
  }
  private var chosenSegmentSize: Int?
  /// Whether segments may be larger where spans take more bytes.
  var mayWidenSegments: Bool { chosenSegmentSize == nil && effort != .best }
  /// Input bytes that are coded together: what fits the caches is fastest, and blocks share all that they learn. 4 MiB
  /// unless set, 16 MiB with the effort `best`: ids are foreseen by what surrounds them in their block.
  public var blockSize: Int {
    get { chosenBlockSize ?? (effort == .best ? 16 << 20 : 4 << 20) }
    set { chosenBlockSize = newValue }
  }
  private var chosenBlockSize: Int?
  /// Seconds after which what came from a pipe or socket is written, also where it does not fill a block; nil waits
  /// until it does. For `TraceCompressor.compress(from:to:)` and sources that can tell whether bytes are there.
  public var flushInterval: Double?
  /// Workers; 0 means one for each core, up to four, and to compress what comes from a pipe up to two, since each more
  /// takes the memory of a segment. The archive's bytes do not depend on it.
  public var threads = 1
  /// What `threads` comes to here: cores that `taskset` or a container's set of cores keeps from the process do
  /// not count.
  public var workers: Int { threads == 0 ? min(Self.cores, 4) : threads }
  /// The same to compress input of unknown size: its segments wait in memory, and two workers share one.
  public var workersOfPipe: Int { threads == 0 ? min(workers, 2) : threads }
  /// Cores that this process may run on.
  public static var cores: Int { Worker.cores }
  /// Bytes that restoring may hold at once; nil bounds it by what the format allows.
  public var memoryLimit: Int?
  /// Bits that the index spends on each trace id of a segment, to tell where a trace is; 0 leaves the filters out.
  public var traceFilterBits = 8
  /// Share of the archive that the index may take before its filters are made coarser.
  public var largestIndexShare = 0.015

  public init() {}

  /// The bounds a segment or block size is held to.
  public static let blockSizes = 4096...(32 << 20)
  public static let segmentSizes = 4096...(1 << 30)
  public static let levels = 1...19

  /// Throws where a value is out of its bounds.
  public func validate() throws(TracezipError) {
    func check(_ fits: Bool, _ what: String) throws(TracezipError) {
      if !fits { throw TracezipError(.invalidConfig(what)) }
    }
    try check(Self.levels.contains(level), "level must be 1 to 19, not \(level)")
    try check(Self.blockSizes.contains(blockSize), "block size must be 4 KiB to 32 MiB, not \(blockSize)")
    try check(Self.segmentSizes.contains(segmentSize), "segment size must be 4 KiB to 1 GiB, not \(segmentSize)")
    try check((0...1024).contains(threads), "threads must be 0 to 1024, not \(threads)")
    try check((0...32).contains(traceFilterBits), "trace filter bits must be 0 to 32, not \(traceFilterBits)")
    try check(minimumBatchSize >= 0, "minimum batch size must not be negative")
    try check((1 << 16...1 << 30).contains(largestStringTable), "string table must be 64 KiB to 1 GiB")
    try check((0...1).contains(largestIndexShare), "index share must be 0 to 1, not \(largestIndexShare)")
    if let flushInterval {
      try check((0.001...86_400).contains(flushInterval), "flush interval must be 1 ms to 24 h, not \(flushInterval) s")
    }
    if let memoryLimit { try check(memoryLimit >= 1 << 20, "memory limit must be at least 1 MiB") }
  }
}
