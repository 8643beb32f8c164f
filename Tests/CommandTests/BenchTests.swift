import Foundation
import TestSupport
import Testing
import Workload

@testable import TracezipCommands

@Suite("bench")
struct BenchTests {
  private func object(_ run: Tracezip.Result) throws -> [String: Any] {
    #expect(run.status == 0 && run.messages.isEmpty, "\(run.messages)")
    return try #require(try JSONSerialization.jsonObject(with: Data(run.output)) as? [String: Any], "\(run.text)")
  }

  @Test("bench --json: a script that plots batches finds what it looks for, and gets only that, quickly")
  func batches() throws {
    let report = try object(
      Tracezip.run("bench", "--json", "--batch-spans", "10,100", "--spans", "600", "--runs", "1"))
    #expect(report["schemaVersion"] as? Int == 1 && report["command"] as? String == "bench")
    let batches = try #require(report["batches"] as? [[String: Any]])
    #expect(batches.compactMap { $0["batchSpans"] as? Int } == [10, 100])
    #expect(batches.compactMap { $0["batches"] as? Int } == [60, 6])
    for batch in batches {
      let input = try #require(batch["inputBytes"] as? Int)
      let archive = try #require(batch["archiveBytes"] as? Int)
      #expect(archive > 0 && archive < input / 4, "\(batch)")
      for direction in ["compress", "decompress"] {
        let times = try ["Median", "P90", "P99", "Max"].map {
          try #require(batch["\(direction)MicrosPerBatch\($0)"] as? Double)
        }
        #expect(times[0] > 0 && times == times.sorted(), "\(times)")
      }
    }
    #expect(report["levels"] == nil && (report["peakMemoryBytes"] as? Int ?? 0) > 1 << 20)
  }

  @Test("bench: every level beside zstd and lz4, stages, duplicates, speeds in both directions")
  func everything() throws {
    let folder = try TemporaryFolder()
    var options = WorkloadOptions(seed: 5)
    options.batchSpans = 50
    try folder.write(makeCapture(options, format: .lengthPrefixed, batches: 6), to: "in")
    let report = try object(Tracezip.run("bench", "--json", "--runs", "1", "in", in: folder))
    func list(_ key: String) throws -> [[String: Any]] { try #require(report[key] as? [[String: Any]]) }
    #expect(report["spans"] as? Int == 300 && report["name"] as? String == "in")
    let peers = try list("peers").compactMap { $0["name"] as? String }
    #expect(peers == ["lz4", "zstd -3", "zstd -19"])
    #expect(try list("levels").compactMap { $0["name"] as? String }.contains("--best"))
    #expect(try list("stages").count == Stage.allCases.count)
    for row in try list("levels") + list("peers") + list("stages") {
      for key in [
        "archiveBytes", "ratio", "compressMicrosMedian", "decompressMicrosMedian", "compressBytesPerSecond",
        "decompressBytesPerSecond", "compressSpansPerSecond", "decompressSpansPerSecond",
      ] {
        #expect((row[key] as? Double ?? 0) > 0, "\(key) of \(row)")
      }
    }
    #expect(try list("batches").compactMap { $0["batchSpans"] as? Int } == [10, 100, 1000, 10_000])
    let duplicates = try list("duplicates")
    #expect(duplicates.compactMap { $0["duplicatePercent"] as? Int } == [0, 25, 50, 75])
    let sizes = try duplicates.map {
      let measured = try #require($0["tracezip"] as? [String: Any])
      return try #require(measured["ratio"] as? Double)
    }
    #expect(sizes == sizes.sorted(), "the more is repeated, the better: \(sizes)")
    let table = try Tracezip.run("bench", "--runs", "1", "in", in: folder)
    for word in ["zstd -19", "spans a batch", "duplicates", "--without delta", "Peak memory", "unpack MB/s"] {
      #expect(table.text.contains(word), "\(word)")
    }
  }

  @Test("bench: any capture gives batches of any size, be it JSON, an archive or compressed")
  func inputs() throws {
    let folder = try TemporaryFolder.withCapture()
    let made = try folder.shell("tracezip in && gzip -k in && tracezip cat --to otlp-json in.trz > in.jsonl")
    #expect(made.status == 0, "\(made.messages)")
    var sizes: [Int] = []
    for name in ["in", "in.trz", "in.gz", "in.jsonl"] {
      let report = try object(Tracezip.run("bench", "--json", "--batch-spans", "7", name, in: folder))
      let batch = try #require((report["batches"] as? [[String: Any]])?.first)
      #expect(batch["batches"] as? Int == 35, "\(name)")
      sizes.append(try #require(batch["inputBytes"] as? Int))
    }
    #expect(sizes[0] == sizes[1] && sizes[0] == sizes[2])
    let front = try object(
      Tracezip.run("bench", "--json", "--batch-spans", "7", "--limit", "64K", "in", in: folder))
    #expect(front["isFront"] as? Bool == true && (front["inputBytes"] as? Int ?? 0) <= 64 << 10)
  }

  @Test("batches re-cut from a capture hold the same spans with the same resources and scopes")
  func cuts() throws {
    let cuts = SpanCuts(Captures.small)
    func flat(_ messages: [[UInt8]]) throws -> [Oracle.TracesData] {
      try messages.flatMap { message in
        try Oracle.protobuf(message).resourceSpans.flatMap { resource in
          resource.scopeSpans.flatMap { scope in
            scope.spans.map { span in
              var one = resource
              one.scopeSpans = [scope]
              one.scopeSpans[0].spans = [span]
              return Oracle.TracesData.with { $0.resourceSpans = [one] }
            }
          }
        }
      }
    }
    let whole = try flat(Frames.lengthPrefixed(Captures.small))
    #expect(cuts.spans.count == whole.count)
    for count in [1, 7, 100, 10_000] {
      let messages = cuts.batches(of: count, cuts.spans)
      #expect(messages.count == (whole.count + count - 1) / count)
      #expect(try flat(messages) == whole, "batches of \(count)")
    }
  }

  @Test("bench: wrong numbers are told, and what has no spans is a warning")
  func errors() throws {
    for arguments in [["--batch-spans", "0"], ["--batch-spans", "10,,5"], ["--runs", "0"], ["--limit", "1"]] {
      #expect(try Tracezip.run(["bench"] + arguments).status == 64, "\(arguments)")
    }
    let folder = try TemporaryFolder()
    try folder.write(Array("nothing of OTLP in here".utf8), to: "in")
    let run = try Tracezip.run("bench", "--batch-spans", "10", "in", in: folder)
    #expect(run.status == 2 && run.messages.contains("no spans"))
    #expect(try Tracezip.run("bench", "missing", in: folder).status == 1)
  }
}
