import Bytes

/// The archive format's constants; man/tracezip.5 describes it in full.
enum Format {
  static let magic: [UInt8] = [0x54, 0x52, 0x5A, 0xB1]
  /// Written, and the highest that is read.
  static let version: UInt8 = 1
  static let headerSize = 5
  /// A segment begins with these bytes, which recovery looks for.
  static let mark: [UInt8] = [FrameKind.mark.rawValue, 0x53, 0x45, 0x47]
  /// No block restores to more.
  static let largestBlock = 64 << 20
  /// No frame stores more: a block that does not shrink is stored as it is.
  static let largestFrame = largestBlock + (1 << 16)
  /// No index is longer.
  static let largestIndex = 1 << 30
  /// Archives of one frame restore to at most this.
  static let largestSingle = 1 << 20
  /// Frame kinds from here on may be skipped by a reader that does not know them.
  static let firstOptionalKind: UInt8 = 0x80
}

/// What follows the header: many frames, or one alone. The two high bits of the header's last byte.
enum ArchiveForm: UInt8 {
  /// Frames, index, end.
  case frames = 0
  /// One block, stored as it is.
  case singleStored = 1
  /// One block, the blocks of a zstd frame without its header.
  case singleZstd = 2
  /// One modelled block.
  case singleModelled = 3

  /// The header's last byte.
  var headerByte: UInt8 { rawValue << 6 | Format.version }

  /// The kind of block it holds.
  var frameKind: FrameKind {
    switch self {
    case .singleZstd: .zstd
    case .singleModelled: .modelled
    case .frames, .singleStored: .stored
    }
  }
}

extension [UInt8] {
  /// The first four bytes, of magic number or mark, as they are loaded.
  var word: UInt32 { withView { $0.load(UInt32.self, at: 0) } }
}

enum FrameKind: UInt8 {
  case stored = 1
  case zstd = 2
  case lz4 = 3
  /// A block coded by the segment's model, whose state it extends.
  case modelled = 4
  case mark = 5
  case end = 6
  case index = 0x81

  /// Whether the frame declares what it restores to: stored bytes are what they restore to.
  var declaresRestored: Bool { self == .zstd || self == .lz4 || self == .modelled }
  var isBlock: Bool { rawValue <= FrameKind.modelled.rawValue }
}

/// A frame's head: all but its payload.
struct FrameHead: Equatable {
  var kind: UInt8
  /// Bytes of payload.
  var storedCount: Int
  /// Bytes that the payload restores to; of a frame that is no block, 0.
  var restoredCount = 0
  var restoredCheck: UInt32 = 0
  /// Over head and payload.
  var check: UInt32 = 0
  /// Bytes of the head itself.
  var size = 0

  var known: FrameKind? { FrameKind(rawValue: kind) }

  init(kind: UInt8, storedCount: Int) {
    self.kind = kind
    self.storedCount = storedCount
  }

  /// The largest head: kind, two varints, two checks.
  static let largest = 1 + 5 + 5 + 8

  /// The head at the front of `bytes`; nil where more bytes are needed to tell.
  static func parse(_ bytes: ByteView) throws(TracezipError.Kind) -> FrameHead? {
    guard bytes.count > 0 else { return nil }
    let kind = bytes[0]
    var head = FrameHead(kind: kind, storedCount: 0)
    let known = FrameKind(rawValue: kind)
    if kind == 0 || known == .mark || known == nil && kind < Format.firstOptionalKind {
      throw .unsupportedFrame(kind: Int(kind))
    }
    var at = 1
    let limit = known?.isBlock == true || known == .end ? Format.largestFrame : Format.largestIndex
    guard let stored = try size(bytes, &at, limit: limit) else { return nil }
    head.storedCount = stored
    if known?.declaresRestored == true {
      guard let restored = try size(bytes, &at, limit: Format.largestBlock) else { return nil }
      head.restoredCount = restored
      guard at + 4 <= bytes.count else { return nil }
      head.restoredCheck = bytes.load(UInt32.self, at: at)
      at += 4
    } else if known == .stored {
      head.restoredCount = stored
    }
    guard at + 4 <= bytes.count else { return nil }
    head.check = bytes.load(UInt32.self, at: at)
    head.size = at + 4
    return head
  }

