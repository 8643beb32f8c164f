import Bytes
import CMachine

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Where bytes come from: a closure that fills the front of the memory it is given and returns how many bytes it wrote,
/// 0 only at the end. It is called on the caller's thread.
@safe
public struct ByteSource {
  /// The whole size where it is known beforehand. It helps to cut segments evenly, nothing more.
  public var size: Int?
  /// Waits so many seconds at most; whether `fill` would not block by then. nil where it never blocks for long.
  public var isReady: ((_ seconds: Double) -> Bool)?
  /// Reads once more what stands so many bytes behind the first that came, on any thread; how many bytes are still there.
  public typealias Reread =
    @Sendable (_ offset: Int, _ room: UnsafeMutableRawBufferPointer) throws(TracezipError) -> Int
  /// nil where bytes come but once. Compressing with several threads holds less in memory with it.
  public var reread: Reread?
  let fill: (UnsafeMutableRawBufferPointer) throws(TracezipError) -> Int
  /// Waits for a moment; whether nothing came. Then there is time to look at what workers have done.
  var isSilent: Bool { isReady.map { !$0(0.002) } ?? false }

  public init(size: Int? = nil, fill: @escaping (UnsafeMutableRawBufferPointer) throws(TracezipError) -> Int) {
    self.size = size
    unsafe self.fill = fill
  }

  /// Hands on all bytes as they are.
  public func copy(to sink: ByteSink) throws(TracezipError) {
    var room = Buffer<UInt8>(capacity: 1 << 16)
    while true {
      room.removeAll()
      let space = unsafe room.appendUninitialized(1 << 16)
      let count = try unsafe fill(space)
      precondition(count >= 0 && count <= 1 << 16, "a source told more than it was asked for")
      if count == 0 { return }
      try sink.put(room[0..<count])
    }
  }

  /// The next bytes, at most so many; none only at the end.
  public func next(upTo count: Int) throws(TracezipError) -> [UInt8] {
    var piece = [UInt8](repeating: 0, count: count)
    var failure: TracezipError?
    let filled = unsafe piece.withUnsafeMutableBytes { room in
      do throws(TracezipError) {
        return try unsafe fill(room)
      } catch {
        failure = error
        return 0
      }
    }
    if let failure { throw failure }
    precondition(filled >= 0 && filled <= count, "a source told more than it was asked for")
    piece.removeLast(count - filled)
    return piece
  }

  public static func bytes(_ bytes: [UInt8]) -> ByteSource {
    var at = 0
    return unsafe ByteSource(size: bytes.count) { room in
      let n = min(room.count, bytes.count - at)
      unsafe bytes.withUnsafeBytes { unsafe room.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[at..<at + n])) }
      at += n
      return n
    }
  }

  /// What is left to read of a file, pipe or socket, which stays open. The size of a regular file is known; a pipe is
  /// widened (`widenPipe`).
  public static func descriptor(_ descriptor: Int32) -> ByteSource {
    var source = unsafe ByteSource(size: remainingSize(of: descriptor)) { (room) throws(TracezipError) in
      while true {
        let n = unsafe read(descriptor, room.baseAddress, room.count)
        if n >= 0 { return n }
        if errno != EINTR { throw TracezipError(.io(operation: "read", errno: errno)) }
      }
    }
    if source.size == nil {
      widenPipe(descriptor)
      source.isReady = { isReadable(descriptor, within: $0) }
    } else {
      unsafe source.reread = rereading(descriptor, from: Int(lseek(descriptor, 0, SEEK_CUR)))
    }
    return source
  }

  /// Lets a pipe hold a megabyte where the system allows it, in place of Linux' usual 64 KiB: blocks of four are made and
  /// taken at a time, and with little between them one end stands still while the other works.
  public static func widenPipe(_ descriptor: Int32) { tracezip_widen_pipe(descriptor, 1 << 20) }

  /// `reread` of a regular file whose first byte stands at `start`.
  public static func rereading(_ descriptor: Int32, from start: Int) -> Reread {
    return { (offset, room) throws(TracezipError) in
      var at = 0
      while at < room.count {
        let n = unsafe pread(descriptor, room.baseAddress! + at, room.count - at, off_t(start + offset + at))
        if n == 0 { break }
        if n > 0 {
          at += n
        } else if errno != EINTR {
          throw TracezipError(.io(operation: "read", errno: errno))
        }
      }
      return at
    }
  }

  /// Waits until reading a pipe, socket or terminal would not block, so many seconds at most. Its end and its errors
  /// count as something to read.
  public static func isReadable(_ descriptor: Int32, within seconds: Double) -> Bool {
    var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    let milliseconds = Int32(min(max(seconds, 0), 3600) * 1000 + 0.999)
    return unsafe poll(&waiting, 1, milliseconds) != 0
  }
}

