import Bytes
import CLZ4
import CZstd

/// The general-purpose compressors behind the columns.
public enum BackendKind: UInt8, Sendable, CaseIterable {
  case none = 0
  case lz4 = 1
  case zstd = 2
}

public enum BackendError: Error, Equatable, Sendable {
  /// The packed run stops before its header does.
  case truncated(available: Int)
  case unknownKind(found: UInt8)
  case limitExceeded(limit: Int, value: UInt64)
  /// The payload is not what its kind says, or does not give the number of bytes declared.
  case damaged(kind: BackendKind, declared: Int)
  /// The backend needs the earlier bytes that this run was packed against.
  case prefixMismatch(declared: Int, available: Int)
}

/// How to pack one run of bytes.
public struct BackendSettings: Sendable, Equatable {
  public var kind: BackendKind
  /// zstd's 1 to 19; for lz4 9 and more means the slow, denser search.
  public var level: Int
  /// Look for repeats of any distance in the run, for text that repeats itself from afar.
  public var longDistance: Bool

  public init(kind: BackendKind, level: Int, longDistance: Bool = false) {
    self.kind = kind
    self.level = level
    self.longDistance = longDistance
  }
}

/// Packs and unpacks runs of bytes; owns the compressors' working memory, so keep one and use it often.
///
/// A packed run is a kind byte, the unpacked size as a varint (for `none` neither size nor limit matter beyond the run
/// itself) and the payload to the end of the run. A zstd payload is a frame without magic, content size and checksum
/// (RFC 8878; the archive has checksums of its own), an lz4 payload a raw block.
@safe
public struct Backend: ~Copyable {
  private var compressor: OpaquePointer?
  private var decompressor: OpaquePointer?

  public init() {}

  deinit {
    if let compressor = unsafe compressor { unsafe ZSTD_freeCCtx(compressor) }
    if let decompressor = unsafe decompressor { unsafe ZSTD_freeDCtx(decompressor) }
  }

  /// Appends `bytes`, packed, to `out`: with the kind asked for, or stored where that gains nothing.
  ///
  /// `prefix` is text both sides have: zstd finds repeats of it. The same bytes must be given to `unpack`.
  public mutating func pack(
    _ bytes: ByteView, _ settings: BackendSettings, prefix: ByteView = .empty, into out: inout Buffer<UInt8>
  ) {
    let start = out.count
    if settings.kind != .none, bytes.count > 0, bytes.count < 1 << 31 {
      out.append(settings.kind.rawValue)
      out.append(varint: bytes.count)
      if settings.kind == .zstd { out.append(varint: prefix.count) }
      let written =
        settings.kind == .zstd
        ? zstd(bytes, settings, prefix, into: &out) : lz4(bytes, settings, into: &out)
      if written, out.count - start <= bytes.count { return }
      out.truncate(to: start)
    }
    out.append(BackendKind.none.rawValue)
    out.append(bytes)
  }

  /// Appends what `packed` holds to `out`; never more than `limit` bytes.
  public mutating func unpack(
    _ packed: ByteView, limit: Int, prefix: ByteView = .empty, into out: inout Buffer<UInt8>
  ) throws(BackendError) {
    guard packed.count > 0 else { throw .truncated(available: 0) }
    guard let kind = BackendKind(rawValue: packed[0]) else { throw .unknownKind(found: packed[0]) }
    if kind == .none {
      guard packed.count - 1 <= limit else { throw .limitExceeded(limit: limit, value: UInt64(packed.count - 1)) }
      out.append(packed.dropFirst(1))
      return
    }
    guard let size = packed.varint(at: 1) else { throw .truncated(available: packed.count) }
    guard size.value <= UInt64(limit), size.value < 1 << 31 else {
      throw .limitExceeded(limit: limit, value: size.value)
    }
    var payload = packed.dropFirst(1 + size.width)
    if kind == .zstd {
      guard let length = payload.varint(at: 0) else { throw .truncated(available: packed.count) }
      guard length.value == 0 || length.value == UInt64(prefix.count) else {
        throw .prefixMismatch(declared: Int(clamping: length.value), available: prefix.count)
      }
      payload = payload.dropFirst(length.width)
      try unzstd(payload, Int(size.value), length.value == 0 ? .empty : prefix, into: &out)
    } else {
      try unlz4(payload, Int(size.value), into: &out)
    }
  }

