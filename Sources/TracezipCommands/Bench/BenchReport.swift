import Tracezip

/// What `bench` found out, as a table or as JSON.
struct BenchReport {
  struct Duplicates {
    var percent: Int
    var spans: Int
    var tracezip: Measured
    var without: Measured
    var zstd3: Measured
  }

  let name: String
  let isFront: Bool
  let inputBytes: Int
  let spans: Int
  let threads: Int
  let runs: Int
  var levels: [Measured] = []
  var peers: [Measured] = []
  var stages: [Measured] = []
  var batches: [MeasuredBatches] = []
  var duplicates: [Duplicates] = []
  var peakMemory = 0

  init(input: BenchInput, config: TracezipConfig, runs: Int) {
    name = input.name
    isFront = input.isFront
    inputBytes = input.bytes.count
    spans = input.cuts.spans.count
    threads = config.threads
    self.runs = runs
  }

  // MARK: As a table

  func table(width: Int?, color: Bool) -> String {
    var text =
      "\(name.sanitised): \(isFront ? "the first " : "")\(Text.size(inputBytes)), \(Text.count(spans, "span")), "
      + (threads == 0 ? "all cores" : Text.count(threads, "thread")) + "\n"
    func section(_ title: String, _ columns: [String], _ rows: [[String]]) {
      if rows.isEmpty { return }
      // Told apart by name, the middle ones of a distribution can go before its ends.
      var table = Table(
        [.init(title: title, isNumber: false, isElastic: true)]
          + columns.map { .init(title: $0, dispensable: $0 == "90 %" ? 2 : $0 == "protobuf" ? 1 : 0) })
      table.rows = rows
      text += "\n" + table.rendered(width: width, color: color)
    }
    section(
      "level", ["bytes", "ratio", "pack MB/s", "spans/s", "unpack MB/s", "spans/s"],
      (levels + peers).map { [$0.name, Text.grouped($0.archiveBytes), Text.ratio($0.ratio)] + speeds($0) })
    section(
      "spans a batch",
      ["batches", "protobuf", "archive", "smaller", "zstd -3", "pack µs", "90 %", "99 %", "unpack µs", "90 %", "99 %"],
      batches.map {
        [
          Text.grouped($0.batchSpans), Text.grouped($0.batches), Text.grouped($0.inputBytes),
          Text.grouped($0.archiveBytes), smaller($0.archiveBytes, $0.inputBytes), smaller($0.zstd3Bytes, $0.inputBytes),
        ] + latencies($0.compress) + latencies($0.decompress)
      })
    section(
      "duplicates", ["bytes", "archive", "ratio", "without dedup.", "zstd -3", "pack MB/s", "unpack MB/s"],
      duplicates.map {
        [
          "\($0.percent) %", Text.grouped($0.tracezip.inputBytes), Text.grouped($0.tracezip.archiveBytes),
          Text.ratio($0.tracezip.ratio), Text.ratio($0.without.ratio), Text.ratio($0.zstd3.ratio),
          speed($0.tracezip, $0.tracezip.compress), speed($0.tracezip, $0.tracezip.decompress),
        ]
      })
    section(
      "stage left out", ["bytes", "larger by", "pack MB/s", "unpack MB/s"],
      stages.map {
        let all = asked?.archiveBytes ?? 0
        return [
          $0.name, Text.grouped($0.archiveBytes), Text.percent($0.archiveBytes - all, of: all), speed($0, $0.compress),
          speed($0, $0.decompress),
        ]
      })
    return text + "\nPeak memory \(Text.size(peakMemory)), with the capture and what was made of it.\n"
  }

  /// The level that the stages are left out of.
  private var asked: Measured? {
    levels.first { $0.name == "as asked for" } ?? levels.first { $0.name.hasSuffix("default") }
  }

  private func smaller(_ packed: Int, _ whole: Int) -> String { Text.percent(whole - packed, of: whole) }

  private func latencies(_ timings: Timings) -> [String] {
    [50, 90, 99].map { Text.fixed(timings.percentile($0), 0) }
  }

  private func speed(_ measured: Measured, _ timings: Timings) -> String {
    timings.median == 0 ? "-" : Text.fixed(Double(measured.inputBytes) / timings.median, 1)
  }

  private func speeds(_ measured: Measured) -> [String] {
    [measured.compress, measured.decompress].flatMap {
      [speed(measured, $0), $0.median == 0 ? "-" : Text.grouped(Int(Double(spans) / $0.median * 1e6))]
    }
  }

  // MARK: As JSON

  /// Schema version 1. It only grows.
  var json: JSONValue {
    var members: [(String, JSONValue)] = [
      ("schemaVersion", 1), ("command", "bench"), ("name", .string(name)), ("inputBytes", .int(inputBytes)),
      ("isFront", .bool(isFront)), ("spans", .int(spans)), ("threads", .int(threads)), ("runs", .int(runs)),
      ("batches", .array(batches.map(Self.batch))),
    ]
    if !levels.isEmpty {
      members += [
        ("levels", .array(levels.map { measured($0) })), ("peers", .array(peers.map { measured($0) })),
        ("stages", .array(stages.map { measured($0) })),
        (
          "duplicates",
          .array(
            duplicates.map {
              .object([
                ("duplicatePercent", .int($0.percent)), ("spans", .int($0.spans)),
                ("tracezip", measured($0.tracezip, spans: $0.spans)),
                ("withoutDeduplication", measured($0.without, spans: $0.spans)),
                ("zstd3", measured($0.zstd3, spans: $0.spans)),
              ])
            })
        ),
      ]
    }
    members.append(("peakMemoryBytes", .int(peakMemory)))
    return .object(members)
  }

  private func measured(_ measured: Measured, spans: Int? = nil) -> JSONValue {
    func rate(_ amount: Int, _ timings: Timings) -> JSONValue {
      .double(timings.median == 0 ? 0 : (Double(amount) / timings.median * 1e6).rounded())
    }
    let spans = spans ?? self.spans
    return .object([
      ("name", .string(measured.name)), ("inputBytes", .int(measured.inputBytes)),
      ("archiveBytes", .int(measured.archiveBytes)), ("ratio", .double(measured.ratio)),
      ("compressMicrosMedian", .double(measured.compress.median.rounded())),
      ("decompressMicrosMedian", .double(measured.decompress.median.rounded())),
      ("compressBytesPerSecond", rate(measured.inputBytes, measured.compress)),
      ("decompressBytesPerSecond", rate(measured.inputBytes, measured.decompress)),
      ("compressSpansPerSecond", rate(spans, measured.compress)),
      ("decompressSpansPerSecond", rate(spans, measured.decompress)),
    ])
  }

  private static func batch(_ batch: MeasuredBatches) -> JSONValue {
    func micros(_ direction: String, _ timings: Timings) -> [(String, JSONValue)] {
      [("Median", 50.0), ("P90", 90), ("P99", 99), ("Max", 100)].map {
        ("\(direction)MicrosPerBatch\($0.0)", .double((timings.percentile($0.1) * 10).rounded() / 10))
      }
    }
    return .object(
      [
        ("batchSpans", .int(batch.batchSpans)), ("batches", .int(batch.batches)),
        ("inputBytes", .int(batch.inputBytes)), ("archiveBytes", .int(batch.archiveBytes)),
        ("zstd3Bytes", .int(batch.zstd3Bytes)),
      ] + micros("compress", batch.compress) + micros("decompress", batch.decompress))
  }
}
