import ArgumentParser
import Tracezip

struct Stats: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", _superCommandName: "tracezip",
    abstract: "Show what takes the bytes of an archive.",
    discussion: """
      Sizes before and after: what of the capture, and of the archive, is of which kind of value, attribute, service, \
      span name and template, and how it was coded. --columns shows every column with its values, how many of them \
      differ, and what a value costs.
      """)

  enum Format: String, Choice {
    case table
    case json
    case prometheus
  }

  @OptionGroup var input: InputOptions
  @Flag(help: "Every column with its bytes.")
  var columns = false
  @Flag(help: "As JSON, one object for each archive and line. Short for --format json.")
  var json = false
  @Option(help: ArgumentHelp("How to show it.", valueName: "format"))
  var format: Format?
  @Option(help: ArgumentHelp("Write a page with charts to this file.", valueName: "file"), completion: .file())
  var html: String?
  @Flag(name: [.customShort("f"), .long], help: "Replace an existing page.")
  var force = false
  @OptionGroup var options: RunOptions

  func validate() throws {
    if json, let format, format != .json { throw ValidationError("--json and --format contradict each other.") }
  }

  func run() throws {
    let session = Session(options)
    let settings = try Settings(options)
    let inputs = InputList(input)
    inputs.failures.forEach(session.report)
    var reports: [StatsReport] = []
    for item in inputs.items {
      session.attempt { () throws(CommandError) in
        guard let report = try measure(item, settings: settings, session: session) else { return }
        reports.append(report)
      }
    }
    let format = json ? .json : format ?? .table
    let width = Terminal.isTerminal(1) ? Terminal.width(1) : nil
    switch format {
    case .json: try writeToStandardOutput(reports.map { $0.json.text + "\n" }.joined())
    case .prometheus: try writeToStandardOutput(StatsReport.prometheus(reports))
    case .table:
      if html == nil {
        let color = Terminal.wantsColor(1)
        try writeToStandardOutput(
          reports.map { $0.table(allColumns: columns, width: width, color: color) }.joined(separator: "\n"))
      }
    }
    if let html, !reports.isEmpty { try write(StatsPage(reports).text, to: html) }
    try session.finish()
  }

  private func measure(
    _ item: InputList.Item, settings: Settings, session: Session
  ) throws(CommandError) -> StatsReport? {
    guard let archive = try ReadableArchive.open(item) else { return nil }
    let meter = session.meter(archive.name)
    defer { meter.end() }
    let stats = try archive.told { (reader) throws(TracezipError) in
      try reader.statistics(columns: true, config: settings.config, progress: meter.handler(restores: true))
    }
    return StatsReport(name: archive.name, stats: stats)
  }

  private func write(_ page: String, to path: String) throws(CommandError) {
    if path == "-" { return try writeToStandardOutput(page) }
    if !force, let there = FileStatus.following(path), there.isRegular {
      throw CommandError(path, "exists", advice: "-f replaces it")
    }
    let file = try OutputFile(path: path, replaces: force)
    do throws(SystemError) {
      try writeAll(file.descriptor.number, Array(page.utf8))
    } catch {
      throw CommandError(path, error)
    }
    try file.commit(like: nil)
  }
}
