/// A thread that codes what the caller shreds and writes, chunk by chunk, in order. It is mostly the slower of the two, so
/// the caller codes ids in its stead where it would have to wait for the oldest. Few chunks are under way: to have more of
/// them, and so to keep ids for the caller, costs more in fresh memory than it gains.
///
/// A chunk is coded while the ids of the one before are, those of earlier ones being done (`SegmentEncoder`).
final class CodingThread {
  /// Chunks are numbered from the first that was fed.
  private final class State: @unchecked Sendable {
    let monitor = Monitor()
    // All under the monitor.
    /// Chunks under way, from number `taken` on.
    var chunks: [Chunk] = []
    var taken = 0
    var coded = 0
    /// Chunks whose ids have been begun, and are done: one at a time.
    var begun = 0
    var done = 0
    var isStopped = false

    /// The next chunk to code, if any may be.
    var nextToCode: Chunk? { coded < taken + chunks.count && coded <= done + 1 ? chunks[coded - taken] : nil }
    /// The next chunk whose ids are to be coded, if they may be.
    var nextIds: Chunk? { begun < coded && begun == done ? chunks[begun - taken] : nil }
  }

  /// Chunks that may be under way beside the one that is shredded.
  private static let most = 2

  private let state = State()
  private var worker: Worker?

  deinit {
    // What the worker may be waiting for will not be told any more.
    state.monitor.locked {
      for chunk in state.chunks { chunk.endHints() }
      state.isStopped = true
      state.monitor.signal()
    }
    worker?.join()
  }

  /// Whether nothing is under way.
  var isEmpty: Bool { state.monitor.locked { state.chunks.isEmpty } }

  /// Adds a chunk that has been shredded.
  func feed(_ chunk: Chunk) {
    if worker == nil {
      let state = state
      worker = Worker { Self.run(state) }
    }
    state.monitor.locked {
      state.chunks.append(chunk)
      state.monitor.signal()
    }
    // The system has no thread left.
    if worker == nil {
      chunk.code()
      chunk.codeIds()
      state.monitor.locked {
        state.coded += 1
        state.begun += 1
        state.done += 1
      }
    }
  }

  /// The oldest chunk, coded; nil where it is not and `wait` is false, or none is under way. Codes ids in place of waiting.
  /// All that was taken before must have been written.
  func take(wait: Bool) -> Chunk? {
    while true {
      var (chunk, isCoded): (Chunk?, Bool) = (nil, false)
      state.monitor.locked {
        while true {
          if state.done > state.taken {
            (chunk, isCoded) = (state.chunks.removeFirst(), true)
            state.taken += 1
            return
          }
          if state.chunks.isEmpty { return }
          if wait, let next = state.nextIds {
            state.begun += 1
            chunk = next
            return
          }
          if !wait { return }
          state.monitor.wait()
        }
      }
      if isCoded || chunk == nil { return chunk }
      chunk!.codeIds()
      state.monitor.locked {
        state.done += 1
        state.monitor.signal()
      }
    }
  }

  /// Waits until another chunk may be fed; the chunk that had to leave for it.
  func makeRoom() -> Chunk? {
    state.monitor.locked { state.chunks.count } < Self.most ? nil : take(wait: true)
  }

  private static func run(_ state: State) {
    while true {
      var (chunk, isNew): (Chunk?, Bool) = (nil, false)
      state.monitor.locked {
        while !state.isStopped {
          if let next = state.nextToCode {
            (chunk, isNew) = (next, true)
            return
          }
          if let next = state.nextIds {
            state.begun += 1
            chunk = next
            return
          }
          state.monitor.wait()
        }
      }
      guard let chunk else { return }
      if isNew { chunk.code() } else { chunk.codeIds() }
      state.monitor.locked {
        if isNew { state.coded += 1 } else { state.done += 1 }
        state.monitor.signal()
      }
    }
  }
}