  private mutating func zstd(
    _ bytes: ByteView, _ settings: BackendSettings, _ prefix: ByteView, into out: inout Buffer<UInt8>
  ) -> Bool {
    if unsafe compressor == nil { unsafe compressor = ZSTD_createCCtx() }
    guard let context = unsafe compressor else { return false }
    unsafe ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters)
    unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(settings.level))
    unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0)
    unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 0)
    unsafe ZSTD_CCtx_setParameter(context, Self.compressFormat, Self.magicless)
    if settings.longDistance || prefix.count > 0 {
      let reach = bytes.count + prefix.count
      let windowLog = max(17, Int.bitWidth - (reach - 1).leadingZeroBitCount)
      unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, Int32(min(windowLog, 30)))
    }
    if settings.longDistance {
      unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_enableLongDistanceMatching, 1)
    }
    if prefix.count > 0 { unsafe ZSTD_CCtx_refPrefix(context, prefix.base, prefix.count) }
    // More room than the text itself is never of use: stored is then smaller.
    let before = out.count
    let room = unsafe out.appendUninitialized(bytes.count)
    let size = unsafe ZSTD_compress2(context, room.baseAddress, room.count, bytes.base, bytes.count)
    let failed = ZSTD_isError(size) != 0
    out.truncate(to: before + (failed ? 0 : size))
    return !failed
  }

  private mutating func unzstd(
    _ payload: ByteView, _ size: Int, _ prefix: ByteView, into out: inout Buffer<UInt8>
  ) throws(BackendError) {
    if unsafe decompressor == nil { unsafe decompressor = ZSTD_createDCtx() }
    guard let context = unsafe decompressor else { throw .damaged(kind: .zstd, declared: size) }
    unsafe ZSTD_DCtx_reset(context, ZSTD_reset_session_and_parameters)
    unsafe ZSTD_DCtx_setParameter(context, Self.decompressFormat, Self.magicless)
    if prefix.count > 0 { unsafe ZSTD_DCtx_refPrefix(context, prefix.base, prefix.count) }
    // A zstd block has a header of three bytes and gives at most 128 KiB: the payload has to earn what it declares.
    guard size >> 17 <= payload.count / 3 else { throw .damaged(kind: .zstd, declared: size) }
    let before = out.count
    let room = unsafe out.appendUninitialized(size)
    let got = unsafe ZSTD_decompressDCtx(context, room.baseAddress, size, payload.base, payload.count)
    guard ZSTD_isError(got) == 0, got == size else {
      out.truncate(to: before)
      throw .damaged(kind: .zstd, declared: size)
    }
  }

  private func lz4(_ bytes: ByteView, _ settings: BackendSettings, into out: inout Buffer<UInt8>) -> Bool {
    let before = out.count
    let room = unsafe out.appendUninitialized(bytes.count)
    let from = unsafe bytes.base.assumingMemoryBound(to: CChar.self)
    let to = unsafe room.baseAddress?.assumingMemoryBound(to: CChar.self)
    let size =
      settings.level >= 9
      ? unsafe LZ4_compress_HC(from, to, Int32(bytes.count), Int32(room.count), Int32(min(12, settings.level)))
      : unsafe LZ4_compress_default(from, to, Int32(bytes.count), Int32(room.count))
    out.truncate(to: before + max(0, Int(size)))
    return size > 0
  }

  private func unlz4(_ payload: ByteView, _ size: Int, into out: inout Buffer<UInt8>) throws(BackendError) {
    // No lz4 byte gives more than 255.
    guard payload.count < 1 << 31, size >> 8 <= payload.count else { throw .damaged(kind: .lz4, declared: size) }
    let before = out.count
    let room = unsafe out.appendUninitialized(size)
    let got = unsafe LZ4_decompress_safe(
      payload.base.assumingMemoryBound(to: CChar.self), room.baseAddress?.assumingMemoryBound(to: CChar.self),
      Int32(payload.count), Int32(size))
    guard Int(got) == size else {
      out.truncate(to: before)
      throw .damaged(kind: .lz4, declared: size)
    }
  }

  // ZSTD_c_format and ZSTD_d_format under the names that the stable header has for them.
  private static var compressFormat: ZSTD_cParameter { ZSTD_c_experimentalParam2 }
  private static var decompressFormat: ZSTD_dParameter { ZSTD_d_experimentalParam1 }
  private static var magicless: Int32 { 1 }
}
