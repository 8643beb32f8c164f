import Columns

/// What the ids of a segment tell the next one, block by block. A block waits for the block of its number in the segment
/// before, so that an archive does not depend on the number of threads; segments that are worked on side by side come to
/// the same blocks at about the same time.
final class SharedHints: @unchecked Sendable {
  private let monitor = Monitor()
  // Under the monitor.
  private var told: [IdHints] = []
  private var isOver = false

  /// Tells what block `block` found, unless that has been told.
  func tell(_ hints: IdHints, block: Int) {
    monitor.locked {
      if told.count == block { told.append(hints) }
      monitor.signal()
    }
  }

  /// No more blocks will come.
  func end() {
    monitor.locked {
      isOver = true
      monitor.signal()
    }
  }

  /// What block `block` found; nothing if the segment had no such block.
  func wait(for block: Int) -> IdHints {
    monitor.locked {
      while true {
        if block < told.count { return told[block] }
        if isOver { return IdHints() }
        monitor.wait()
      }
    }
  }
}

/// A block's way to the hints of its segment and of the one before.
struct BlockHints {
  let own: SharedHints
  let before: SharedHints?
  let block: Int

  func ask() -> IdHints? { before?.wait(for: block) }

  func tell(_ hints: IdHints = IdHints()) { own.tell(hints, block: block) }
}
