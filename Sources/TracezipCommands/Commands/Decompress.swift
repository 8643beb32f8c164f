import ArgumentParser
import Tracezip

struct Decompress: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "decompress", _superCommandName: "tracezip",
    abstract: "Restore what was archived, byte for byte.",
    discussion: """
      Writes FILE beside each FILE.trz and keeps the archive. An archive is known by its first bytes; its suffix only \
      names the result. With -c and -f, and without --recover, what is no archive passes through unchanged.
      """)

  @OptionGroup var input: InputOptions
  @OptionGroup var output: OutputOptions
  @Flag(help: "Restore every intact part of a damaged archive.")
  var recover = false
  @OptionGroup var options: RunOptions

  func run() throws {
    let session = Session(options)
    let settings = try Settings(options)
    let inputs = InputList(input)
    inputs.failures.forEach(session.report)
    let outputs = try Outputs(output, inputs: inputs, console: session.console, writesArchives: false)
    for item in inputs.items {
      session.attempt { () throws(CommandError) in
        try decompress(item, into: outputs, settings: settings, session: session)
      }
    }
    session.attempt { () throws(CommandError) in try outputs.finish() }
    try session.finish()
  }

  private func decompress(
    _ item: InputList.Item, into outputs: Outputs, settings: Settings, session: Session
  ) throws(CommandError) {
    let acceptsPipes = output.stdout || output.output != nil
    guard let file = try InputFile.archive(item, force: output.force, acceptsPipes: acceptsPipes) else { return }
    let isArchive = try file.isArchive()
    if !isArchive, !recover, output.force, outputs.isStandardOutput(for: file) {
      let result = try outputs.open(for: file) { $0 }
      return try telling(input: file.name, output: result.name) { () throws(TracezipError) in
        try file.source.copy(to: result.sink)
      }
    }
    // Said before the name is looked at: the name of something else does not matter.
    if !isArchive, !recover { throw CommandError.notAnArchive(file.name, advice: "-dcf passes plain data through") }
    let result = try outputs.open(for: file) { (name) throws(CommandError) in try ArchiveName.restored(from: name) }
    let meter = session.meter(file.name)
    defer { meter.end() }
    // Models and blocks are many times the archive's size; half of what the usual segment takes is enough to begin with.
    if let size = file.source.size, size > 1 << 19 { Heap.populate(min(12 * size, 48 << 20)) }
    let restored = try outputs.streaming { () throws(CommandError) in
      try telling(input: file.name, output: result.name) { () throws(TracezipError) in
        try TraceDecompressor.decompress(
          from: file.source, to: result.sink, config: settings.config, recover: recover,
          progress: meter.handler(restores: true))
      }
    }
    // Damage may have hit the first bytes as well.
    if !isArchive, restored.blocks == 0 { throw CommandError.notAnArchive(file.name) }
    try result.commit(for: file, removes: output.rm, warning: session)
    meter.end()
    for gap in restored.gaps { session.report(CommandError(gap, of: file.name)) }
    if restored.gaps.isEmpty { try removeInput(file, outputs: outputs, session: session, if: output.rm) }
    session.console.note(
      "\(file.name): \(Text.size(restored.archiveBytes)) to \(Text.size(restored.restoredBytes)), "
        + Text.duration(meter.elapsed))
  }
}