/// Where bytes go, in order and on the caller's thread.
@safe
public struct ByteSink {
  let drain: (UnsafeRawBufferPointer) throws(TracezipError) -> Void
  /// Of a sink that does nothing but write to it.
  private var descriptor: Int32?
  private var startsWriteback = false

  public init(drain: @escaping (UnsafeRawBufferPointer) throws(TracezipError) -> Void) {
    unsafe self.drain = drain
  }

  /// Where it ends in a regular file, if it does.
  var tail: FileTail? { descriptor.flatMap { FileTail($0, startsWriteback: startsWriteback) } }

  /// Calls `body` with each piece.
  public static func arrays(_ body: @escaping ([UInt8]) throws(TracezipError) -> Void) -> ByteSink {
    unsafe ByteSink { (piece) throws(TracezipError) in try body(unsafe Array(piece)) }
  }

  /// Writes to a file, pipe or socket, which stays open; a pipe is widened (`ByteSource.widenPipe`). Whoever restores with
  /// several threads lets each write its part of a regular file, so that until then parts in its midst may be missing; its
  /// position stands behind all of them afterwards.
  ///
  /// - Parameter startsWriteback: whether the system shall begin to write a file to the disk while more is made, so that
  ///   an `fsync` at the end has little left to wait for.
  public static func descriptor(_ descriptor: Int32, startsWriteback: Bool = false) -> ByteSink {
    ByteSource.widenPipe(descriptor)
    var waiting = 0
    var sink = unsafe ByteSink { (piece) throws(TracezipError) in
      try unsafe writeAll(piece) { unsafe write(descriptor, $0.baseAddress, $0.count) }
      waiting += piece.count
      if startsWriteback, waiting >= worthWriteback {
        tracezip_start_writeback(descriptor, 0, 0)
        waiting = 0
      }
    }
    sink.descriptor = descriptor
    sink.startsWriteback = startsWriteback
    return sink
  }

  /// Forgets everything: for a decompression that only checks.
  public static var discard: ByteSink { unsafe ByteSink { _ in } }

  func put(_ bytes: ByteView) throws(TracezipError) {
    if !bytes.isEmpty { try unsafe drain(UnsafeRawBufferPointer(start: bytes.base, count: bytes.count)) }
  }
}

/// The end of a regular file, as yet empty, that several threads write to, each at places of its own.
struct FileTail: Sendable {
  private let descriptor: Int32
  private let start: Int
  private let startsWriteback: Bool

  /// Nil where `descriptor` is no regular file at its end, or one that only appends.
  init?(_ descriptor: Int32, startsWriteback: Bool) {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    let position = lseek(descriptor, 0, SEEK_CUR)
    guard position >= status.st_size, fcntl(descriptor, F_GETFL) & O_APPEND == 0 else { return nil }
    self.descriptor = descriptor
    self.startsWriteback = startsWriteback
    start = Int(position)
  }

  /// Writes `bytes` so many bytes behind the beginning of the tail.
  func put(_ bytes: ByteView, at offset: Int) throws(TracezipError) {
    var at = off_t(start + offset)
    try unsafe writeAll(UnsafeRawBufferPointer(start: bytes.base, count: bytes.count)) {
      let n = unsafe pwrite(descriptor, $0.baseAddress, $0.count, at)
      at += off_t(max(0, n))
      return n
    }
    if startsWriteback, bytes.count >= worthWriteback {
      tracezip_start_writeback(descriptor, Int64(start + offset), Int64(bytes.count))
    }
  }

  /// The tail ends after `count` bytes; what may have been written behind them is cut off.
  func end(at count: Int, cutting: Bool) {
    if cutting { _ = ftruncate(descriptor, off_t(start + count)) }
    _ = lseek(descriptor, off_t(start + count), SEEK_SET)
  }
}

/// Bytes that are worth asking the system to begin with.
private let worthWriteback = 1 << 20

/// Calls `write` until it has taken all of `bytes`.
private func writeAll(
  _ bytes: UnsafeRawBufferPointer, _ write: (UnsafeRawBufferPointer) -> Int
) throws(TracezipError) {
  var at = 0
  while at < bytes.count {
    let n = unsafe write(UnsafeRawBufferPointer(rebasing: bytes[at...]))
    if n >= 0 {
      at += n
    } else if errno != EINTR {
      throw TracezipError(.io(operation: "write", errno: errno))
    }
  }
}

/// Bytes of a regular file behind its position; nil for what has no size.
private func remainingSize(of descriptor: Int32) -> Int? {
  var status = stat()
  guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
  let position = lseek(descriptor, 0, SEEK_CUR)
  return position < 0 ? nil : max(0, Int(status.st_size) - Int(position))
}
