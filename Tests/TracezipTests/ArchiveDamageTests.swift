import Testing
import Tracezip

/// Small archives of both forms, of every kind of frame, and two in a row.
private func samples() throws -> [(name: String, archive: [UInt8], original: [UInt8])] {
  var writer = TraceWriter(seed: 7)
  let capture = writer.capture(messages: 6, spans: 3)
  var config = TracezipConfig()
  config.segmentSize = 4096
  config.blockSize = 4096
  let random = writer.random.bytes(5000)
  let text = Array(String(repeating: "not OTLP, only text. ", count: 250).utf8)
  var samples: [(String, [UInt8], [UInt8])] = []
  for (name, bytes) in [
    ("empty", []), ("two bytes", [1, 2]), ("one message", writer.message(spans: 1)), ("capture", capture),
    ("text", Array(text.prefix(300))),
  ] {
    samples.append((name, try TraceCompressor.compress(bytes), bytes))
  }
  for (name, bytes) in [
    ("capture in frames", capture + writer.capture(messages: 6, spans: 4)), ("random in frames", random),
    ("text in frames", text),
  ] {
    samples.append((name, try inFrames(bytes, config), bytes))
  }
  config.codec = .lz4
  samples.append(("lz4 in frames", try inFrames(text, config), text))
  let single = samples[3]
  let framed = samples[5]
  samples.append(("two archives", framed.1 + single.1, framed.2 + single.2))
  samples.append(("two archives, the small one first", single.1 + framed.1, single.2 + framed.2))
  return samples.map { (name: $0.0, archive: $0.1, original: $0.2) }
}

/// An archive of many frames, however small.
private func inFrames(_ bytes: [UInt8], _ config: TracezipConfig) throws -> [UInt8] {
  var archive: [UInt8] = []
  let compressor = try TraceCompressor(to: .arrays { archive += $0 }, config: config)
  try compressor.append(Array(bytes.prefix(bytes.count / 2)))
  try compressor.flush()
  try compressor.append(Array(bytes.dropFirst(bytes.count / 2)))
  try compressor.finish()
  return archive
}

@Suite struct ArchiveDamageTests {
  @Test func `What was archived comes back`() throws {
    for sample in try samples() {
      #expect(try TraceDecompressor.decompress(sample.archive) == sample.original, "\(sample.name)")
      let reader = try ArchiveReader(sample.archive)
      #expect(try reader.verify().isSound, "\(sample.name)")
      #expect(try reader.verify(.stored).isSound, "\(sample.name)")
      #expect(try reader.segments().reduce(0) { $0 + $1.restoredBytes } == sample.original.count, "\(sample.name)")
    }
  }

  @Test func `A cut-off archive is never taken for a whole one`() throws {
    for sample in try samples() where !sample.name.hasPrefix("two archives") {
      for length in 0..<sample.archive.count {
        let cut = Array(sample.archive.prefix(length))
        var out: [UInt8] = []
        do {
          try TraceDecompressor.decompress(from: .bytes(cut), to: .arrays { out += $0 })
          Issue.record("\(sample.name) cut at \(length) was accepted")
        } catch {
          #expect(error.location.offset != nil, "\(sample.name) cut at \(length)")
          #expect(error.location.offset! <= length, "\(sample.name) cut at \(length)")
        }
        #expect(sample.original.starts(with: out), "\(sample.name) cut at \(length)")
      }
    }
  }

  @Test func `A changed byte is never overlooked`() throws {
    var random = Generator(seed: 11)
    for sample in try samples() {
      for at in 0..<sample.archive.count {
        var changed = sample.archive
        // Any other value.
        for flip in [UInt8(random.next() % 255 + 1)] {
          changed[at] = sample.archive[at] ^ flip
          var out: [UInt8] = []
          do {
            try TraceDecompressor.decompress(from: .bytes(changed), to: .arrays { out += $0 })
            Issue.record("\(sample.name): byte \(at) changed by \(flip) was accepted")
          } catch {
            #expect(error.location.offset != nil, "\(sample.name): byte \(at)")
          }
          #expect(sample.original.starts(with: out), "\(sample.name): byte \(at) changed by \(flip) gave other bytes")
        }
      }
    }
  }

