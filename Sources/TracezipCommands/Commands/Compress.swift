import ArgumentParser
import Tracezip

struct Compress: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compress", _superCommandName: "tracezip",
    abstract: "Archive OTLP traces.",
    discussion: """
      Writes FILE.trz beside each FILE and keeps FILE. The archive gives back every byte that went in. What is not \
      OTLP is archived all the same, only less tightly.
      """)

  @OptionGroup var input: InputOptions
  @OptionGroup var output: OutputOptions
  @Flag(
    help:
      "Restore each archive and compare it with its input before it takes its place. Always done before --rm removes.")
  var verify = false
  @OptionGroup var coding: CodingOptions
  @OptionGroup var options: RunOptions

  func run() throws {
    let session = Session(options)
    let settings = try Settings(options, coding: coding)
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
    let wrapping = try settings.unwraps ? self.wrapping(of: file, session) : nil
    let result = try outputs.open(for: file) { ArchiveName.archive(of: wrapping?.payloadName(of: $0) ?? $0) }
    let isChecked = verify || (output.rm && !outputs.isStandardOutput(for: file))
    if isChecked, result.written == nil {
      throw CommandError(
        result.name, "cannot be read again to verify it",
        advice: "give a file, or leave \(verify ? "--verify" : "--rm") out")
    }
    let meter = session.meter(file.name)
    defer { meter.end() }
    var source = file.source
    var unwrapper: Unwrapper?
    if let wrapping {
      unwrapper = try Self.unwrap(wrapping, file)
      source = unwrapper!.source
    }
    if session.console.verbosity > 2 {
      let memory = Text.size(settings.memoryEstimate(ofPipe: source.size == nil))
      session.console.detail("\(file.name): compressing needs about \(memory) of memory", level: 3)
    }
    // About half of what the model of so many bytes comes to: what is made and not used has been made for nothing.
    if let size = source.size, size > 8 << 20 {
      Heap.populate(min(size, settings.config.segmentSize) * 3 / 4 + (4 << 20))
    }
    let stats = try outputs.streaming { () throws(CommandError) in
      do throws(CommandError) {
        return try telling(input: file.name, output: result.name) { () throws(TracezipError) in
          try TraceCompressor.compress(
            from: source, to: result.sink, config: settings.config, progress: meter.handler(restores: false))
        }
      } catch {
        guard let failure = unwrapper?.failure else { throw error }
        throw CommandError(
          file.name, "cannot be unwrapped: \(Unwrapper.words(failure))", advice: "--no-unwrap archives it as it is")
      }
    }
    if isChecked {
      try outputs.streaming { () throws(CommandError) in
        try check(result, against: file, wrapping, settings: settings, session: session)
      }
    }
    try result.commit(for: file, removes: output.rm, warning: session)
    try removeInput(file, outputs: outputs, session: session, if: output.rm)
    meter.end()
    session.console.note(
      "\(file.name): \(Text.size(stats.originalBytes)) to \(Text.size(stats.archiveBytes)) "
        + "(\(Text.ratio(stats.ratio))), \(Text.count(stats.spans, "span")), \(Text.duration(meter.elapsed))")
  }

  private static func unwrap(_ wrapping: Unwrapper.Wrapping, _ file: InputFile) throws(CommandError) -> Unwrapper {
    do throws(ContainerError) {
      return try Unwrapper(wrapping, file)
    } catch {
      throw CommandError(file.name, Unwrapper.words(error))
    }
  }

  /// Restores what was just written. It is compared with its source byte for byte, where that can be read again, or else
  /// by the checksums of what was read from it.
  private func check(
    _ result: Outputs.Output, against file: InputFile, _ wrapping: Unwrapper.Wrapping?, settings: Settings,
    session: Session
  ) throws(CommandError) {
    guard let written = result.written else { return }
    let meter = session.meter("\(file.name), verifying")
    defer { meter.end() }
    var comparison: Comparison?
    if file.isSeekable {
      try file.rewind()
      var source = file.source
      if let wrapping { source = try Self.unwrap(wrapping, file).source }
      comparison = Comparison(with: source)
    }
    do throws(TracezipError) {
      try TraceDecompressor.decompress(
        from: written, to: comparison?.sink ?? .discard, config: settings.config,
        progress: meter.handler(restores: true))
      try comparison?.finish()
    } catch {
      if let failure = comparison?.failure { throw CommandError(failure, input: file.name, output: "") }
      if case .limitExceeded = error.kind { throw CommandError(error, input: result.name, output: "") }
      if comparison?.difference == nil {
        throw CommandError(
          result.name, "does not restore what was archived: \(error)", advice: "the input is kept; please report this")
      }
    }
    if let difference = comparison?.difference {
      throw CommandError(
        file.name, "was changed while it was archived (byte \(Text.grouped(difference.offset)): \(difference.reason))",
        advice: "it is kept; archive it again when nothing writes to it")
    }
  }

  /// What the input is wrapped in, if it is to be taken out; says so in one line. What can be read again is read to its
  /// end first: a container that is not clean is archived as it is.
  private func wrapping(of file: InputFile, _ session: Session) throws(CommandError) -> Unwrapper.Wrapping? {
    guard let wrapping = Unwrapper.Wrapping.recognise(try file.peek(Unwrapper.Wrapping.width)) else { return nil }
    if file.isSeekable {
      let unwrapper = try? Unwrapper(wrapping, file)
      let isClean = unwrapper?.check() == true
      try file.rewind()
      if !isClean {
        let reason = unwrapper?.failure.map { ": " + Unwrapper.words($0) } ?? ""
        session.console.notice(file.name, "looks like a \(wrapping.name) but is not\(reason); archived as it is")
        return nil
      }
    }
    let back =
      switch wrapping {
      case .container: file.path.map { "restoring gives " + wrapping.payloadName(of: PathName.last($0)) }
      case .framedZstd: "restoring gives the same messages, not compressed"
      }
    session.console.notice(
      file.name, "archived without its compression (\(wrapping.name))" + (back.map { "; " + $0 } ?? ""))
    return wrapping
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
