/// Where segments and blocks end: by the input's size, where that is known, and the config alone, so that the same
/// capture gives the same archive whatever the threads and the pieces it came in.
struct SegmentPlan {
  private let segmentSize: Int
  private let blockSize: Int
  private(set) var position = 0
  private var segmentEnd: Int
  private let inputSize: Int?

  init(config: TracezipConfig, size: Int?) {
    inputSize = size
    blockSize = min(config.blockSize, config.segmentSize)
    var length = config.segmentSize
    if let size, size > length {
      var count = (size + length - 1) / length
      // An even number keeps two cores equally busy to the end.
      if count > 2 { count += count & 1 }
      length = (size + count - 1) / count
    } else if let size {
      length = max(size, 1)
    }
    segmentSize = length
    segmentEnd = length
  }

  /// Bytes the next chunk should not exceed: what is left of the segment in equal blocks.
  var chunkLimit: Int {
    let left = max(segmentEnd - position, 1)
    let blocks = (left + blockSize - 1) / blockSize
    return max((left + blocks - 1) / blocks, TracezipConfig.blockSizes.lowerBound)
  }

  /// Whether a chunk of `count` bytes is the input's last, as far as its size is known.
  func isLast(_ count: Int) -> Bool { inputSize.map { position + count >= $0 } ?? false }

  /// Takes a chunk; true where it is the segment's last.
  mutating func take(_ count: Int) -> Bool {
    position += count
    // A rest this small is the part of a message that did not fit.
    guard segmentEnd - position < max(blockSize / 16, 1) else { return false }
    segmentEnd = max(segmentEnd, position) + segmentSize
    return true
  }

  /// The most bytes that chunks under way should hold: a segment for each of several threads, for one thread a block at
  /// work and the next.
  func weightLimit(threads: Int) -> Int { threads > 1 ? threads * segmentSize + blockSize : 2 * blockSize }
}
