import Bytes
import Foundation
import TestSupport
import Testing
import Workload

@testable import Tracezip

/// Archives whose stored bytes are wrong and whose checksums are right, as whoever makes one to do harm would make it:
/// the models themselves meet the wrong bytes.
///
/// `TRACEZIP_FUZZ=5000` does so many rounds of each layout instead of the usual few.
@Suite struct FuzzTests {
  struct Layout: CustomTestStringConvertible, Sendable {
    var name: String
    var format = CaptureFormat.lengthPrefixed
    var batches = 8
    var blockSize = 32 << 10
    var options: @Sendable (inout WorkloadOptions) -> Void = { _ in }
    var config: @Sendable (inout TracezipConfig) -> Void = { _ in }
    var testDescription: String { name }

    static let all = [
      Layout(name: "protobuf"),
      Layout(name: "protobuf of an SDK, varint-delimited", format: .protobuf(.sdk, .varintDelimited)),
      Layout(name: "JSON lines", format: .jsonLines, blockSize: 64 << 10),
      Layout(name: "indented JSON", format: .json(.pretty), blockSize: 64 << 10),
      Layout(name: "long texts", batches: 4, options: { $0.languageModel = 0.3 }, config: { $0.effort = .best }),
      Layout(
        name: "ids of one process", batches: 12, options: { ($0.services, $0.lostSpans) = (1, 0) },
        config: { $0.level = 19 }),
      Layout(name: "fast, packed by lz4", config: { ($0.effort, $0.codec) = (.fast, .lz4) }),
      Layout(
        name: "plain stages",
        config: { ($0.delta, $0.derived, $0.stringTable, $0.codec) = (false, false, false, .none) }),
      Layout(name: "duplicates", options: { ($0.duplicateSpans, $0.duplicateBatches) = (0.3, 0.2) }),
      Layout(name: "many segments", config: { $0.segmentSize = 64 << 10 }),
      Layout(name: "one frame", batches: 1, blockSize: 4 << 20),
    ]

    func make(seed: UInt64) throws -> (capture: [UInt8], archive: [UInt8]) {
      var options = WorkloadOptions(seed: seed)
      options.batchSpans = 50
      self.options(&options)
      var config = TracezipConfig()
      config.blockSize = blockSize
      self.config(&config)
      let capture = makeCapture(options, format: format, batches: batches)
      return (capture, try TraceCompressor.compress(capture, config: config))
    }
  }

  private static let rounds = Int(ProcessInfo.processInfo.environment["TRACEZIP_FUZZ"] ?? "") ?? 60

  @Test(
    "wrong bytes behind right checksums: never a crash, a hang, or bytes that are not the capture's",
    arguments: Layout.all)
  func hostileModels(layout: Layout) throws {
    let seed: UInt64 = 77
    print("Fuzzing: \(layout.name), seed \(seed), \(Self.rounds) rounds")
    var random = SeededRandom(seed: seed)
    let (capture, archive) = try layout.make(seed: seed)
    let blocks = Blocks(archive)
    try #require(blocks.payloads.count > 0, "\(layout.name): \(capture.count) bytes")
    var config = TracezipConfig()
    var slowest = Duration.zero
    for round in 0..<Self.rounds {
      let wrong = blocks.damaged(&random)
      config.threads = round % 3 == 0 ? 2 : 1
      config.memoryLimit = config.threads == 1 ? 64 << 20 : nil
      var restored: [UInt8] = []
      var isRight = false
      var what = "no error"
      let time = ContinuousClock().measure {
        do throws(TracezipError) {
          try TraceDecompressor.decompress(from: .bytes(wrong), to: .arrays { restored += $0 }, config: config)
          isRight = restored == capture
        } catch {
          what = "\(error)"
          isRight = capture.starts(with: restored)
        }
        // The figures of an archive are found by decoding with other eyes.
        if round % 4 == 0, let reader = try? ArchiveReader(wrong) { _ = try? reader.statistics(config: config) }
        if round % 4 == 1 {
          // Two threads share a segment: what one cannot make sense of the other may have seen already.
          let recovered = (1...2).map { threads in
            var config = TracezipConfig()
            config.threads = threads
            var bytes: [UInt8] = []
            let result = try? TraceDecompressor.decompress(
              from: .bytes(wrong), to: .arrays { bytes += $0 }, config: config, recover: true)
            return (bytes, result)
          }
          if recovered[0] != recovered[1] { (isRight, what) = (false, "two threads recover something else") }
        }
      }
      slowest = max(slowest, time)
      if !isRight {
        let kept = FileManager.default.temporaryDirectory.appendingPathComponent(
          "tracezip-fuzz-\(layout.name)-\(round).trz")
        try Data(wrong).write(to: kept)
        let same = zip(restored, capture).prefix { $0 == $1 }.count
        Issue.record("round \(round): \(what), \(restored.count) bytes, wrong from \(same): \(kept.path)")
      }
    }
    // An archive of so few bytes is restored in milliseconds; this is for machines that do much else.
    #expect(slowest < .seconds(5), "\(slowest)")
  }

