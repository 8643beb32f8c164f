import Bytes

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// An archive that can be read at any place: a file, or bytes in memory.
final class ArchiveFile: @unchecked Sendable {
  private let bytes: [UInt8]
  private let descriptor: Int32
  let size: Int

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    descriptor = -1
    size = bytes.count
  }

  init(path: String) throws(TracezipError) {
    bytes = []
    descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw TracezipError(.io(operation: "open", errno: errno)).inFile(path) }
    let end = lseek(descriptor, 0, SEEK_END)
    guard end >= 0 else {
      let error = TracezipError(.io(operation: "seek", errno: errno)).inFile(path)
      close(descriptor)
      throw error
    }
    size = Int(end)
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Reads into `room` from `offset` on; 0 at the end.
  func read(at offset: Int, into room: UnsafeMutableRawBufferPointer) throws(TracezipError) -> Int {
    if descriptor < 0 {
      let count = max(0, min(room.count, size - offset))
      if count > 0 {
        unsafe bytes.withUnsafeBytes {
          unsafe room.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + count]))
        }
      }
      return count
    }
    while true {
      let count = unsafe pread(descriptor, room.baseAddress, room.count, off_t(offset))
      if count >= 0 { return count }
      if errno != EINTR { throw TracezipError(.io(operation: "read", errno: errno), at: .init(offset: offset)) }
    }
  }

  /// The bytes of `range`, which lies in the file; cut short where the file has become shorter.
  func read(_ range: Range<Int>) throws(TracezipError) -> [UInt8] {
    var window = InputWindow(source(range), offset: range.lowerBound)
    let count = try window.fill(range.count)
    return window.ahead[0..<count].array
  }

  /// A stream of the bytes of `range`.
  func source(_ range: Range<Int>) -> ByteSource {
    var at = range.lowerBound
    return unsafe ByteSource(size: range.count) { (room) throws(TracezipError) in
      let wanted = min(room.count, range.upperBound - at)
      let count = try unsafe self.read(at: at, into: UnsafeMutableRawBufferPointer(rebasing: room[0..<wanted]))
      at += count
      return count
    }
  }
}
