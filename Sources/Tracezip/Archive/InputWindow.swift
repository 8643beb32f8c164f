import Bytes

/// The bytes ahead in an archive, read as they are asked for. Memory grows with what has arrived, not with what a length
/// promises.
struct InputWindow: ~Copyable {
  private let source: ByteSource
  private var bytes = Buffer<UInt8>()
  private var front = 0
  private var isAtEnd = false
  /// Offset in the archive of the first byte ahead.
  private(set) var offset: Int

  init(_ source: ByteSource, offset: Int = 0) {
    self.source = source
    self.offset = offset
  }

  /// What has been read and not dropped.
  var ahead: ByteView { bytes[front..<bytes.count] }

  /// Whether fewer than `count` bytes are ahead and there may be more.
  func lacks(_ count: Int) -> Bool { bytes.count - front < count && !isAtEnd }

  /// Whether nothing has come for a moment.
  var isSilent: Bool { source.isSilent }

  /// Reads until `count` bytes are ahead or the source ends; returns how many are, at most `count`.
  mutating func fill(_ count: Int) throws(TracezipError) -> Int {
    while lacks(count) { try read(toward: count) }
    return min(count, bytes.count - front)
  }

  /// Reads once, where `count` bytes are wanted.
  mutating func read(toward count: Int) throws(TracezipError) {
    if front > 1 << 16, front > bytes.count / 2 {
      bytes.shift(from: front, by: -front)
      front = 0
    }
    let before = bytes.count
    let wanted = min(max(count - (before - front), 1 << 16), 1 << 20)
    let room = unsafe bytes.appendUninitialized(wanted)
    let filled = try unsafe source.fill(room)
    precondition(filled >= 0 && filled <= wanted, "a source told more than it was asked for")
    bytes.truncate(to: before + filled)
    if filled == 0 { isAtEnd = true }
  }

  mutating func drop(_ count: Int) {
    precondition(count <= bytes.count - front)
    front += count
    offset += count
    if front == bytes.count {
      bytes.removeAll()
      front = 0
    }
  }
}