  private static func size(_ bytes: ByteView, _ at: inout Int, limit: Int) throws(TracezipError.Kind) -> Int? {
    guard let (value, width) = bytes.varint(at: at) else {
      if bytes.count - at >= 10 { throw .malformed(reason: "a length is no varint") }
      return nil
    }
    guard value <= UInt64(limit) else {
      throw .malformed(reason: "a length of \(value) is more than the format allows")
    }
    // One way only to write a length: what cannot vary need not be checked.
    guard width == varintWidth(value) else { throw .malformed(reason: "a length is over-long") }
    at += width
    return Int(value)
  }

  /// The head's bytes without the check, appended to `out`.
  private func writeFront(into out: inout Buffer<UInt8>) {
    out.append(kind)
    out.append(varint: storedCount)
    if known?.declaresRestored == true {
      out.append(varint: restoredCount)
      out.append(integer: restoredCheck)
    }
  }

  /// What `check` must be: the payload hashed with the hash of everything before it as seed, so that any changed byte
  /// of header, head or payload shows.
  func computeCheck(headerByte: UInt8, payload: ByteView) -> UInt32 {
    var front = Buffer<UInt8>(capacity: 32)
    front.append(headerByte)
    writeFront(into: &front)
    return UInt32(truncatingIfNeeded: xxHash64(payload, seed: xxHash64(front.view)))
  }

  /// Appends a whole frame; returns its check. `restoredCheck` is that of `restored`, if it is known.
  @discardableResult
  static func write(
    _ kind: FrameKind, payload: ByteView, restored: ByteView? = nil, restoredCheck: UInt32? = nil,
    into out: inout Buffer<UInt8>
  ) -> UInt32 {
    precondition(payload.count <= (kind.isBlock ? Format.largestFrame : Format.largestIndex))
    precondition(restored.map { $0.count <= Format.largestBlock } ?? true)
    var head = FrameHead(kind: kind.rawValue, storedCount: payload.count)
    if kind.declaresRestored, let restored {
      head.restoredCount = restored.count
      head.restoredCheck = restoredCheck ?? crc32c(restored)
    }
    let check = head.computeCheck(headerByte: ArchiveForm.frames.headerByte, payload: payload)
    head.writeFront(into: &out)
    out.append(integer: check)
    out.append(payload)
    return check
  }
}

extension TracezipError.Kind: Error {}

/// The end of an archive of many frames, found from behind by its last byte.
struct ArchiveEnd: Equatable {
  /// From the index frame's first byte to the end frame's; 0 without an index.
  var indexDistance = 0
  /// From the header's first byte to the end's last.
  var archiveBytes = 0
  var restoredBytes = 0
  /// Over the checks of all frames: none is missing, doubled or out of place.
  var digest: UInt32 = 0

  /// The most bytes an end takes.
  static let largest = 1 + 1 + 4 + 30 + 4 + 1

  /// Appends the end frame, whose size counts into `archiveBytes`, and its trailing size byte.
  mutating func write(bytesBefore: Int, into out: inout Buffer<UInt8>) {
    var payload = Buffer<UInt8>(capacity: 48)
    // The size is part of what is written: at most one more round makes it stand.
    var guess = 0
    while true {
      archiveBytes = bytesBefore + guess
      payload.removeAll()
      payload.append(varint: indexDistance)
      payload.append(varint: archiveBytes)
      payload.append(varint: restoredBytes)
      payload.append(integer: digest)
      let size = 1 + varintWidth(UInt64(payload.count)) + 4 + payload.count + 1
      if size == guess { break }
      guess = max(guess, size)
    }
    FrameHead.write(.end, payload: payload.view, into: &out)
    out.append(UInt8(guess))
  }

  static func parse(_ payload: ByteView) -> ArchiveEnd? {
    var end = ArchiveEnd()
    var cursor = IndexCursor(payload)
    guard let distance = cursor.number(), let bytes = cursor.number(), let restored = cursor.number(),
      cursor.left == 4
    else { return nil }
    end.indexDistance = distance
    end.archiveBytes = bytes
    end.restoredBytes = restored
    end.digest = payload.load(UInt32.self, at: cursor.at)
    return end
  }
}

/// Folds frame checks, in order, into the digest that the archive's end declares.
struct CheckDigest {
  private(set) var value: UInt64 = 0

  mutating func add(_ check: UInt32) {
    // One round of a 64-bit mixer (splitmix64, Steele and others 2014).
    var x = value ^ UInt64(check) &* 0x9E37_79B9_7F4A_7C15
    x = (x ^ x >> 30) &* 0xBF58_476D_1CE4_E5B9
    x = (x ^ x >> 27) &* 0x94D0_49BB_1331_11EB
    value = (x ^ x >> 31) &+ 1
  }

  var low: UInt32 { UInt32(truncatingIfNeeded: value) }
}
