import Bytes

/// Finds where JSON that is too large for one chunk may be cut: between two spans of an array, or behind a document.
///
/// A 2 GB document on one line is read window by window. Each window is walked from its entry, and the last such place
/// inside the window ends the chunk; what is open there is the next chunk's entry.
enum JSONCutter {
  struct Cut: Equatable {
    /// The chunk's end in the window.
    var at: Int
    /// How the next chunk begins.
    var entry: ChunkEntry
  }

  /// The last cut in `window`, whose first byte is entered by `entry`, at or before `limit`; nil where no span
  /// or document ends before it.
  static func lastCut(in window: ByteView, entry: ChunkEntry, limit: Int) -> Cut? {
    let bytes = window[0..<min(window.count, limit)]
    var walker = JSONWalker(stack: entry.json)
    var cut: Cut?
    while true {
      switch walker.next(in: bytes) {
      case .leaf: continue
      case .closed: cut = Cut(at: walker.at, entry: .border)
      case .span(let start, _):
        guard let end = bytes.skippingJSONValue(from: start) else { return cut }
        walker.move(to: end, stack: walker.stack)
        var next = ChunkEntry.border
        next.json = walker.stack
        cut = Cut(at: end, entry: next)
      case .foreign, .malformed, .end: return cut
      }
    }
  }
}
