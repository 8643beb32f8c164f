import Foundation
import TestSupport
import Testing
import Workload

@testable import Tracezip

@Suite struct CompressorTests {
  private func archive(_ bytes: [UInt8], pieces: [Int], _ config: TracezipConfig, size: Int? = nil) throws -> [UInt8] {
    var archive: [UInt8] = []
    let compressor = try TraceCompressor(to: .arrays { archive += $0 }, config: config, size: size)
    var at = 0
    var turn = 0
    while at < bytes.count {
      let count = min(bytes.count - at, pieces[turn % pieces.count])
      try compressor.append(Array(bytes[at..<at + count]))
      at += count
      turn += 1
    }
    try compressor.finish()
    return archive
  }

  @Test func `A block of text that is hardly text does not spoil the blocks behind it`() throws {
    var random = SeededRandom(seed: 5)
    let printable = (0x20..<0x7F).filter { $0 != 0x22 && $0 != 0x5C }.map { UInt8($0) }
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
    var capture: [UInt8] = []
    // Noise goes plain, long new words are the models', and each decision follows from what came before.
    for isNoise in [true, false, true, true, true, false, true, true] {
      for _ in 0..<110 {
        var text: [UInt8] = []
        while text.count < 1000 {
          if !isNoise, text.count % 25 == 24 {
            text.append(0x20)
          } else {
            text.append((isNoise ? printable : letters)[random.below(isNoise ? printable.count : letters.count)])
          }
        }
        capture += Array(
          #"{"resourceSpans":[{"scopeSpans":[{"spans":[{"spanId":"\#(String(random.next() | 1 << 63, radix: 16))","name":""#
            .utf8)
        capture += text + Array(#""}]}]}]}"#.utf8) + [0x0A]
      }
    }
    var config = TracezipConfig()
    config.blockSize = 150 << 10
    config.threads = 1
    let archive = try TraceCompressor.compress(capture, config: config)
    #expect(try TraceDecompressor.decompress(archive) == capture)
    // Two threads shred ahead of what is decided then.
    for segmentSize in [config.segmentSize, 400 << 10] {
      config.segmentSize = segmentSize
      config.threads = 1
      let once = try TraceCompressor.compress(capture, config: config)
      for threads in [2, 3] {
        config.threads = threads
        let isSame = try TraceCompressor.compress(capture, config: config) == once
        #expect(isSame, "\(threads) threads, segments of \(segmentSize) bytes")
      }
    }
  }

  @Test(arguments: [false, true]) func `A block that takes more state than restoring allows is kept plain`(
    isAhead: Bool
  ) throws {
    var writer = TraceWriter(seed: 46)
    let capture = writer.capture(messages: 50, spans: 10)
    for (mostState, isPlain) in [(SegmentEncoder.mostState, false), (10_000, true)] {
      let packer = SegmentPacker(config: TracezipConfig(), mostState: mostState)
      let coder = CodingThread()
      for _ in 0..<2 {
        let chunk = Chunk()
        chunk.bytes.append(capture)
        chunk.cut = ChunkCut(count: capture.count, framing: .lengthPrefixed)
        if isAhead {
          packer.shredAhead(chunk)
          coder.feed(chunk)
          #expect(coder.take(wait: true) === chunk)
        }
        packer.work(on: chunk)
        #expect(chunk.plainBytes == (isPlain ? capture.count : 0))
        #expect(chunk.frames.count > 0)
      }
    }
  }

  @Test func `Two threads that share a segment end it where one thread does`() throws {
    var writer = TraceWriter(seed: 47)
    let capture = writer.capture(messages: 600, spans: 10)
    var config = TracezipConfig()
    config.blockSize = 32 << 10
    // A segment ends when its strings are many, when it is long, and with the input.
    for (strings, segmentSize) in [(64 << 10, 4 << 20), (64 << 20, 200 << 10), (64 << 10, 250 << 10)] {
      config.largestStringTable = strings
      config.stringTable = strings > 64 << 10
      config.segmentSize = segmentSize
      // Nonsense at the end makes a plain block.
      for input in [capture, capture + writer.random.bytes(90_000)] {
        config.threads = 1
        let once = try TraceCompressor.compressWithStats(input, config: config)
        #expect(once.stats.segments > 2, "\(once.stats.segments) segments")
        for threads in [2, 5] {
          config.threads = threads
          let again = try TraceCompressor.compressWithStats(input, config: config)
          let isSame = again.archive == once.archive
          #expect(isSame, "\(threads) threads, \(strings) bytes of strings, segments of \(segmentSize)")
          #expect(again.stats.columns == once.stats.columns)
        }
        #expect(try TraceDecompressor.decompress(once.archive) == input)
      }
    }
  }

  /// At any moment: the worker may not wait for what will not come.
  @Test(.timeLimit(.minutes(2))) func `A sink that fails ends the compression, whatever is under way`() throws {
    var options = WorkloadOptions(seed: 44)
    options.batchSpans = 200
    let capture = makeCapture(options, format: .lengthPrefixed, batches: 24)
    let full = TracezipError(.io(operation: "write", errno: 28))
    var config = TracezipConfig()
    config.blockSize = capture.count / 48
    for segmentSize in [capture.count, capture.count / 6, capture.count / 24] {
      config.segmentSize = segmentSize
      for threads in [2, 3] {
        config.threads = threads
        for last in 0..<20 {
          var puts = 0
          let sink = ByteSink.arrays { _ throws(TracezipError) in
            puts += 1
            if puts > last { throw full }
          }
          #expect(throws: full) { try TraceCompressor.compress(from: .bytes(capture), to: sink, config: config) }
        }
      }
    }
  }

  @Test func `Threads, pieces and repetition never change an archive's bytes`() throws {
    var writer = TraceWriter(seed: 41)
    let capture = writer.capture(messages: 400, spans: 10)
    var config = TracezipConfig()
    config.segmentSize = 128 << 10
    config.blockSize = 32 << 10
    let once = try archive(capture, pieces: [1 << 20], config)
    #expect(try TraceDecompressor.decompress(once) == capture)
    for threads in [1, 2, 3, 8] {
      config.threads = threads
      #expect(try archive(capture, pieces: [1 << 20], config) == once, "\(threads) threads")
      #expect(try archive(capture, pieces: [1, 70_000, 333], config) == once, "\(threads) threads, pieces")
      #expect(try TraceDecompressor.decompress(once, config: config) == capture, "\(threads) threads")
      let known = try TraceCompressor.compress(capture, config: config)
      config.threads = 1
      #expect(try TraceCompressor.compress(capture, config: config) == known)
    }
  }

  /// Where each segment asks the one before where its generators were.
  @Test(.timeLimit(.minutes(2)))
  func `Segments that share generators are the same with any number of threads, and end when given up`() throws {
    var options = WorkloadOptions(seed: 43)
    options.batchSpans = 200
    let capture = makeCapture(options, format: .lengthPrefixed, batches: 60)
    var config = TracezipConfig()
    config.segmentSize = capture.count / 6
    config.blockSize = capture.count / 24
    let once = try TraceCompressor.compress(capture, config: config)
    #expect(try TraceDecompressor.decompress(once) == capture)
    for threads in [2, 3, 8] {
      config.threads = threads
      #expect(try TraceCompressor.compress(capture, config: config) == once, "\(threads) threads")
      // At any moment: none may wait for what will not come.
      for count in stride(from: capture.count / 6, through: capture.count, by: capture.count / 60) {
        let givenUp = try TraceCompressor(to: .arrays { _ in }, config: config)
        try givenUp.append(Array(capture[..<count]))
      }
    }
  }

  @Test func `Ten megabytes of noise come back and grow by 64 bytes at most`() throws {
    var random = Generator(seed: 42)
    let noise = random.bytes(10_000_000)
    for threads in [1, 2] {
      var config = TracezipConfig()
      config.threads = threads
      let archive = try TraceCompressor.compress(noise, config: config)
      #expect(archive.count <= noise.count + 64)
      #expect(try TraceDecompressor.decompress(archive, config: config) == noise)
    }
  }

  @Test func `Small inputs grow by a few bytes at most`() throws {
    var random = Generator(seed: 43)
    for count in [0, 1, 2, 3, 127, 128, 1000, 16383, 16384, 100_000, 262_144, 262_145, 300_000] {
      let noise = random.bytes(count)
      let archive = try TraceCompressor.compress(noise)
      #expect(archive.count <= count + (count <= 262_144 ? 12 : 64), "\(count) bytes became \(archive.count)")
      #expect(try TraceDecompressor.decompress(archive) == noise)
    }
  }

  @Test func `A tiny file is no larger than zstd makes it`() throws {
    // Two empty messages behind lengths; zstd -19 takes 16 bytes.
    let empty = [UInt8](repeating: 0, count: 8)
    let archive = try TraceCompressor.compress(empty)
    #expect(archive.count <= 16)
    #expect(try TraceDecompressor.decompress(archive) == empty)
  }

  @Test func `Flushed batches can be restored before the archive ends`() throws {
    var writer = TraceWriter(seed: 44)
    var archive: [UInt8] = []
    let compressor = try TraceCompressor(to: .arrays { archive += $0 })
    var expected: [UInt8] = []
    for _ in 0..<20 {
      let message = writer.message(spans: 10)
      let count = message.count
      expected += [UInt8(count >> 24), UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255)] + message
      try compressor.appendBatch(message)
      try compressor.flush()
      var out: [UInt8] = []
      let result = try TraceDecompressor.decompress(from: .bytes(archive), to: .arrays { out += $0 }, recover: true)
      #expect(out == expected)
      #expect(result.gaps.count == 1)
    }
    let stats = try compressor.finish()
    #expect(try TraceDecompressor.decompress(archive) == expected)
    #expect(stats.originalBytes == expected.count)
    #expect(stats.archiveBytes == archive.count)
    #expect(stats.blocks == 20)
    #expect(throws: TracezipError(.finished)) { try compressor.append([1]) }
    #expect(throws: TracezipError(.finished)) { try compressor.finish() }
  }

