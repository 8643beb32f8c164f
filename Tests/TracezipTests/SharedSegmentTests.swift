import Testing

@testable import Tracezip

/// A second core helps to restore what is one segment only if that is known: a wrong answer costs time, never bytes.
@Suite struct SharedSegmentTests {
  private static let capture: [UInt8] = {
    var writer = TraceWriter(seed: 71)
    return writer.capture(messages: 200, spans: 10)
  }()

  private func archive(segmentSize: Int) throws -> [UInt8] {
    var config = TracezipConfig()
    config.blockSize = 16 << 10
    config.segmentSize = segmentSize
    return try TraceCompressor.compress(Self.capture, config: config)
  }

  private func isOneSegment(_ bytes: [UInt8], behind front: Int = Format.headerSize) throws -> Bool {
    var window = InputWindow(.bytes(bytes))
    #expect(try window.fill(bytes.count) == bytes.count)
    return window.isOneSegment(behind: front)
  }

  @Test func `One segment of several blocks is told from all else`() throws {
    let one = try archive(segmentSize: 64 << 20)
    let several = try archive(segmentSize: 64 << 10)
    let single = try TraceCompressor.compress(Array(Self.capture.prefix(2000)))
    #expect(try isOneSegment(one))
    #expect(try isOneSegment(Array(one.dropFirst(Format.headerSize)), behind: 0), "a segment without its header")
    #expect(try !isOneSegment(several), "several segments")
    #expect(try !isOneSegment(one + one), "two archives")
    #expect(try !isOneSegment(single), "one frame")
  }

  /// What reaches the sink, and the error.
  private func restored(_ archive: [UInt8], threads: Int) -> (bytes: [UInt8], error: TracezipError?) {
    var config = TracezipConfig()
    config.threads = threads
    var bytes: [UInt8] = []
    do throws(TracezipError) {
      try TraceDecompressor.decompress(from: .bytes(archive), to: .arrays { bytes += $0 }, config: config)
      return (bytes, nil)
    } catch {
      return (bytes, error)
    }
  }

  @Test func `Two threads restore as much of an archive that is cut off as one does, and say the same`() throws {
    let archive = try archive(segmentSize: 64 << 20)
    for count in stride(from: 0, through: archive.count, by: 211) {
      let cut = Array(archive.prefix(count))
      let one = restored(cut, threads: 1)
      let two = restored(cut, threads: 2)
      let isSame = two == one && Self.capture.starts(with: two.bytes)
      #expect(isSame, "cut off after \(count) bytes")
    }
    #expect(restored(archive, threads: 2).bytes == Self.capture)
  }
}
