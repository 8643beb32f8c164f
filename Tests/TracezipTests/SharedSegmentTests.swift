import Testing

@testable import Tracezip

/// A second core helps to restore what is one segment only if that is known: a wrong answer costs time, never bytes. Nor
/// do bytes, errors or gaps depend on how many threads there are and how they share the work.
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

  /// Two threads share each segment, three have one each; of a single segment they share that.
  @Test(arguments: [64 << 20, 64 << 10], [2, 3])
  func `Threads restore as much of an archive that is cut off as one does, and say the same`(
    segmentSize: Int, threads: Int
  ) throws {
    let archive = try archive(segmentSize: segmentSize)
    for count in stride(from: 0, through: archive.count, by: 421) {
      let cut = Array(archive.prefix(count))
      let one = restored(cut, threads: 1)
      let more = restored(cut, threads: threads)
      let isSame = more == one && Self.capture.starts(with: more.bytes)
      #expect(isSame, "cut off after \(count) bytes")
    }
    #expect(restored(archive, threads: threads).bytes == Self.capture)
  }

  /// What is recovered, and where the gaps are.
  private func recovered(_ archive: [UInt8], threads: Int) throws -> (bytes: [UInt8], result: TraceDecompressor.Result)
  {
    var config = TracezipConfig()
    config.threads = threads
    var bytes: [UInt8] = []
    let result = try TraceDecompressor.decompress(
      from: .bytes(archive), to: .arrays { bytes += $0 }, config: config, recover: true)
    return (bytes, result)
  }

  @Test(arguments: [2, 3])
  func `Threads recover the same from a damaged archive of several segments as one does`(threads: Int) throws {
    let archive = try archive(segmentSize: 64 << 10)
    for place in stride(from: Format.headerSize, to: archive.count - 64, by: 599) {
      var damaged = archive
      damaged[place] ^= 0x55
      let one = try recovered(damaged, threads: 1)
      let more = try recovered(damaged, threads: threads)
      let isSame = more.bytes == one.bytes && more.result == one.result
      #expect(isSame, "a wrong byte at \(place)")
      #expect(!one.result.gaps.isEmpty, "a wrong byte at \(place) went unseen")
    }
  }
}
