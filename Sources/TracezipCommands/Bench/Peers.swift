import CLZ4
import CZstd
import Glibc

/// The general-purpose compressors that `bench` sets itself beside: the libraries, called as their programs call them.
enum Peer: CaseIterable {
  case lz4
  case zstd3
  case zstd19

  var name: String {
    switch self {
    case .lz4: "lz4"
    case .zstd3: "zstd -3"
    case .zstd19: "zstd -19"
    }
  }

  /// nil where the library gives up.
  func compress(_ bytes: [UInt8]) -> [UInt8]? {
    switch self {
    case .lz4: unsafe Self.filled(Int(LZ4_compressBound(Int32(bytes.count)))) { unsafe Self.lz4(bytes, into: $0) }
    case .zstd3: unsafe Self.filled(ZSTD_compressBound(bytes.count)) { unsafe Self.zstd(bytes, 3, into: $0) }
    case .zstd19: unsafe Self.filled(ZSTD_compressBound(bytes.count)) { unsafe Self.zstd(bytes, 19, into: $0) }
    }
  }

  func decompress(_ packed: [UInt8], count: Int) -> [UInt8]? {
    unsafe Self.filled(count) { room in
      unsafe packed.withUnsafeBytes { packed -> Int? in
        if self == .lz4 {
          let size = unsafe LZ4_decompress_safe(
            packed.baseAddress?.assumingMemoryBound(to: CChar.self),
            room.baseAddress?.assumingMemoryBound(to: CChar.self),
            Int32(packed.count), Int32(room.count))
          return size < 0 ? nil : Int(size)
        }
        let size = unsafe ZSTD_decompress(room.baseAddress, room.count, packed.baseAddress, packed.count)
        return ZSTD_isError(size) == 0 ? size : nil
      }
    }
  }

  private static func lz4(_ bytes: [UInt8], into room: UnsafeMutableRawBufferPointer) -> Int? {
    let size = unsafe bytes.withUnsafeBytes { bytes in
      unsafe LZ4_compress_default(
        bytes.baseAddress?.assumingMemoryBound(to: CChar.self), room.baseAddress?.assumingMemoryBound(to: CChar.self),
        Int32(bytes.count), Int32(room.count))
    }
    return size > 0 ? Int(size) : nil
  }

  private static func zstd(_ bytes: [UInt8], _ level: Int32, into room: UnsafeMutableRawBufferPointer) -> Int? {
    let size = unsafe bytes.withUnsafeBytes { bytes in
      unsafe ZSTD_compress(room.baseAddress, room.count, bytes.baseAddress, bytes.count, level)
    }
    return ZSTD_isError(size) == 0 ? size : nil
  }

  /// As many bytes as `fill` says it has written into the memory it is given.
  private static func filled(_ capacity: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Int?) -> [UInt8]? {
    var succeeded = false
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: max(capacity, 1)) { room, count in
      guard
        let size = unsafe fill(
          UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(room)[..<capacity]))
      else { return }
      count = size
      succeeded = true
    }
    return succeeded ? bytes : nil
  }
}

/// The most memory that the process has held (getrusage(2)).
func peakMemory() -> Int {
  var usage = rusage()
  _ = unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  return usage.ru_maxrss * 1024
}
