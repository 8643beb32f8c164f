import Bytes
import Synchronization

/// A block's way through the workers: a frame one way, restored bytes the other. Its memory is used again.
final class StoredBlock: @unchecked Sendable {
  var head = FrameHead(kind: 0, storedCount: 0)
  var payload = Buffer<UInt8>()
  var location = TracezipError.Location()
  /// Bytes of the archive that it takes.
  var archiveBytes = 0
  var restored = Buffer<UInt8>()
  var report = BlockReport()
  /// Set by the reader for bytes it could not make sense of, by the worker for a block that it could not restore.
  var error: TracezipError?
  /// A block before it in its segment is missing, and with it the state.
  var lacksState = false
  /// Only the stored bytes were to be checked, and that is done.
  var isChecked = false
  /// Where the worker writes what it has restored; nil where the bytes are left to the walk.
  var place: (tail: FileTail, offset: Int)?
  /// A worker that has a place may leave the block to the walk nevertheless, if that has time.
  var handover: Handover?
  /// Whether it did.
  var isHandedOver = false
  /// Of a modelled block what was decoded of it, in memory that is used again; and who can weave it, where that is left
  /// to the walk.
  var decoded: DecodedBlock?
  var weaver: SegmentDecoder?

  init() {}

  func reset() {
    payload.removeAll()
    restored.removeAll()
    report = BlockReport()
    error = nil
    lacksState = false
    isChecked = false
    place = nil
    handover = nil
    isHandedOver = false
    weaver = nil
    archiveBytes = 0
    head = FrameHead(kind: 0, storedCount: 0)
  }
}

extension StoredBlock {
  /// Compares the restored bytes with the check that the block declares.
  func check() throws(BlockError) {
    guard head.declaresRestored else { return }
    let computed = crc32c(restored.view)
    if computed != head.restoredCheck {
      throw BlockError(.checksumMismatch(declared: UInt64(head.restoredCheck), computed: UInt64(computed)))
    }
  }

  /// Restores the block, if it has been decoded and that was left to be done; an error is noted.
  func weave() {
    guard error == nil, let weaver, let decoded else { return }
    self.weaver = nil
    do throws(BlockError) { report = try weaver.weave(decoded, payload.view, into: &restored) } catch { fail(error) }
  }

  /// Notes why the block could not be restored.
  func fail(_ error: BlockError) {
    restored.removeAll()
    var location = location
    location.column = error.column
    self.error = TracezipError(error.kind, at: location)
  }
}

/// Blocks that workers have left to the walk, which checks and writes them meanwhile: a few at a time.
final class Handover: Sendable {
  private let waiting = Atomic<Int>(0)

  /// Whether the walk takes another one.
  func takesOne() -> Bool {
    if waiting.wrappingAdd(1, ordering: .relaxed).newValue <= 2 { return true }
    isTaken()
    return false
  }

  /// One has been written.
  func isTaken() { waiting.wrappingSubtract(1, ordering: .relaxed) }
}

/// Restores the blocks of one segment, one after another, and writes those that have a place.
final class SegmentUnpacker: SegmentWork {
  private let limits: DecodeLimits
  private let details: Bool
  /// Made when the first modelled block comes: its tables are large.
  private var decoder: SegmentDecoder?
  private var unpacker = Unpacker()
  /// A modelled block is missing: those that follow cannot be decoded.
  private var hasLostState = false
  /// What blocks that are written here are restored into, one after the other; and what is decoded of those that are
  /// woven here.
  private var room = Buffer<UInt8>()
  private lazy var decoded = DecodedBlock()

  /// What is done here.
  enum Share {
    /// All, or all but to check what is restored: whoever takes it does that.
    case whole, restoring
    /// Of modelled blocks only coding: whoever takes them weaves (`StoredBlock.weave`) and checks.
    case coding
  }
  private let share: Share

  init(limits: DecodeLimits, details: Bool = false, share: Share = .whole) {
    self.limits = limits
    self.details = details
    self.share = share
  }

  /// What the next segment takes shall not come on top of what this one's last blocks no longer need.
  deinit { if share == .coding { decoder?.endCoding() } }

  func work(on block: StoredBlock) {
    if block.lacksState { hasLostState = true }
    guard block.error == nil, !block.isChecked else { return }
    if block.place != nil { swap(&block.restored, &room) }
    do throws(BlockError) {
      try restore(block)
      if block.handover?.takesOne() == true {
        block.isHandedOver = true
        block.place = nil
      }
      if share == .whole || block.place != nil { try block.check() }
    } catch {
      if block.head.known == .modelled { hasLostState = true }
      block.fail(error)
    }
    if let place = block.place {
      swap(&block.restored, &room)
      do throws(TracezipError) { try place.tail.put(room.view, at: place.offset) } catch { block.error = error }
      room.removeAll()
    }
  }

  private func restore(_ block: StoredBlock) throws(BlockError) {
    let payload = block.payload.view
    let count = block.head.restoredCount
    switch block.head.known {
    case .stored: swap(&block.payload, &block.restored)
    case .zstd: try unpacker.zstd(payload, restoredCount: count, into: &block.restored)
    case .lz4: try unpacker.lz4(payload, restoredCount: count, into: &block.restored)
    case .modelled:
      if hasLostState { throw .missingState }
      if decoder == nil { decoder = SegmentDecoder(limits: limits, details: details, isAhead: share == .coding) }
      if share == .coding {
        let decoded = block.decoded ?? DecodedBlock()
        block.decoded = decoded
        try decoder!.code(payload, restoredCount: count, decoded)
        block.weaver = decoder
      } else {
        block.report = try decoder!.decode(payload, restoredCount: count, decoded, into: &block.restored)
      }
    default: throw BlockError(.unsupportedFrame(kind: Int(block.head.kind)))
    }
  }
}

extension FrameHead {
  var declaresRestored: Bool { known?.declaresRestored == true }
}
