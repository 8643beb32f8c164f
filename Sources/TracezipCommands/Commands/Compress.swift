import ArgumentParser
import Tracezip

struct Compress: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Archive OTLP traces.",
    discussion: """
      Writes FILE.trz beside each FILE and keeps FILE. The archive gives back every byte that went in. What is not \
      OTLP is archived all the same, only less tightly.
      """)

  @OptionGroup var input: InputOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var coding: CodingOptions
  @OptionGroup var resources: ResourceOptions
  @OptionGroup var messages: MessageOptions

  func run() throws {
    let session = Session(messages)
    let settings = try Settings(resources, coding: coding)
    let inputs = InputList(input)
    inputs.failures.forEach(session.report)
    let outputs = try Outputs(output, inputs: inputs, console: session.console, writesArchives: true)
    for item in inputs.items {
      let isBroken = !session.attempt { () throws(CommandError) in
        try compress(item, into: outputs, settings: settings, session: session)
      }
      // Half an archive went out: another one behind it would only be damage as well.
      if isBroken, outputs.isStreamBroken { break }
    }
    session.attempt { () throws(CommandError) in try outputs.finish() }
    try session.finish()
  }

  private func compress(
    _ item: InputList.Item, into outputs: Outputs, settings: Settings, session: Session
  ) throws(CommandError) {
    let file: InputFile
    switch item {
    case .standardInput: file = .standardInput()
    case .file(let path, let isFound):
      // Walking a folder a second time shall not archive the archives.
      if isFound, path.hasSuffix(ArchiveName.suffix) { return }
      file = try InputFile(
        path: path, force: output.force, acceptsPipes: output.stdout || output.output != nil)
      if isFound, !output.force, try file.isArchive() { return }
    }
    if !output.force, try file.isArchive() {
      throw CommandError(file.name, "is an archive already", advice: "-f archives it again")
    }
    let result = try outputs.open(for: file) { ArchiveName.archive(of: $0) }
    let meter = session.meter(file.name)
    defer { meter.end() }
    if session.console.verbosity > 2 {
      let memory = Text.size(settings.memoryEstimate)
      session.console.detail("\(file.name): compressing needs about \(memory) of memory", level: 3)
    }
    let stats = try outputs.streaming { () throws(CommandError) in
      try telling(input: file.name, output: result.name) { () throws(TracezipError) in
        try TraceCompressor.compress(
          from: file.source, to: result.sink, config: settings.config, progress: meter.handler(restores: false))
      }
    }
    try result.commit(for: file)
    try removeInput(file, outputs: outputs, session: session, if: output.rm)
    meter.end()
    session.console.note(
      "\(file.name): \(Text.size(stats.originalBytes)) to \(Text.size(stats.archiveBytes)) "
        + "(\(Text.ratio(stats.ratio))), \(Text.grouped(stats.spans)) spans, \(Text.duration(meter.elapsed))")
  }
}

/// `--rm`, once the result is on the disk.
func removeInput(_ file: InputFile, outputs: Outputs, session: Session, if wanted: Bool) throws(CommandError) {
  guard wanted, file.path != nil else { return }
  if outputs.isStandardOutput(for: file) {
    session.console.detail("\(file.name): kept, --rm does nothing with standard output")
  } else {
    try file.remove()
  }
}
