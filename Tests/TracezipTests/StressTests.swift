import Foundation
import TestSupport
import Testing
import Tracezip
import Workload

/// Many compressors at once, as in a collector with many pipelines. Seeds are fixed; the work is bounded, and each test
/// has a limit of time.
@Suite struct StressTests {
  /// What one compressor is given, a different one for each.
  private static func messages(_ number: Int, batches: Int = 24) -> [[UInt8]] {
    var options = WorkloadOptions(seed: UInt64(700 + number))
    options.batchSpans = 5 + number
    return Frames.lengthPrefixed(makeCapture(options, format: .lengthPrefixed, batches: batches))
  }

  private static func framed(_ message: [UInt8]) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: message.count >> $0) } + message
  }

  /// Sixteen compressors on as many tasks; every few batches a flush, at other places in each, some with workers of their
  /// own; whatever has been flushed can be restored at that moment.
  @Test(.timeLimit(.minutes(2)))
  func `Sixteen compressors at once with interleaved flushes do not disturb each other`() async throws {
    let archives = try await withThrowingTaskGroup(of: (Int, [UInt8]).self) { group in
      for number in 0..<16 {
        group.addTask {
          var config = TracezipConfig()
          config.threads = number % 4 == 0 ? 2 : 1
          config.blockSize = 8192 << (number % 3)
          config.segmentSize = 1 << 16
          let (archive, _) = try await Self.compress(number, config)
          return (number, archive)
        }
      }
      var archives: [Int: [UInt8]] = [:]
      for try await (number, archive) in group { archives[number] = archive }
      return archives
    }
    #expect(archives.count == 16)
    for (number, archive) in archives {
      let isSame = try TraceDecompressor.decompress(archive) == Self.messages(number).flatMap(Self.framed)
      #expect(isSame, "compressor \(number)")
    }
  }

  private static func compress(_ number: Int, _ config: TracezipConfig) async throws -> (archive: [UInt8], flushes: Int)
  {
    var archive: [UInt8] = []
    let compressor = try TraceCompressor(to: .arrays { archive += $0 }, config: config)
    var random = SeededRandom(seed: UInt64(number))
    var expected: [UInt8] = []
    var flushes = 0
    for message in messages(number) {
      if random.chance(0.5) {
        try compressor.appendBatch(message)
      } else {
        // In pieces that end anywhere.
        let bytes = framed(message)
        let cut = random.below(bytes.count)
        try compressor.append(Array(bytes[..<cut]))
        await Task.yield()
        try compressor.append(Array(bytes[cut...]))
      }
      expected += framed(message)
      guard random.chance(0.3) else { continue }
      try compressor.flush()
      flushes += 1
      var restored: [UInt8] = []
      try TraceDecompressor.decompress(from: .bytes(archive), to: .arrays { restored += $0 }, recover: true)
      let isAllThere = restored == expected
      #expect(isAllThere, "compressor \(number), flush \(flushes)")
      await Task.yield()
    }
    try compressor.finish()
    return (archive, flushes)
  }

  /// Half of the tasks are cancelled while they work. A cancelled compressor throws and stays unusable, leaves an archive
  /// of which everything flushed comes back, and the others do not notice.
  @Test(.timeLimit(.minutes(2)))
  func `Cancelled tasks end soon, keep what they flushed, and leave the others alone`() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<16 {
        group.addTask {
          let isDoomed = number % 2 == 0
          let work = Task { try await Self.untilCancelled(number, rounds: isDoomed ? .max : 3) }
          if isDoomed {
            try await Task.sleep(for: .milliseconds(20 + 5 * number))
            work.cancel()
          }
          let (archive, flushed, wasCancelled) = try await work.value
          #expect(wasCancelled == isDoomed, "compressor \(number)")
          var restored: [UInt8] = []
          let result = try TraceDecompressor.decompress(
            from: .bytes(archive), to: .arrays { restored += $0 }, recover: true)
          #expect(restored.starts(with: flushed), "compressor \(number)")
          if !isDoomed { #expect(restored == flushed && result.gaps.isEmpty) }
        }
      }
      try await group.waitForAll()
    }
  }

  private static func untilCancelled(
    _ number: Int, rounds: Int
  ) async throws -> (archive: [UInt8], flushed: [UInt8], wasCancelled: Bool) {
    var archive: [UInt8] = []
    var config = TracezipConfig()
    config.threads = number % 3 == 0 ? 2 : 1
    let compressor = try TraceCompressor(to: .arrays { archive += $0 }, config: config)
    var flushed: [UInt8] = []
    var round = 0
    let messages = messages(number, batches: 4)
    do throws(TracezipError) {
      while round < rounds {
        for message in messages { try compressor.appendBatch(message) }
        try compressor.flush()
        for message in messages { flushed += framed(message) }
        round += 1
        // A machine of two cores runs two tasks at a time: who shall cancel this one needs his turn.
        await Task.yield()
      }
      try compressor.finish()
    } catch {
      #expect(error.kind == .cancelled)
      #expect(throws: TracezipError(.finished)) { try compressor.flush() }
      return (archive, flushed, true)
    }
    return (archive, flushed, false)
  }
}
