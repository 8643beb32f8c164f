import Bytes
import CLZ4
import CZstd

/// Packs whole runs of bytes with the general-purpose backends. One context, kept for the next run.
@safe
struct Packer: ~Copyable, @unchecked Sendable {
  private var context: OpaquePointer?

  init() {}

  deinit { unsafe ZSTD_freeCCtx(context) }

  /// Appends `bytes` as one zstd frame that tells neither its size nor a checksum; the archive has both.
  mutating func zstd(_ bytes: ByteView, level: Int, into out: inout Buffer<UInt8>) {
    if unsafe context == nil { unsafe context = ZSTD_createCCtx() }
    precondition(unsafe context != nil, "out of memory")
    unsafe ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters)
    unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level))
    unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0)
    unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 0)
    if bytes.count > 1 << 20 {
      // Matches reach back through the whole run; the window is bounded by the largest block.
      unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_enableLongDistanceMatching, 1)
      unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, Self.windowLog(for: bytes.count))
    }
    let start = out.count
    let bound = ZSTD_compressBound(bytes.count)
    let room = unsafe out.appendUninitialized(bound)
    let size = unsafe ZSTD_compress2(context, room.baseAddress, bound, bytes.base, bytes.count)
    precondition(ZSTD_isError(size) == 0, "zstd failed where it cannot")
    out.truncate(to: start + size)
  }

  /// Appends `bytes` as one LZ4 block.
  mutating func lz4(_ bytes: ByteView, level: Int, into out: inout Buffer<UInt8>) {
    let start = out.count
    let bound = LZ4_compressBound(Int32(bytes.count))
    let room = unsafe out.appendUninitialized(Int(bound))
    let to = unsafe room.baseAddress?.assumingMemoryBound(to: CChar.self)
    let from = unsafe bytes.base.assumingMemoryBound(to: CChar.self)
    let size =
      if level >= 10 {
        unsafe LZ4_compress_HC(from, to, Int32(bytes.count), bound, min(12, Int32(level)))
      } else {
        unsafe LZ4_compress_default(from, to, Int32(bytes.count), bound)
      }
    precondition(size > 0 || bytes.isEmpty, "lz4 failed where it cannot")
    out.truncate(to: start + Int(size))
  }

  private static func windowLog(for count: Int) -> Int32 {
    Int32(min(26, max(20, Int.bitWidth - (count - 1).leadingZeroBitCount)))
  }
}

/// The mirror of `Packer`. Output grows with what has been restored, not with what is promised.
@safe
struct Unpacker: ~Copyable, @unchecked Sendable {
  private var context: OpaquePointer?

  init() {}

  deinit { unsafe ZSTD_freeDCtx(context) }

  /// Appends exactly `restoredCount` bytes out of the zstd frame that `bytes` are.
  mutating func zstd(
    _ bytes: ByteView, restoredCount: Int, into out: inout Buffer<UInt8>
  ) throws(BlockError) {
    let start = out.count
    let used = try zstd(bytes, limit: restoredCount, into: &out)
    guard used == bytes.count, out.count - start == restoredCount else {
      throw BlockError(.malformed(reason: "a packed block is not of the size it declares"))
    }
  }

  /// Appends what one zstd frame at the front of `bytes` holds, at most `limit` bytes; returns the frame's own size.
  mutating func zstd(
    _ bytes: ByteView, limit: Int, into out: inout Buffer<UInt8>
  ) throws(BlockError) -> Int {
    if unsafe context == nil { unsafe context = ZSTD_createDCtx() }
    precondition(unsafe context != nil, "out of memory")
    unsafe ZSTD_DCtx_reset(context, ZSTD_reset_session_and_parameters)
    unsafe ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 27)
    let start = out.count
    var input = unsafe ZSTD_inBuffer(src: bytes.base, size: bytes.count, pos: 0)
    // A room of twice the input at first, then as much as has been restored already.
    var step = min(limit, max(1 << 16, bytes.count * 2))
    while true {
      let before = out.count
      let room = unsafe out.appendUninitialized(step)
      var output = unsafe ZSTD_outBuffer(dst: room.baseAddress, size: step, pos: 0)
      let hint = unsafe ZSTD_decompressStream(context, &output, &input)
      out.truncate(to: unsafe before + output.pos)
      if ZSTD_isError(hint) != 0 {
        throw BlockError(
          .malformed(reason: "a packed block cannot be unpacked: \(unsafe String(cString: ZSTD_getErrorName(hint)))"))
      }
      if hint == 0 { return unsafe input.pos }
      let restored = out.count - start
      if unsafe output.pos < output.size {
        throw BlockError(.malformed(reason: "a packed block ends early"))
      }
      // All room is used: go on if more is allowed. At the limit, one more call may still find the frame's end.
      step = min(limit - restored, max(1 << 16, restored))
      if step == 0 {
        var none = unsafe ZSTD_outBuffer(dst: nil, size: 0, pos: 0)
        if unsafe ZSTD_decompressStream(context, &none, &input) == 0 { return unsafe input.pos }
        throw BlockError(.malformed(reason: "a packed block is larger than it declares"))
      }
    }
  }

  /// Appends exactly `restoredCount` bytes out of the LZ4 block that `bytes` are.
  mutating func lz4(
    _ bytes: ByteView, restoredCount: Int, into out: inout Buffer<UInt8>
  ) throws(BlockError) {
    // A byte of an LZ4 block stands for at most 255.
    guard restoredCount <= 255 * bytes.count + 16 else {
      throw BlockError(.malformed(reason: "a packed block is larger than it declares"))
    }
    let start = out.count
    let room = unsafe out.appendUninitialized(restoredCount)
    let size = unsafe LZ4_decompress_safe(
      bytes.base.assumingMemoryBound(to: CChar.self), room.baseAddress?.assumingMemoryBound(to: CChar.self),
      Int32(bytes.count), Int32(restoredCount))
    guard size == restoredCount else {
      out.truncate(to: start)
      throw BlockError(.malformed(reason: "a packed block cannot be unpacked"))
    }
  }
}