  @Test func `A flush before there is enough to tell the format costs nothing but a block`() throws {
    var options = WorkloadOptions(seed: 47)
    options.batchSpans = 30
    for format in [CaptureFormat.lengthPrefixed, .jsonLines, .protobuf(.sdk, .varintDelimited)] {
      let capture = makeCapture(options, format: format, batches: 4)
      let whole = try TraceCompressor.compress(capture).count
      for first in [1, 2, 3, 5, 8, 13, 40, 100, 1000, 5000, capture.count / 2] {
        var archive: [UInt8] = []
        let compressor = try TraceCompressor(to: .arrays { archive += $0 })
        try compressor.append(Array(capture[..<first]))
        try compressor.flush()
        try compressor.append(Array(capture[first...]))
        try compressor.finish()
        #expect(try TraceDecompressor.decompress(archive) == capture)
        #expect(archive.count < whole * 3 / 2, "\(format.name), \(first): \(archive.count) of \(whole)")
      }
    }
  }

  @Test func `Keys in alphabetical order cost no more, though end times then stand before start times`() throws {
    var options = WorkloadOptions(seed: 48)
    options.batchSpans = 50
    let capture = makeCapture(options, format: .jsonLines, batches: 20)
    var sorted = Data()
    for line in Frames.lines(capture) {
      let value = try JSONSerialization.jsonObject(with: Data(line))
      sorted += try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys, .withoutEscapingSlashes])
      sorted.append(0x0A)
    }
    let archive = try TraceCompressor.compress([UInt8](sorted))
    #expect(try TraceDecompressor.decompress(archive) == [UInt8](sorted))
    #expect(archive.count < (try TraceCompressor.compress(capture)).count * 11 / 10)
  }

  @Test func `Batches below the minimum are stored plain`() throws {
    var writer = TraceWriter(seed: 45)
    var config = TracezipConfig()
    config.minimumBatchSize = 1000
    var archive: [UInt8] = []
    let compressor = try TraceCompressor(to: .arrays { archive += $0 }, config: config)
    let small = writer.message(spans: 1)
    let large = writer.message(spans: 20)
    for message in [small, large, small, large] { try compressor.appendBatch(message) }
    let stats = try compressor.finish()
    #expect(stats.blocks == 4)
    #expect(stats.plainBytes == 2 * (small.count + 4))
    #expect(try TraceDecompressor.decompress(archive).count == 2 * (small.count + large.count) + 16)
  }

  /// Where no SDK's ids can be predicted, nobody pays for a search.
  @Test(
    arguments: [("rust", false), ("php", false), ("swift", false), ("erlang", false), ("go", true), (nil, true)]
      as [(String?, Bool)])
  func `Ids of languages whose generators cannot be recovered are not looked at`(
    language: String?, isLookedAt: Bool
  ) throws {
    var writer = TraceWriter(seed: 47)
    let capture = writer.capture(messages: 300, spans: 10, language: language)
    var config = TracezipConfig()
    let looked = try TraceCompressor.compress(capture, config: config)
    config.idPrediction = false
    let without = try TraceCompressor.compress(capture, config: config)
    #expect((looked != without) == isLookedAt)
    #expect(try TraceDecompressor.decompress(looked) == capture)
  }

  @Test func `Every switch of the config gives an archive that comes back`() throws {
    var writer = TraceWriter(seed: 46)
    let capture = writer.capture(messages: 300, spans: 10)
    let changes: [(inout TracezipConfig) -> Void] = [
      { $0.isEnabled = false }, { $0.codec = .none }, { $0.codec = .lz4 }, { $0.codec = .zstd }, { $0.level = 19 },
      { $0.delta = false }, { $0.deduplication = false }, { $0.stringTable = false }, { $0.derived = false },
      { $0.idPrediction = false }, { $0.effort = .fast }, { $0.effort = .best }, { $0.largestStringTable = 1 << 16 },
      { $0.traceFilterBits = 0 }, { $0.blockSize = 10_000 }, { $0.framing = .unknown }, { $0.framing = .json },
      { $0.framing = .bare }, { $0.framing = .varintDelimited },
    ]
    for (number, change) in changes.enumerated() {
      var config = TracezipConfig()
      change(&config)
      #expect(throws: Never.self, "change \(number)") {
        let archive = try TraceCompressor.compress(capture, config: config)
        #expect(try TraceDecompressor.decompress(archive) == capture, "change \(number)")
      }
    }
  }

  @Test func `A config out of bounds is refused`() {
    let changes: [(inout TracezipConfig) -> Void] = [
      { $0.level = 0 }, { $0.level = 20 }, { $0.blockSize = 1 }, { $0.segmentSize = 1 << 40 }, { $0.threads = -1 },
      { $0.traceFilterBits = 99 }, { $0.memoryLimit = 3 }, { $0.minimumBatchSize = -1 }, { $0.largestIndexShare = 2 },
    ]
    for change in changes {
      var config = TracezipConfig()
      change(&config)
      #expect(throws: TracezipError.self) { try TraceCompressor.compress([1, 2, 3], config: config) }
    }
  }

  @Test func `A message larger than a block is cut between its spans and comes back`() throws {
    var writer = TraceWriter(seed: 47)
    let message = writer.message(spans: 3000)
    let huge = TraceWriter.field(1, TraceWriter.field(2, TraceWriter.field(2, writer.random.bytes(50_000))))
    let count = message.count
    let prefix = [UInt8(count >> 24), UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255)]
    var config = TracezipConfig()
    config.blockSize = 16 << 10
    config.segmentSize = 128 << 10
    let captures = [
      message, prefix + message, prefix + message + writer.capture(messages: 10, spans: 5), message + message,
      TraceWriter.varint(count) + message + TraceWriter.varint(count) + message, message + huge + message,
      prefix + message.dropLast(1000), prefix + message.prefix(100_000) + writer.random.bytes(100_000),
    ]
    for (number, capture) in captures.enumerated() {
      for threads in [1, 2] {
        config.threads = threads
        let archive = try TraceCompressor.compress(capture, config: config)
        #expect(try TraceDecompressor.decompress(archive, config: config) == capture, "capture \(number)")
      }
    }
  }

  @Test func `A failing sink or source ends the compressor with its error`() throws {
    let full = TracezipError(.io(operation: "write", errno: 28))
    var writer = TraceWriter(seed: 48)
    let capture = writer.capture(messages: 300, spans: 20)
    for threads in [1, 2] {
      var config = TracezipConfig()
      config.threads = threads
      config.blockSize = 1 << 16
      config.segmentSize = 1 << 17
      let compressor = try TraceCompressor(to: .arrays { _ throws(TracezipError) in throw full }, config: config)
      #expect(throws: full) {
        try compressor.append(capture)
        try compressor.finish()
      }
      #expect(throws: TracezipError(.finished)) { try compressor.finish() }
    }
  }

  @Test func `Progress can stop a compression`() throws {
    var random = Generator(seed: 49)
    let noise = random.bytes(3_000_000)
    #expect(throws: TracezipError(.cancelled)) {
      try TraceCompressor.compress(from: .bytes(noise), to: .discard, progress: { $0.bytesRead < 2_000_000 })
    }
    let archive = try TraceCompressor.compress(noise)
    #expect(throws: TracezipError(.cancelled)) {
      try TraceDecompressor.decompress(from: .bytes(archive), to: .discard, progress: { _ in false })
    }
  }
}
