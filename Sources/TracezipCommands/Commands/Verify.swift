import ArgumentParser
import Tracezip

struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", _superCommandName: "tracezip",
    abstract: "Check archives.",
    discussion: """
      Restores everything in memory and compares all checksums. Silent where all is well, unless standard error is a \
      terminal or -v is given. The exit status is 3 if an archive is damaged, 1 if it differs from --against.
      """)

  @OptionGroup var input: InputOptions
  @Option(help: ArgumentHelp("Compare what is restored with this file.", valueName: "file"), completion: .file())
  var against: String?
  @Flag(help: "Check stored bytes only, restore nothing.")
  var quick = false
  @Flag(help: "A report as JSON, one object for each archive and line.")
  var json = false
  @OptionGroup var options: RunOptions

  func validate() throws {
    if against != nil, quick { throw ValidationError("--quick restores nothing that --against could compare.") }
    if against != nil, input.files.count > 1 || input.filesFrom != nil || input.files0From != nil || input.recursive {
      throw ValidationError("--against compares with one archive.")
    }
  }

  func run() throws {
    let session = Session(options)
    let settings = try Settings(options)
    let inputs = InputList(input)
    inputs.failures.forEach(session.report)
    let started = monotonicSeconds()
    var total = Total()
    for item in inputs.items {
      session.attempt { () throws(CommandError) in
        do throws(CommandError) {
          total.files += 1
          guard let archive = try ReadableArchive.open(item) else {
            total.files -= 1
            return
          }
          try verify(archive, into: &total, settings: settings, session: session)
        } catch {
          if json { try writeToStandardOutput(failure(item, error).text + "\n") }
          throw error
        }
      }
    }
    if inputs.items.count > 1 {
      session.console.note("\(total.words), \(Text.duration(monotonicSeconds() - started))")
    }
    try session.finish()
  }

  /// What several files come to.
  private struct Total {
    var files = 0
    var good = 0
    var archiveBytes = 0
    var restoredBytes = 0

    var words: String {
      "\(Text.grouped(good)) of \(Text.count(files, "archive")) sound, \(Text.size(archiveBytes)) for "
        + Text.size(restoredBytes)
    }
  }

  private func verify(
    _ archive: ReadableArchive, into total: inout Total, settings: Settings, session: Session
  ) throws(CommandError) {
    let meter = session.meter(archive.name)
    defer { meter.end() }
    let found = try archive.told { (reader) throws(TracezipError) in
      try reader.verify(
        quick ? .stored : .restored, config: settings.config, progress: meter.handler(restores: true))
    }
    if found.isSound { total.good += 1 }
    total.archiveBytes += found.archiveBytes
    total.restoredBytes += found.restoredBytes
    var difference: Comparison.Difference?
    if let against, found.isSound {
      let comparison = Comparison(with: try InputFile(path: against, force: true, acceptsPipes: true).source)
      do throws(TracezipError) {
        for segment in try archive.reader.segments() where !comparison.hasFailed {
          try archive.reader.restore(segment, to: comparison.sink, config: settings.config)
        }
        try comparison.finish()
      } catch {
        if let failure = comparison.failure { throw CommandError(failure, input: against, output: "") }
        if !comparison.hasFailed { throw CommandError(error, input: archive.name, output: "") }
      }
      difference = comparison.difference
    }
    meter.end()
    if json { try writeToStandardOutput(report(archive.name, found, difference).text + "\n") }
    for problem in found.problems {
      session.report(CommandError(problem, input: archive.name, output: ""))
    }
    if let difference, let against {
      session.report(CommandError(archive.name, difference.words(against)))
    }
    if found.isSound, difference == nil {
      let what = against.map { "identical to \($0)" } ?? "sound"
      session.console.note(
        "\(archive.name): \(what), \(Text.count(found.segments, "segment")), "
          + "\(Text.size(found.archiveBytes)) for \(Text.size(found.restoredBytes)), \(Text.duration(meter.elapsed))")
    }
  }

  private func report(
    _ name: String, _ found: ArchiveReader.Verification, _ difference: Comparison.Difference?
  ) -> JSONValue {
    var members: [(String, JSONValue)] = [
      ("schemaVersion", 1), ("command", "verify"), ("name", .string(name)), ("sound", .bool(found.isSound)),
      ("restored", .bool(!quick)), ("archives", .int(found.archives)), ("segments", .int(found.segments)),
      ("blocks", .int(found.blocks)), ("archiveBytes", .int(found.archiveBytes)),
      ("originalBytes", .int(found.restoredBytes)),
      ("problems", .array(found.problems.map(Self.problem))),
    ]
    if let against {
      members.append(("against", .string(against)))
      members.append(("identical", .bool(found.isSound && difference == nil)))
      if let difference { members.append(("firstDifference", .int(difference.offset))) }
    }
    return .object(members)
  }

  private func failure(_ item: InputList.Item, _ error: CommandError) -> JSONValue {
    let name: String
    switch item {
    case .standardInput: name = Names.standardInput
    case .file(let path, _): name = path
    }
    return .object([
      ("schemaVersion", 1), ("command", "verify"), ("name", .string(name)), ("sound", false),
      ("problems", .array([.object([("message", .string(error.what))])])),
    ])
  }

  private static func problem(_ error: TracezipError) -> JSONValue {
    func number(_ value: Int?) -> JSONValue { value.map { .int($0) } ?? .null }
    return .object([
      ("message", .string(error.kind.description)), ("offset", number(error.location.offset)),
      ("segment", number(error.location.segment)), ("block", number(error.location.block)),
      ("column", error.location.column.map { .string($0) } ?? .null),
    ])
  }
}
