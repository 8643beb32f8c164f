import Foundation
import TestSupport
import Testing
import Tracezip
import Workload

/// Regular files, which several threads read and write at places of their own: what goes wrong there would be bytes
/// at the wrong place, or left behind.
@Suite struct RegularFileTests {
  private static let capture = makeCapture(WorkloadOptions(seed: 910), format: .lengthPrefixed, batches: 60)

  /// Many segments of many blocks.
  private static func config(_ threads: Int) -> TracezipConfig {
    var config = TracezipConfig()
    config.threads = threads
    config.blockSize = 8192
    config.segmentSize = 1 << 16
    return config
  }

  private static let archive = Result { try TraceCompressor.compress(capture, config: config(1)) }

  /// Opens a file, runs `body` and gives what the file holds then.
  private func written(
    _ folder: TemporaryFolder, _ flags: Int32, holding before: [UInt8] = [], _ body: (Int32) throws -> Void
  ) throws -> [UInt8] {
    let path = folder.file("out")
    try Data(before).write(to: URL(fileURLWithPath: path))
    let descriptor = unsafe open(path, O_RDWR | flags)
    #expect(descriptor >= 0)
    defer { close(descriptor) }
    try body(descriptor)
    return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  @Test(arguments: [1, 2, 3, 8]) func `Threads that restore into a file leave every byte in its place`(
    threads: Int
  ) throws {
    let archive = try Self.archive.get()
    let folder = try TemporaryFolder()
    let twice = try written(folder, O_TRUNC) { descriptor in
      for _ in 0..<2 {
        try TraceDecompressor.decompress(
          from: .bytes(archive), to: .descriptor(descriptor), config: Self.config(threads))
      }
      // Who writes next writes behind it.
      #expect(lseek(descriptor, 0, SEEK_CUR) == off_t(2 * Self.capture.count))
    }
    let isSame = twice == Self.capture + Self.capture
    #expect(isSame)
  }

  /// Large enough that the system is asked for it.
  @Test(arguments: [1, 2, 3]) func `A file that the system begins to write to the disk early has every byte`(
    threads: Int
  ) throws {
    var random = SeededRandom(seed: 911)
    let bytes = (0..<5 << 20).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    var config = TracezipConfig()
    config.threads = threads
    config.blockSize = 1 << 20
    config.segmentSize = 2 << 20
    let archive = try TraceCompressor.compress(bytes, config: config)
    let folder = try TemporaryFolder()
    let left = try written(folder, O_TRUNC) { descriptor in
      try TraceDecompressor.decompress(
        from: .bytes(archive), to: .descriptor(descriptor, startsWriteback: true), config: config)
    }
    let isSame = left == bytes
    #expect(isSame)
  }

  @Test func `What was in a file stays: appended to, or overwritten from its front only`() throws {
    let archive = try Self.archive.get()
    let folder = try TemporaryFolder()
    let before = [UInt8](repeating: 7, count: Self.capture.count + 1000)
    let appended = try written(folder, O_APPEND, holding: before) { descriptor in
      try TraceDecompressor.decompress(from: .bytes(archive), to: .descriptor(descriptor), config: Self.config(3))
    }
    #expect(appended == before + Self.capture)
    let overwritten = try written(folder, 0, holding: before) { descriptor in
      try TraceDecompressor.decompress(from: .bytes(archive), to: .descriptor(descriptor), config: Self.config(3))
    }
    #expect(overwritten == Self.capture + before[Self.capture.count...])
  }

  @Test(arguments: [2, 8]) func `Behind damage nothing stays in the file, though threads were further`(
    threads: Int
  ) throws {
    let archive = try Self.archive.get()
    let folder = try TemporaryFolder()
    for share in [0.2, 0.5, 0.8] {
      var damaged = archive
      damaged[Int(share * Double(archive.count))] ^= 1
      var sound: [UInt8] = []
      #expect(throws: TracezipError.self) {
        try TraceDecompressor.decompress(from: .bytes(damaged), to: .arrays { sound += $0 }, config: Self.config(1))
      }
      let left = try written(folder, O_TRUNC) { descriptor in
        #expect(throws: TracezipError.self) {
          try TraceDecompressor.decompress(
            from: .bytes(damaged), to: .descriptor(descriptor), config: Self.config(threads))
        }
        #expect(lseek(descriptor, 0, SEEK_CUR) == off_t(sound.count))
      }
      let isSame = left == sound
      #expect(isSame, "damage at \(share)")
      // With the rest recovered, every block is where it belongs by then.
      var recovered: [UInt8] = []
      try TraceDecompressor.decompress(
        from: .bytes(damaged), to: .arrays { recovered += $0 }, config: Self.config(1), recover: true)
      let recoveredLeft = try written(folder, O_TRUNC) { descriptor in
        try TraceDecompressor.decompress(
          from: .bytes(damaged), to: .descriptor(descriptor), config: Self.config(threads), recover: true)
      }
      let isRecovered = recoveredLeft == recovered
      #expect(isRecovered, "damage at \(share)")
    }
  }

  @Test(arguments: [2, 3, 8]) func `Threads that read their part of a file archive the same bytes`(
    threads: Int
  ) throws {
    let archive = try Self.archive.get()
    let folder = try TemporaryFolder()
    let front: [UInt8] = [1, 2, 3]
    let path = folder.file("in")
    try Data(front + Self.capture).write(to: URL(fileURLWithPath: path))
    let descriptor = unsafe open(path, O_RDONLY)
    defer { close(descriptor) }
    lseek(descriptor, off_t(front.count), SEEK_SET)
    var made: [UInt8] = []
    try TraceCompressor.compress(
      from: .descriptor(descriptor), to: .arrays { made += $0 }, config: Self.config(threads))
    let isSame = made == archive
    #expect(isSame)
  }

  @Test func `A file that is cut short while it is read is an error, and no archive of something else`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Array(Self.capture[..<1000]), to: "in")
    let descriptor = unsafe open(path, O_RDONLY)
    defer { close(descriptor) }
    // All came when it was first read; by the time that the workers read, only the front is left.
    var source = ByteSource.bytes(Self.capture)
    unsafe source.reread = ByteSource.rereading(descriptor, from: 0)
    #expect(throws: TracezipError.self) {
      try TraceCompressor.compress(from: source, to: .arrays { _ in }, config: Self.config(3))
    }
  }
}
