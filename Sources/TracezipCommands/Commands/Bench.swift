import ArgumentParser
import Tracezip

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", _superCommandName: "tracezip",
    abstract: "Measure sizes, speeds and memory on a capture.",
    discussion: """
      On FILE, be it a capture or an archive of one, or on a generated workload: every level beside zstd -3, zstd -19 \
      and lz4; small batches through one compressor, each of them flushed, as an exporter sends them; captures of which \
      a share of spans are repeated; and each stage of coding left out. Everything measured is restored and compared: a \
      single byte that differs is an error.

      One thread unless -T says otherwise. Times are medians of --runs runs (zstd -19: of one).
      """)

  @Argument(
    help: ArgumentHelp("The capture; - is standard input. Without one, a workload is generated.", valueName: "file"),
    completion: .file())
  var file: String?
  @Option(
    help: ArgumentHelp("Measure batches only, of these many spans each, such as 10,100,1000.", valueName: "counts"))
  var batchSpans: Counts?
  @Option(help: ArgumentHelp("Spans of the generated workload.", valueName: "n"))
  var spans = 20_000
  @Option(help: ArgumentHelp("Seed of the generated workload and of the duplicates.", valueName: "n"))
  var seed: UInt64 = 1
  @Option(help: ArgumentHelp("How often each is run.", valueName: "n"))
  var runs = 3
  @Option(help: ArgumentHelp("Take no more than so many bytes of the capture.", valueName: "size"))
  var limit = ByteSize(bytes: 64 << 20)
  @Flag(help: "As JSON, one object.")
  var json = false
  @OptionGroup var coding: CodingOptions
  @OptionGroup var options: RunOptions

  /// Numbers with commas between them.
  struct Counts: ExpressibleByArgument {
    var values: [Int]

    init(_ values: [Int]) { self.values = values }

    init?(argument: String) {
      let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
      values = parts.compactMap { Int($0) }
      if values.count != parts.count || values.contains(where: { $0 < 1 }) { return nil }
    }
  }

  func validate() throws {
    if !(1...1000).contains(runs) { throw ValidationError("--runs must be 1 to 1000, not \(runs).") }
    if !(1...10_000_000).contains(spans) { throw ValidationError("--spans must be 1 to 10000000, not \(spans).") }
    if !(1 << 10...1 << 30).contains(limit.bytes) { throw ValidationError("--limit must be 1 KiB to 1 GiB.") }
  }

  func run() throws {
    let session = Session(options)
    session.attempt { () throws(CommandError) in
      var settings = try Settings(options, coding: coding)
      if options.threads == nil { settings.config.threads = 1 }
      let report = try measure(settings, session)
      if json {
        try writeToStandardOutput(report.json.text + "\n")
      } else {
        let width = Terminal.isTerminal(1) ? Terminal.width(1) : nil
        try writeToStandardOutput(report.table(width: width, color: Terminal.wantsColor(1)))
      }
    }
    try session.finish()
  }

  private func measure(_ settings: Settings, _ session: Session) throws(CommandError) -> BenchReport {
    let meter = session.meter(file ?? "bench")
    defer { meter.end() }
    meter.show(file == nil ? "generating" : "reading")
    let input = try input(settings)
    let measure = Measure(name: input.name, config: settings.config, runs: runs)
    var report = BenchReport(input: input, config: settings.config, runs: runs)
    let spans = input.cuts.spans
    for count in batchSpans?.values ?? [10, 100, 1000, 10_000] where !spans.isEmpty {
      meter.show("batches of \(Text.grouped(count)) spans")
      report.batches.append(try measure.batches(input.cuts.batches(of: count, spans), of: count))
    }
    if spans.isEmpty { session.warn(input.name, "has no spans that could be put into batches") }
    if batchSpans == nil {
      for (name, config) in levels(settings.config) {
        meter.show(name)
        report.levels.append(try measure.tracezip(name, input.bytes, config))
      }
      for peer in Peer.allCases {
        meter.show(peer.name)
        report.peers.append(try measure.peer(peer, input.bytes))
      }
      for stage in Stage.allCases {
        meter.show("without \(stage.rawValue)")
        var without = settings
        _ = Setting.all[stage.key]!.set(&without, stage.off)
        report.stages.append(try measure.tracezip("--without \(stage.rawValue)", input.bytes, without.config))
      }
      report.duplicates = try duplicates(input, measure, meter)
    }
    report.peakMemory = peakMemory()
    return report
  }

  private func input(_ settings: Settings) throws(CommandError) -> BenchInput {
    guard let path = file else { return .generated(spans: spans, seed: seed) }
    let file = path == "-" ? InputFile.standardInput() : try InputFile(path: path, force: true, acceptsPipes: true)
    return try .file(file, limit: limit.bytes, settings: settings)
  }

  /// What is asked for stands first, as it is to be compared with.
  private func levels(_ asked: TracezipConfig) -> [(String, TracezipConfig)] {
    func with(_ effort: TracezipConfig.Effort, level: Int) -> TracezipConfig {
      var config = asked
      config.effort = effort
      config.level = level
      return config
    }
    let normal = TracezipConfig().level
    let all = [
      ("--fast", with(.fast, level: normal)), ("-1", with(.default, level: 1)),
      ("-\(normal), the default", with(.default, level: normal)), ("-9", with(.default, level: 9)),
      ("-19", with(.default, level: 19)), ("--best", with(.best, level: normal)),
    ]
    return all.contains { $0.1 == asked } ? all : [("as asked for", asked)] + all
  }

  /// Not more spans than tell: each share is another capture to pack.
  private static let duplicatedSpans = 50_000

  private func duplicates(
    _ input: BenchInput, _ measure: Measure, _ meter: ProgressMeter
  ) throws(CommandError) -> [BenchReport.Duplicates] {
    let spans = Array(input.cuts.spans.prefix(Self.duplicatedSpans))
    var measured: [BenchReport.Duplicates] = []
    if spans.isEmpty { return [] }
    for percent in [0, 25, 50, 75] {
      meter.show("\(percent) % duplicates")
      let repeated = withDuplicates(spans, share: Double(percent) / 100, seed: seed)
      let capture = input.cuts.batches(of: 200, repeated).lengthPrefixed
      var without = measure.config
      without.deduplication = false
      measured.append(
        BenchReport.Duplicates(
          percent: percent, spans: repeated.count,
          tracezip: try measure.tracezip("\(percent) % duplicates", capture, measure.config),
          without: try measure.tracezip("\(percent) % duplicates, --without deduplication", capture, without),
          zstd3: try measure.peer(.zstd3, capture)))
    }
    return measured
  }
}
