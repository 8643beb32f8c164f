/// Where segments and blocks end: by the input's size, where that is known, and the config alone, so that the same
/// capture gives the same archive whatever the threads and the pieces it came in.
struct SegmentPlan {
  private var segmentSize: Int
  /// Wanted sizes: at first, and for JSON, which takes about twice as many bytes for the same spans.
  private let size: Int
  private let sizeOfJSON: Int
  private let blockSize: Int
  private(set) var position = 0
  private var segmentEnd: Int
  private let inputSize: Int?

  init(config: TracezipConfig, size inputSize: Int?) {
    self.inputSize = inputSize
    size = config.segmentSize
    sizeOfJSON = config.mayWidenSegments ? 2 * size : size
    blockSize = min(config.blockSize, size)
    segmentSize = Self.even(size, inputSize)
    segmentEnd = segmentSize
  }

  /// Segments of about `length` bytes that divide the input evenly.
  private static func even(_ length: Int, _ inputSize: Int?) -> Int {
    guard let inputSize else { return length }
    guard inputSize > length else { return max(inputSize, 1) }
    var count = (inputSize + length - 1) / length
    // An even number keeps two cores equally busy to the end.
    if count > 2 { count += count & 1 }
    return (inputSize + count - 1) / count
  }

  /// Says, before the first chunk is taken, that it is JSON.
  mutating func beginJSON() {
    guard position == 0, sizeOfJSON != size else { return }
    segmentSize = Self.even(sizeOfJSON, inputSize)
    segmentEnd = segmentSize
  }

  /// Whether the whole input is one segment.
  var isOneSegment: Bool { inputSize.map { $0 <= segmentSize } ?? false }

  /// Bytes the next chunk should not exceed: what is left of the segment in equal blocks.
  var chunkLimit: Int {
    let left = max(segmentEnd - position, 1)
    let blocks = (left + blockSize - 1) / blockSize
    return max((left + blocks - 1) / blocks, TracezipConfig.blockSizes.lowerBound)
  }

  /// Whether a chunk of `count` bytes is the input's last, as far as its size is known.
  func isLast(_ count: Int) -> Bool { inputSize.map { position + count >= $0 } ?? false }

  /// Whether `count` bytes more are all that the input has, as far as its size is known.
  func isAll(_ count: Int) -> Bool { inputSize == position + count }

  /// Takes a chunk; true where it is the segment's last.
  mutating func take(_ count: Int) -> Bool {
    position += count
    // A rest this small is the part of a message that did not fit.
    guard segmentEnd - position < max(blockSize / 16, 1) else { return false }
    segmentEnd = max(segmentEnd, position) + segmentSize
    return true
  }

  /// The most bytes that chunks under way should hold: with several threads, a segment for each but one that waits while
  /// the next is begun, and a few blocks for all.
  func weightLimit(threads: Int) -> Int {
    guard threads > 1 else { return 1 }
    return min((threads - 1) * sizeOfJSON, max(sizeOfJSON, 448 << 20)) + 2 * threads * blockSize
  }

  /// The most bytes of chunks under way that are kept in memory where they can be read once more.
  func heldLimit(threads: Int) -> Int { 2 * threads * blockSize }
}