  @Test("wrong bytes behind right checksums: the program stays within little memory and time")
  func hostileModelsInLittleMemory() throws {
    let seed: UInt64 = 78
    var random = SeededRandom(seed: seed)
    let folder = try TemporaryFolder()
    var names: [String] = []
    for layout in Layout.all {
      let blocks = Blocks(try layout.make(seed: seed).archive)
      try #require(blocks.payloads.count > 0, "\(layout.name)")
      for _ in 0..<12 {
        names.append("\(names.count).trz")
        try folder.write(blocks.damaged(&random), to: names.last!)
      }
    }
    let run = try Tracezip.shell("ulimit -v 800000 -t 60; tracezip verify -q -T1 *.trz", in: folder)
    #expect(run.signal == nil && run.status == 3, "seed \(seed): \(run.status) \(run.messages.suffix(500))")
    #expect(!run.messages.contains("memory"))
  }

  /// The blocks of an archive, found by its own frames.
  private struct Blocks {
    let archive: [UInt8]
    /// Where each block's frame begins, and its payload's bytes; the head of an archive of one frame is not written anew.
    var payloads: [(frame: Int?, payload: Range<Int>)] = []

    init(_ archive: [UInt8]) {
      self.archive = archive
      guard archive[4] >> 6 == ArchiveForm.frames.rawValue else {
        payloads = [(nil, Format.headerSize + 10..<archive.count)]
        return
      }
      var at = Format.headerSize
      while at < archive.count {
        if archive[at...].starts(with: Format.mark) {
          at += Format.mark.count
          continue
        }
        guard let head = archive.withView({ try? FrameHead.parse($0.dropFirst(at)) }), head.known != .end else { break }
        let payload = at + head.size..<at + head.size + head.storedCount
        if head.known == .modelled { payloads.append((at, payload)) }
        at = payload.upperBound
      }
    }

    /// The archive with a block that is not what it was, behind a checksum that says it is.
    func damaged(_ random: inout SeededRandom) -> [UInt8] {
      let (frame, place) = payloads[random.below(payloads.count)]
      var payload = Array(archive[place])
      for _ in 0..<[1, 1, 2, 3, 8][random.below(5)] {
        let at = random.below(random.chance(0.6) ? payload.count : min(300, payload.count))
        switch random.below(4) {
        case 0: payload[at] ^= 1 << UInt8(random.below(8))
        case 1: payload[at] = [0, 0xFF, 0x80, 0x7F][random.below(4)]
        default: payload[at] = UInt8(truncatingIfNeeded: random.next())
        }
      }
      if random.chance(0.1) { payload.removeLast(random.below(payload.count)) }
      guard let frame, var head = archive.withView({ try? FrameHead.parse($0.dropFirst(frame)) }) else {
        return archive[..<place.lowerBound] + payload
      }
      // Sometimes it promises more or less than it holds.
      if random.chance(0.1) { head.restoredCount = random.below(Format.largestBlock) }
      head.storedCount = payload.count
      var bytes = Buffer<UInt8>()
      bytes.append(head.kind)
      bytes.append(varint: head.storedCount)
      bytes.append(varint: head.restoredCount)
      bytes.append(integer: head.restoredCheck)
      bytes.append(integer: payload.withView { head.computeCheck(headerByte: archive[4], payload: $0) })
      return archive[..<frame] + bytes.array + payload + archive[place.upperBound...]
    }
  }
}
