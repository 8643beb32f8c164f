import Bytes
import Testing
import Tracezip

@Suite struct HostileArchiveTests {
  /// The header of an archive of frames, version 1, and the mark of a segment: written from man/tracezip.5, not by the
  /// library.
  private let start: [UInt8] = [0x54, 0x52, 0x5A, 0xB1, 0x01, 0x05, 0x53, 0x45, 0x47]

  /// A frame with a right checksum and whatever else.
  private func frame(_ kind: UInt8, stored: [UInt8], restored: Int?, restoredCheck: UInt32 = 0) -> [UInt8] {
    var front: [UInt8] = [kind] + TraceWriter.varint(stored.count)
    if let restored {
      front += TraceWriter.varint(restored)
      front += (0..<4).map { UInt8(truncatingIfNeeded: restoredCheck >> (8 * UInt32($0))) }
    }
    let seed = ([0x01] + front).withView { xxHash64($0) }
    let check = stored.withView { xxHash64($0, seed: seed) }
    return front + (0..<4).map { UInt8(truncatingIfNeeded: check >> (8 * UInt64($0))) } + stored
  }

  @Test func `A block that promises more than it holds is refused before memory is spent`() throws {
    for kind: UInt8 in [2, 3, 4] {
      for restored in [1 << 20, 64 << 20] {
        let archive = start + frame(kind, stored: [1, 2, 3, 4], restored: restored)
        #expect(throws: TracezipError.self) { try TraceDecompressor.decompress(archive) }
      }
    }
  }

  @Test func `Lengths beyond the format are refused`() throws {
    for length: UInt64 in [1 << 27, 1 << 40, 1 << 62, .max] {
      for kind: UInt8 in [1, 2, 3, 4, 6, 0x81, 0xF0] where length > 1 << 30 || kind < 0x80 {
        var bytes = Buffer<UInt8>()
        bytes.append(start)
        bytes.append(kind)
        bytes.append(varint: length)
        bytes.append(repeating: 0, count: 100)
        let error = #expect(throws: TracezipError.self) { try TraceDecompressor.decompress(bytes.array) }
        guard case .malformed? = error?.kind else {
          Issue.record("kind \(kind), length \(length): \(error?.description ?? "accepted")")
          continue
        }
        #expect(error?.location.offset == start.count)
      }
    }
  }

  @Test func `An unknown required part is an error and an unknown optional one is skipped`() throws {
    let unknown = start + frame(0x20, stored: [1, 2, 3], restored: nil)
    #expect(throws: TracezipError(.unsupportedFrame(kind: 0x20), at: .init(offset: 9, segment: 0, block: 0))) {
      try TraceDecompressor.decompress(unknown)
    }
    var archive: [UInt8] = start + frame(0xF3, stored: Array(repeating: 9, count: 1000), restored: nil)
    archive += frame(1, stored: [5, 6, 7], restored: nil)
    var out: [UInt8] = []
    #expect(throws: TracezipError.self) {
      try TraceDecompressor.decompress(from: .bytes(archive), to: .arrays { out += $0 })
    }
    // Only the end was missing.
    #expect(out == [5, 6, 7])
  }

  @Test func `A newer version is named`() throws {
    var archive = try TraceCompressor.compress(Array(repeating: 1, count: 100))
    archive[4] = archive[4] & 0xC0 | 9
    #expect(throws: TracezipError(.unsupportedVersion(found: 9, maximum: 1), at: .init(offset: 0))) {
      try TraceDecompressor.decompress(archive)
    }
  }

  @Test func `The memory limit is held before a block is read`() throws {
    var config = TracezipConfig()
    var random = Generator(seed: 3)
    let archive = try TraceCompressor.compress(random.bytes(4 << 20), config: config)
    config.memoryLimit = 1 << 20
    let error = #expect(throws: TracezipError.self) { try TraceDecompressor.decompress(archive, config: config) }
    guard case .limitExceeded(limit: 1 << 20, _)? = error?.kind else {
      Issue.record("\(error?.description ?? "no error")")
      return
    }
  }

  @Test func `Noise is never taken for an archive and never crashes a reader`() throws {
    var random = Generator(seed: 4)
    for round in 0..<2000 {
      let form = UInt8(random.next() % 4)
      var bytes: [UInt8] = Array(start.prefix(4)) + [form << 6 | 1]
      if round % 2 == 0 { bytes += start.suffix(4) }
      bytes += [UInt8(random.next() % 8)] + random.bytes(Int(random.next() % 200))
      #expect(throws: TracezipError.self) { try TraceDecompressor.decompress(bytes) }
      let reader = try ArchiveReader(bytes)
      #expect(try !reader.verify().isSound)
      _ = try? reader.segments()
    }
  }
}
