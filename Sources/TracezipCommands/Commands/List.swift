import ArgumentParser
import Tracezip

struct List: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", _superCommandName: "tracezip",
    abstract: "Show what archives hold: one line each.",
    discussion: "Reads only the index at the end of an archive, where there is one.")

  @OptionGroup var input: InputOptions
  @Flag(help: "One line for each segment.")
  var segments = false
  @Flag(help: "As JSON, one object for each archive and line.")
  var json = false
  @OptionGroup var options: RunOptions

  func run() throws {
    let session = Session(options)
    // Nothing here is changed by them, but what is wrong is told.
    _ = try Settings(options)
    let inputs = InputList(input)
    inputs.failures.forEach(session.report)
    var table = Table([
      .init(title: "spans"), .init(title: "traces"), .init(title: "first", isNumber: false),
      .init(title: "last", isNumber: false), .init(title: "original"), .init(title: "archive"), .init(title: "ratio"),
      .init(title: segments ? "segment" : "name", isNumber: false),
      .init(title: "services", isNumber: false, isElastic: true),
    ])
    for item in inputs.items {
      session.attempt { () throws(CommandError) in
        guard let archive = try ReadableArchive.open(item) else { return }
        let segments = try archive.told { (reader) throws(TracezipError) in try reader.segments() }
        if json {
          try writeToStandardOutput(report(archive, segments).text + "\n")
        } else if self.segments {
          for (index, segment) in segments.enumerated() {
            table.rows.append(row(Summary([segment], size: segment.storedBytes), name: "\(archive.name) \(index)"))
          }
        } else {
          table.rows.append(row(Summary(segments, size: archive.reader.size), name: archive.name))
        }
      }
    }
    if !json, !table.rows.isEmpty {
      let width = Terminal.isTerminal(1) ? Terminal.width(1) : nil
      try writeToStandardOutput(table.rendered(width: width, color: Terminal.wantsColor(1)))
    }
    try session.finish()
  }

  /// Segments taken together.
  private struct Summary {
    var spans = 0
    var traces = 0
    var messages = 0
    var restored = 0
    var size: Int
    var first: UInt64?
    var last: UInt64?
    var services: [String] = []

    init(_ segments: [ArchiveReader.Segment], size: Int) {
      self.size = size
      for segment in segments {
        spans += segment.spans
        traces += segment.traces
        messages += segment.messages
        restored += segment.restoredBytes
        if let start = segment.firstStart { first = min(first ?? start, start) }
        if let start = segment.lastStart { last = max(last ?? start, start) }
        services += segment.services
      }
      services = Set(services).sorted()
    }

    var ratio: Double { size == 0 ? 0 : Double(restored) / Double(size) }
  }

  private func row(_ summary: Summary, name: String) -> [String] {
    [
      Text.grouped(summary.spans), Text.grouped(summary.traces),
      summary.first.map { Text.time($0, milliseconds: false) } ?? "-",
      summary.last.map { Text.time($0, milliseconds: false) } ?? "-", Text.size(summary.restored),
      Text.size(summary.size), Text.ratio(summary.ratio), name, few(summary.services),
    ]
  }

  /// The first of many, and how many more.
  private func few(_ services: [String]) -> String {
    let shown = services.prefix(4).joined(separator: ",")
    return services.count > 4 ? "\(shown) +\(services.count - 4)" : shown
  }

  private func report(_ archive: ReadableArchive, _ segments: [ArchiveReader.Segment]) -> JSONValue {
    let summary = Summary(segments, size: archive.reader.size)
    var members: [(String, JSONValue)] = [
      ("schemaVersion", 1), ("command", "list"), ("name", .string(archive.name)),
    ]
    members += figures(summary)
    members.append(
      (
        "segments",
        .array(
          segments.map { segment in
            .object(
              [
                ("archive", .int(segment.archive)), ("offset", .int(segment.offset)),
                ("originalOffset", .int(segment.restoredOffset)), ("blocks", .int(segment.blocks)),
                ("indexed", .bool(segment.isIndexed)),
              ] + figures(Summary([segment], size: segment.storedBytes)))
          })
      ))
    return .object(members)
  }

  private func figures(_ summary: Summary) -> [(String, JSONValue)] {
    [
      ("originalBytes", .int(summary.restored)), ("archiveBytes", .int(summary.size)),
      ("ratio", .double(summary.ratio)), ("messages", .int(summary.messages)), ("spans", .int(summary.spans)),
      ("traces", .int(summary.traces)),
      ("firstStartTimeUnixNano", summary.first.map { .unsigned($0) } ?? .null),
      ("lastStartTimeUnixNano", summary.last.map { .unsigned($0) } ?? .null),
      ("services", .array(summary.services.map { .string($0) })),
    ]
  }
}
