import Testing
import Tracezip

@Suite struct ArchiveReaderTests {
  private struct Sample {
    var capture: [UInt8] = []
    /// Trace ids with the place of their message in the capture.
    var traces: [(id: [UInt8], at: Int)] = []
    var archive: [UInt8] = []
  }

  private func sample() throws -> Sample {
    var writer = TraceWriter(seed: 61)
    var sample = Sample()
    for i in 0..<600 {
      let message = writer.message(spans: 10, service: ["shop", "cart", "pay"][i / 200])
      // Field 1 of a span, a trace id, is the only 16-byte field of number 1 with this tag and length.
      for at in message.indices.dropLast(18)
      where message[at] == 0x0A && message[at + 1] == 16 && message[at + 18] == 0x12 {
        sample.traces.append((Array(message[at + 2..<at + 18]), sample.capture.count))
      }
      let count = message.count
      sample.capture += [UInt8(count >> 24), UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255)]
      sample.capture += message
    }
    var config = TracezipConfig()
    config.segmentSize = 200 << 10
    config.blockSize = 64 << 10
    config.largestIndexShare = 0.05
    sample.archive = try TraceCompressor.compress(sample.capture, config: config)
    return sample
  }

  @Test func `The index knows the spans, times and services of each segment`() throws {
    let sample = try sample()
    let reader = try ArchiveReader(sample.archive)
    let segments = try reader.segments()
    #expect(segments.count >= 4)
    #expect(segments.allSatisfy { $0.isIndexed })
    #expect(segments.reduce(0) { $0 + $1.spans } == 6000)
    #expect(segments.reduce(0) { $0 + $1.messages } == 600)
    #expect(segments.reduce(0) { $0 + $1.restoredBytes } == sample.capture.count)
    #expect(segments.first?.services == ["shop"])
    #expect(segments.last?.services == ["pay"])
    for (earlier, later) in zip(segments, segments.dropFirst()) {
      #expect(earlier.offset + earlier.storedBytes == later.offset)
      #expect(earlier.firstStart! <= earlier.lastStart!)
      #expect(earlier.lastStart! <= later.firstStart!)
    }
  }

  @Test func `A trace is always found in its segment, and strangers seldom`() throws {
    let sample = try sample()
    #expect(sample.traces.count > 5900)
    let reader = try ArchiveReader(sample.archive)
    for trace in sample.traces where trace.at % 7 == 0 {
      let found = try reader.segments(withTrace: trace.id)
      #expect(found.contains { ($0.restoredOffset..<$0.restoredOffset + $0.restoredBytes).contains(trace.at) })
    }
    var random = Generator(seed: 62)
    let all = try reader.segments().count
    var named = 0
    for _ in 0..<500 { named += try reader.segments(withTrace: random.bytes(16)).count }
    #expect(named * 8 < 500 * all, "\(named) of \(500 * all)")
  }

  @Test func `A segment can be restored alone`() throws {
    let sample = try sample()
    for archive in [sample.archive, try TraceCompressor.compress([7, 7, 7]) + sample.archive + sample.archive] {
      let whole = try TraceDecompressor.decompress(archive)
      let reader = try ArchiveReader(archive)
      for segment in try reader.segments() {
        var out: [UInt8] = []
        try reader.restore(segment, to: .arrays { out += $0 })
        #expect(out == Array(whole[segment.restoredOffset..<segment.restoredOffset + segment.restoredBytes]))
      }
    }
  }

  @Test func `Statistics of an archive are those of its making`() throws {
    let sample = try sample()
    var config = TracezipConfig()
    config.segmentSize = 200 << 10
    for capture in [sample.capture, Array(sample.capture.prefix(20_000))] {
      let (archive, made) = try TraceCompressor.compressWithStats(capture, config: config)
      for columns in [true, false] {
        let read = try ArchiveReader(archive).statistics(columns: columns)
        #expect(read.originalBytes == made.originalBytes)
        #expect(read.archiveBytes == made.archiveBytes)
        #expect(read.plainBytes == made.plainBytes)
        #expect(read.messages == made.messages)
        #expect(read.spans == made.spans)
        #expect(read.traces == made.traces)
        #expect(read.templates == made.templates)
        #expect(read.deduplicatedRecords == made.deduplicatedRecords)
        #expect(read.segments == made.segments)
        #expect(read.blocks == made.blocks)
        #expect(read.services == made.services)
        #expect(read.firstStart == made.firstStart)
        #expect(read.lastStart == made.lastStart)
        #expect(read.columns.isEmpty != columns)
      }
    }
  }

  @Test func `A missing file is an error that names it`() {
    let error = #expect(throws: TracezipError.self) { try ArchiveReader(path: "/nowhere/at/all.trz") }
    #expect(error?.location.file == "/nowhere/at/all.trz")
  }
}