  @Test func `Verify finds every changed byte, by the stored bytes alone`() throws {
    for sample in try samples() {
      for at in 0..<sample.archive.count {
        var changed = sample.archive
        changed[at] ^= 0x10
        #expect(try !ArchiveReader(changed).verify(.stored).isSound, "\(sample.name): byte \(at)")
      }
    }
  }

  @Test func `Recovery gives back what is intact and nothing else`() throws {
    var writer = TraceWriter(seed: 21)
    var config = TracezipConfig()
    config.segmentSize = 8192
    config.blockSize = 4096
    let capture = writer.capture(messages: 100, spans: 3)
    let archive = try inFrames(capture, config)
    let segments = try ArchiveReader(archive).segments()
    #expect(segments.count > 3)
    var random = Generator(seed: 22)
    for _ in 0..<300 {
      var changed = archive
      let at = Int(random.next() % UInt64(archive.count))
      changed[at] ^= UInt8(random.next() % 255 + 1)
      var out: [UInt8] = []
      let result = try TraceDecompressor.decompress(from: .bytes(changed), to: .arrays { out += $0 }, recover: true)
      #expect(!result.gaps.isEmpty, "byte \(at)")
      // Every segment that the change did not touch is there, in order.
      var from = 0
      for segment in segments where !(segment.offset..<segment.offset + segment.storedBytes).contains(at) {
        let wanted = Array(capture[segment.restoredOffset..<segment.restoredOffset + segment.restoredBytes])
        guard let place = out.indices.dropFirst(from).first(where: { out[$0...].starts(with: wanted) }) else {
          Issue.record("byte \(at): the segment at \(segment.offset) is lost")
          break
        }
        from = place + wanted.count
      }
    }
  }

  @Test func `Recovery needs neither an archive's first bytes nor order between archives`() throws {
    var writer = TraceWriter(seed: 23)
    let capture = writer.capture(messages: 40, spans: 3)
    let archive = try inFrames(capture, TracezipConfig())
    func recovered(_ bytes: [UInt8]) throws -> (bytes: [UInt8], gaps: Int) {
      var out: [UInt8] = []
      let result = try TraceDecompressor.decompress(from: .bytes(bytes), to: .arrays { out += $0 }, recover: true)
      return (out, result.gaps.count)
    }
    for at in 0..<5 {
      for bit in 0..<8 as Range<UInt8> {
        var changed = archive
        changed[at] ^= 1 << bit
        let found = try recovered(changed)
        #expect(found.bytes == capture && found.gaps == 1, "bit \(bit) of byte \(at)")
      }
    }
    for garbage in [[0], Array("garbage".utf8), Array(archive.prefix(3)), [UInt8](repeating: 0x54, count: 3 << 20)] {
      for (bytes, wanted) in [
        (garbage + archive, capture), (archive + garbage + archive, capture + capture), (archive + garbage, capture),
      ] {
        let found = try recovered(bytes)
        #expect(found.bytes == wanted && found.gaps == 1, "\(garbage.prefix(9)), \(bytes.count) bytes")
      }
      #expect(try recovered(garbage).bytes.isEmpty)
    }
  }

  @Test func `Recovery of a cut-off archive gives back every whole block`() throws {
    var writer = TraceWriter(seed: 31)
    var config = TracezipConfig()
    config.segmentSize = 1 << 20
    config.blockSize = 4096
    let capture = writer.capture(messages: 60, spans: 3)
    let archive = try inFrames(capture, config)
    for length in stride(from: 5, to: archive.count, by: 97) {
      var out: [UInt8] = []
      let result = try TraceDecompressor.decompress(
        from: .bytes(Array(archive.prefix(length))), to: .arrays { out += $0 }, recover: true)
      #expect(capture.starts(with: out))
      #expect(result.gaps.count == 1)
      #expect(result.restoredBytes == out.count)
    }
  }

  @Test func `Bytes after an archive are an error that says where`() throws {
    let archive = try TraceCompressor.compress([1, 2, 3])
    for garbage in [[0], [0x54], [0x54, 0x52, 0x5A], Array("garbage".utf8)] as [[UInt8]] {
      let error = #expect(throws: TracezipError.self) { try TraceDecompressor.decompress(archive + garbage) }
      #expect(error?.location.offset == archive.count)
    }
  }
}
