import Bytes
import CLZ4
import CZlib
import CZstd

/// What one call into a decoder did.
struct DecodeStep {
  var consumed: Int
  var produced: Int
  /// The frame (member) has ended; what follows is another one.
  var isFrameEnd: Bool
}

/// A streaming decoder of one container format. It is called once per chunk, so that a class costs nothing.
protocol ContainerDecoder: AnyObject {
  /// Decodes from `input` into `room`.
  func decode(_ input: ByteView, into room: UnsafeMutableRawBufferPointer) throws(ContainerError.Kind) -> DecodeStep
}

extension ContainerError.Kind: Error {}

extension ContainerKind {
  /// `windowLog` bounds the memory that a zstd frame may ask for.
  func makeDecoder(windowLog: Int) throws(ContainerError.Kind) -> any ContainerDecoder {
    switch self {
    case .gzip: try GzipDecoder()
    case .zstd: try ZstdDecoder(windowLog: windowLog)
    case .lz4: try LZ4Decoder()
    }
  }
}

/// gzip by zlib. The stream's state points back at the `z_stream`, which therefore must not move.
@safe
final class GzipDecoder: ContainerDecoder {
  private let stream: UnsafeMutablePointer<z_stream>

  init() throws(ContainerError.Kind) {
    unsafe stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    // 15 bits of window, and 16 for "a gzip header is there".
    let status = unsafe inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else {
      unsafe stream.deallocate()
      throw .outOfMemory
    }
  }

  deinit {
    unsafe inflateEnd(stream)
    unsafe stream.deallocate()
  }

  func decode(_ input: ByteView, into room: UnsafeMutableRawBufferPointer) throws(ContainerError.Kind) -> DecodeStep {
    let offered = min(input.count, Int(UInt32.max))
    let space = min(room.count, Int(UInt32.max))
    unsafe stream.pointee.next_in = UnsafeMutablePointer(
      mutating: input.base.assumingMemoryBound(to: UInt8.self))
    unsafe stream.pointee.avail_in = UInt32(offered)
    unsafe stream.pointee.next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
    unsafe stream.pointee.avail_out = UInt32(space)
    let status = unsafe inflate(stream, Z_NO_FLUSH)
    let consumed = unsafe offered - Int(stream.pointee.avail_in)
    let produced = unsafe space - Int(stream.pointee.avail_out)
    switch status {
    // Z_BUF_ERROR: nothing could be done with what was given, which is no error.
    case Z_OK, Z_BUF_ERROR: return DecodeStep(consumed: consumed, produced: produced, isFrameEnd: false)
    case Z_STREAM_END:
      guard unsafe inflateReset(stream) == Z_OK else { throw .corrupt("zlib cannot start over") }
      return DecodeStep(consumed: consumed, produced: produced, isFrameEnd: true)
    case Z_MEM_ERROR: throw .outOfMemory
    default: throw .corrupt(unsafe stream.pointee.msg.map { unsafe String(cString: $0) } ?? "zlib status \(status)")
    }
  }
}

@safe
final class ZstdDecoder: ContainerDecoder {
  private let stream: OpaquePointer
  private let windowLog: Int

  init(windowLog: Int) throws(ContainerError.Kind) {
    guard let stream = unsafe ZSTD_createDStream() else { throw .outOfMemory }
    unsafe self.stream = stream
    self.windowLog = windowLog
    unsafe ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, Int32(windowLog))
  }

  deinit { unsafe ZSTD_freeDStream(stream) }

  func decode(_ input: ByteView, into room: UnsafeMutableRawBufferPointer) throws(ContainerError.Kind) -> DecodeStep {
    var from = unsafe ZSTD_inBuffer(src: input.base, size: input.count, pos: 0)
    var to = unsafe ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: 0)
    let left = unsafe ZSTD_decompressStream(stream, &to, &from)
    if ZSTD_isError(left) != 0 {
      switch ZSTD_getErrorCode(left) {
      case ZSTD_error_memory_allocation: throw .outOfMemory
      case ZSTD_error_frameParameter_windowTooLarge: throw .limitExceeded(limit: 1 << windowLog)
      default: throw .corrupt(unsafe String(cString: ZSTD_getErrorName(left)))
      }
    }
    return unsafe DecodeStep(consumed: from.pos, produced: to.pos, isFrameEnd: left == 0)
  }

  /// Forgets a frame that was given up.
  func reset() { unsafe ZSTD_DCtx_reset(stream, ZSTD_reset_session_only) }
}

@safe
final class LZ4Decoder: ContainerDecoder {
  private let context: OpaquePointer

  init() throws(ContainerError.Kind) {
    var context: OpaquePointer?
    let status = unsafe LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))
    guard LZ4F_isError(status) == 0, let context = unsafe context else { throw .outOfMemory }
    unsafe self.context = context
  }

  deinit { unsafe LZ4F_freeDecompressionContext(context) }

  func decode(_ input: ByteView, into room: UnsafeMutableRawBufferPointer) throws(ContainerError.Kind) -> DecodeStep {
    var consumed = input.count
    var produced = room.count
    let left = unsafe LZ4F_decompress(context, room.baseAddress, &produced, input.base, &consumed, nil)
    guard LZ4F_isError(left) == 0 else { throw .corrupt(unsafe String(cString: LZ4F_getErrorName(left))) }
    return DecodeStep(consumed: consumed, produced: produced, isFrameEnd: left == 0)
  }
}
