import Bytes
import CZstd

/// An archive of one small block: header, length, one check over everything, payload. A zstd payload goes without the
/// frame header, which is always the same here, and without a length, since its blocks tell where they end.
enum SingleArchive {
  /// Magic number; no content size, no checksum, no dictionary; window of 1 MiB (RFC 8878, 3.1.1.1).
  static let zstdHeader: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x50]

  static func write(_ kind: FrameKind, payload: ByteView, restored: ByteView, into out: inout Buffer<UInt8>) {
    var form: ArchiveForm
    var body = payload
    switch kind {
    case .modelled: form = .singleModelled
    case .zstd:
      form = .singleZstd
      body = payload.dropFirst(zstdFrameHeaderSize(payload))
    default:
      form = .singleStored
      body = restored
    }
    let start = out.count
    out.append(Format.magic)
    out.append(form.headerByte)
    if form != .singleZstd { out.append(varint: body.count) }
    if form == .singleModelled { out.append(varint: restored.count) }
    let front = out[start..<out.count]
    out.append(integer: check(front: front, payload: body, restored: restored))
    out.append(body)
  }

  /// Over what was restored, what restored it and everything before.
  static func check(front: ByteView, payload: ByteView, restored: ByteView) -> UInt32 {
    UInt32(truncatingIfNeeded: xxHash64(payload, seed: xxHash64(front, seed: xxHash64(restored))))
  }

  /// Magic, descriptor, and the window byte or content size that the descriptor tells of; there is no dictionary.
  private static func zstdFrameHeaderSize(_ frame: ByteView) -> Int {
    let descriptor = frame[4]
    let isSingleSegment = descriptor & 0x20 != 0
    let sizes = [isSingleSegment ? 1 : 0, 2, 4, 8]
    return 5 + (isSingleSegment ? 0 : 1) + sizes[Int(descriptor >> 6)]
  }

  /// Bytes that the blocks of a zstd frame at the front of `bytes` take (RFC 8878, 3.1.1.2); nil where they are cut off
  /// or make no sense.
  static func zstdBlocksSize(_ bytes: ByteView) -> Int? {
    var at = 0
    while at + 3 <= bytes.count {
      let head = Int(bytes[at]) | Int(bytes[at + 1]) << 8 | Int(bytes[at + 2]) << 16
      let type = head >> 1 & 3
      at += 3 + (type == 1 ? 1 : head >> 3)
      if type == 3 || at > bytes.count { return nil }
      if head & 1 == 1 { return at }
    }
    return nil
  }
}
