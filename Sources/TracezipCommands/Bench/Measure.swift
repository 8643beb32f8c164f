import Tracezip
import Workload

/// Times of one kind, in microseconds.
struct Timings {
  private(set) var sorted: [Double] = []

  init(_ seconds: [Double]) { sorted = seconds.map { $0 * 1e6 }.sorted() }

  var median: Double { percentile(50) }

  /// The value that so many per cent do not exceed (nearest rank).
  func percentile(_ percent: Double) -> Double {
    if sorted.isEmpty { return 0 }
    let rank = Int((percent / 100 * Double(sorted.count)).rounded(.up))
    return sorted[min(max(rank, 1), sorted.count) - 1]
  }
}

/// What one way of compressing made of some bytes.
struct Measured {
  var name: String
  var inputBytes: Int
  var archiveBytes: Int
  var compress: Timings
  var decompress: Timings

  var ratio: Double { archiveBytes == 0 ? 0 : Double(inputBytes) / Double(archiveBytes) }
}

/// What batches through one compressor came to, the block ended after each of them.
struct MeasuredBatches {
  var batchSpans: Int
  var batches: Int
  /// The protobuf of the batches, without framing.
  var inputBytes: Int
  var archiveBytes: Int
  /// The same batches, each by itself, in `zstd -3`.
  var zstd3Bytes: Int
  var compress: Timings
  var decompress: Timings
}

/// Runs what is measured, and proves each time that it comes back.
struct Measure {
  let name: String
  let config: TracezipConfig
  let runs: Int

  private func failed(_ what: String) -> CommandError {
    CommandError(name, "\(what): what comes back is not what went in", advice: "this is a bug, please report it")
  }

  private func told<R>(_ work: () throws(TracezipError) -> R) throws(CommandError) -> R {
    try telling(input: name, output: name, work)
  }

  /// The least times of several runs tell most about the program; the median is what is shown.
  func tracezip(_ what: String, _ bytes: [UInt8], _ config: TracezipConfig) throws(CommandError) -> Measured {
    var packing: [Double] = []
    var restoring: [Double] = []
    var size = 0
    for _ in 0..<runs {
      let start = monotonicSeconds()
      let archive = try told { () throws(TracezipError) in try TraceCompressor.compress(bytes, config: config) }
      let packed = monotonicSeconds()
      let back = try told { () throws(TracezipError) in try TraceDecompressor.decompress(archive, config: config) }
      packing.append(packed - start)
      restoring.append(monotonicSeconds() - packed)
      if back != bytes { throw failed(what) }
      size = archive.count
    }
    return Measured(
      name: what, inputBytes: bytes.count, archiveBytes: size, compress: Timings(packing),
      decompress: Timings(restoring))
  }

  func peer(_ peer: Peer, _ bytes: [UInt8]) throws(CommandError) -> Measured {
    var packing: [Double] = []
    var restoring: [Double] = []
    var size = 0
    // The slow one is slow enough to be told by one run.
    for _ in 0..<(peer == .zstd19 ? 1 : runs) {
      let start = monotonicSeconds()
      guard let packed = peer.compress(bytes) else { throw CommandError(name, "\(peer.name) fails") }
      let middle = monotonicSeconds()
      let back = peer.decompress(packed, count: bytes.count)
      packing.append(middle - start)
      restoring.append(monotonicSeconds() - middle)
      if back != bytes { throw failed(peer.name) }
      size = packed.count
    }
    return Measured(
      name: peer.name, inputBytes: bytes.count, archiveBytes: size, compress: Timings(packing),
      decompress: Timings(restoring))
  }

  /// One compressor for all batches, which carries what it has learned from each to the next.
  func batches(_ messages: [[UInt8]], of count: Int) throws(CommandError) -> MeasuredBatches {
    var archive: [UInt8] = []
    var packing: [Double] = []
    var ends: [Int] = []
    let sink = unsafe ByteSink { unsafe archive.append(contentsOf: $0) }
    try told { () throws(TracezipError) in
      let compressor = try TraceCompressor(to: sink, config: config)
      for message in messages {
        let start = monotonicSeconds()
        try compressor.appendBatch(message)
        try compressor.flush()
        packing.append(monotonicSeconds() - start)
        ends.append(archive.count)
      }
      try compressor.finish()
    }
    let expected = messages.lengthPrefixed
    let restoring = try restore(archive, ends: ends, messages, expected)
    let zstd3 = messages.reduce(0) { $0 + (Peer.zstd3.compress($1)?.count ?? $1.count) }
    return MeasuredBatches(
      batchSpans: count, batches: messages.count, inputBytes: messages.reduce(0) { $0 + $1.count },
      archiveBytes: archive.count, zstd3Bytes: zstd3, compress: Timings(packing), decompress: Timings(restoring))
  }

  /// Hands out one batch's part of the archive at a time, and takes the time until all of the batch has come out.
  private func restore(
    _ archive: [UInt8], ends: [Int], _ messages: [[UInt8]], _ expected: [UInt8]
  ) throws(CommandError) -> [Double] {
    var times: [Double] = []
    var restored: [UInt8] = []
    restored.reserveCapacity(expected.count)
    var borders: [Int] = []
    for message in messages { borders.append((borders.last ?? 0) + message.count + 4) }
    var given = 0
    var piece = 0
    var last = monotonicSeconds()
    let source = unsafe ByteSource { room in
      while piece < ends.count, given == ends[piece] { piece += 1 }
      let end = piece < ends.count ? ends[piece] : archive.count
      let n = min(room.count, end - given)
      unsafe archive.withUnsafeBytes {
        unsafe room.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[given..<given + n]))
      }
      given += n
      return n
    }
    let sink = unsafe ByteSink { bytes in
      unsafe restored.append(contentsOf: bytes)
      let now = monotonicSeconds()
      while times.count < borders.count, restored.count >= borders[times.count] {
        times.append(now - last)
        last = now
      }
    }
    // One worker: a second one would only be waited for.
    var config = config
    config.threads = 1
    _ = try told { () throws(TracezipError) in try TraceDecompressor.decompress(from: source, to: sink, config: config)
    }
    if restored != expected { throw failed("batches of \(messages.count)") }
    return times
  }
}

/// Spans of which a share is one of the last again, byte for byte, as retries and at-least-once delivery make them.
func withDuplicates(_ spans: [SpanCuts.Cut], share: Double, seed: UInt64) -> [SpanCuts.Cut] {
  var random = SeededRandom(seed: seed)
  var out: [SpanCuts.Cut] = []
  let originals = Int((Double(spans.count) * (1 - share)).rounded())
  for span in spans.prefix(originals) {
    out.append(span)
    while random.chance(share) { out.append(out[out.count - 1 - random.below(min(64, out.count))]) }
  }
  return out
}
