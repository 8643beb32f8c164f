/// Where a chunk begins when it is a piece of one giant message: how many bytes of each open level are still to come,
/// counted from the chunk's first byte. All nil at a frame border.
///
/// A level may reach past the chunk's end: what is opened inside the chunk and does not end there keeps its length as a
/// value. Chunks are cut between fields, never inside a span.
struct ChunkEntry: Equatable {
  var message: Int?
  var resourceSpans: Int?
  var scopeSpans: Int?
  /// JSON: the containers that are open around the chunk's first byte, which follows a span in its array.
  var json = JSONStack()

  init(message: Int? = nil, resourceSpans: Int? = nil, scopeSpans: Int? = nil) {
    self.message = message
    self.resourceSpans = resourceSpans
    self.scopeSpans = scopeSpans
  }

  init(json: JSONStack) { self.json = json }
}
