import ArgumentParser
import Tracezip

/// Converting happens here and nowhere else: `decompress` is exact.
struct Cat: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cat", _superCommandName: "tracezip",
    abstract: "Write what archives hold to standard output, as it was or converted.",
    discussion: """
      Without --to the bytes are those that were archived, as with decompress -c. With it, each message is written \
      anew: otlp-json as one TracesData object a line by the OTLP/JSON mapping (ids in hex, enums as integers, 64-bit \
      integers as strings), otlp-proto as protobuf, each message behind its length in four bytes, big-endian.

      A message that cannot be converted, because it is no OTLP or is damaged, is left out with a warning, and the exit \
      status is 2. With -f, what is no archive is taken as a capture.
      """)

  enum Target: String, Choice {
    case json = "otlp-json"
    case protobuf = "otlp-proto"

    var format: OTLPConverter.Target {
      switch self {
      case .json: .json
      case .protobuf: .protobuf
      }
    }
  }

  @OptionGroup var input: InputOptions
  @Option(help: ArgumentHelp("Convert to this format.", valueName: "format"))
  var to: Target?
  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp("Write to this file; - is standard output.", valueName: "file"), completion: .file())
  var output: String?
  @Flag(
    name: [.customShort("f"), .long],
    help: "Replace an existing file, follow symbolic links, read special files, take what is no archive as a capture.")
  var force = false
  @Flag(help: "Write every intact part of a damaged archive.")
  var recover = false
  @OptionGroup var options: RunOptions

  func run() throws {
    let session = Session(options)
    let settings = try Settings(options)
    let inputs = InputList(input)
    inputs.failures.forEach(session.report)
    let place = try OutputOptions.oneFile(output ?? "-", force: force)
    let outputs = try Outputs(place, inputs: inputs, console: session.console, writesArchives: false)
    for item in inputs.items {
      let isBroken = !session.attempt { () throws(CommandError) in
        try write(item, into: outputs, settings: settings, session: session)
      }
      // Into a file of its own nothing goes behind a break; a pipe's reader has seen it already.
      if isBroken, outputs.isStreamBroken, output != nil { break }
    }
    session.attempt { () throws(CommandError) in try outputs.finish() }
    try session.finish()
  }

  private func write(
    _ item: InputList.Item, into outputs: Outputs, settings: Settings, session: Session
  ) throws(CommandError) {
    guard let file = try InputFile.archive(item, force: force, acceptsPipes: true) else { return }
    let isArchive = try file.isArchive()
    if !isArchive, !recover, !force { throw CommandError.notAnArchive(file.name, advice: "-f takes it as a capture") }
    let result = try outputs.open(for: file) { $0 }
    let meter = session.meter(file.name)
    defer { meter.end() }
    let converting = to.map { ConvertingSink(to: $0.format, sink: result.sink) }
    var config = settings.config
    // This thread has enough to do with converting: one other restores beside it.
    if converting != nil { config.threads = 1 }
    let gaps = try outputs.streaming { () throws(CommandError) in
      try telling(input: file.name, output: result.name) { () throws(TracezipError) -> [TraceDecompressor.Gap] in
        let sink = converting?.input ?? result.sink
        var gaps: [TraceDecompressor.Gap] = []
        if isArchive || recover {
          let restored = try TraceDecompressor.decompress(
            from: file.source, to: sink, config: config, recover: recover,
            progress: meter.handler(restores: true))
          if !isArchive, restored.blocks == 0 { throw TracezipError(.notAnArchive) }
          gaps = restored.gaps
        } else {
          try file.source.copy(to: sink)
        }
        try converting?.finish()
        return gaps
      }
    }
    try result.commit(for: file, warning: session)
    meter.end()
    for gap in gaps { session.report(CommandError(gap, of: file.name)) }
    if let converting, converting.skippedCount > 0 { warn(of: converting, file.name, session) }
    if let converting {
      session.console.note(
        "\(file.name): \(Text.count(converting.messages, "message")), \(Text.duration(meter.elapsed))")
    }
  }

  private func warn(of converting: ConvertingSink, _ name: String, _ session: Session) {
    let first = converting.skipped.first.map {
      "; the first (\(Text.count($0.bytes, "byte")) at \($0.offset)): \($0.reason)"
    }
    session.warn(
      name, "\(Text.count(converting.skippedCount, "message")) left out that could not be converted" + (first ?? ""))
  }
}
