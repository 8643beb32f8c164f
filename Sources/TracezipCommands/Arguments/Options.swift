import ArgumentParser
import Tracezip

/// What to read.
struct InputOptions: ParsableArguments {
  @Argument(help: ArgumentHelp("Files to read; none or - is standard input.", valueName: "file"), completion: .file())
  var files: [String] = []

  @Flag(name: [.customShort("r"), .long], help: "Work on the files inside of directories.")
  var recursive = false

  @Option(
    help: ArgumentHelp("Read names of files, one a line, from this file.", valueName: "list"), completion: .file())
  var filesFrom: String?

  @Option(
    name: .customLong("files0-from"),
    help: ArgumentHelp("Read names of files, each ended by NUL, from this file.", valueName: "list"),
    completion: .file())
  var files0From: String?
}

/// Where the result goes.
struct OutputOptions: ParsableArguments {
  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp("Write to this file; - is standard output.", valueName: "file"), completion: .file())
  var output: String?

  @Option(help: ArgumentHelp("Put the results into this directory.", valueName: "dir"), completion: .directory)
  var outputDir: String?

  @Flag(name: [.customShort("c"), .long], help: "Write to standard output, keep the input.")
  var stdout = false

  @Flag(
    name: [.customShort("f"), .long],
    help: "Replace existing files, follow symbolic links, read special files, use the terminal.")
  var force = false

  @Flag(name: [.customShort("k"), .long], help: "Keep the input. This is the default.")
  var keep = false

  @Flag(help: "Remove the input once the result is safely on the disk.")
  var rm = false

  var isStandardOutput: Bool { stdout || output == "-" }

  func validate() throws {
    if stdout, let output, output != "-" { throw ValidationError("-c and -o \(output) contradict each other.") }
    if outputDir != nil, output != nil || stdout {
      throw ValidationError("--output-dir goes neither with -o nor with -c.")
    }
    if keep, rm { throw ValidationError("--keep and --rm contradict each other.") }
  }
}

extension OutputOptions {
  /// One place for all results, for commands that have no more options than that.
  static func oneFile(_ path: String, force: Bool) throws -> OutputOptions {
    try parse(["--output=\(path)"] + (force ? ["--force"] : []))
  }
}

/// How much of the machine is used, and how much is said. As with gzip, xz and zstd all commands take them, also where
/// there is little to use or to say.
struct RunOptions: ParsableArguments {
  @Option(
    name: [.customShort("T"), .customLong("threads")],
    help: ArgumentHelp("Threads to use; 0, the default, is one for each core, up to four.", valueName: "n"))
  var threads: Int?

  @Option(
    name: [.customShort("M"), .customLong("memory")],
    help: ArgumentHelp("Bytes that restoring may use at most, such as 512M.", valueName: "limit"))
  var memory: ByteSize?

  @Option(help: ArgumentHelp("Read settings from this file.", valueName: "file"), completion: .file())
  var config: String?

  @Flag(name: .shortAndLong, help: "Say nothing but errors.")
  var quiet = false

  @Flag(name: .shortAndLong, help: "Say more; -vv even more.")
  var verbose: Int

  @Flag(inversion: .prefixedNo, help: "Show progress, or none; without either if standard error is a terminal.")
  var progress: Bool?

  var verbosity: Int { quiet ? 0 : 1 + verbose }

  /// What was given, by the settings' keys.
  var values: [String: String] {
    ["threads": threads.map { String($0) }, "memory-limit": memory?.text].compactMapValues { $0 }
  }
}

/// How traces are coded.
struct CodingOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Level 1 to 19; also -1 to -19.", valueName: "n"))
  var level: Int?

  @Flag(help: "Prefer speed to size.")
  var fast = false

  @Flag(help: "Prefer size to speed.")
  var best = false

  @Option(help: ArgumentHelp("What packs the streams that no model of ours codes better.", valueName: "codec"))
  var codec: TracezipConfig.Codec?

  @Option(
    help: ArgumentHelp("Leave a stage of coding out (dedup: deduplication); can be repeated.", valueName: "stage"))
  var without: [Stage] = []

  @Option(
    help: ArgumentHelp("How the input is framed, where recognising it fails.", valueName: "format"))
  var inputFormat: InputFormat?

  @Flag(help: "Archive a gzip, zstd or lz4 file as it is, not what is inside.")
  var noUnwrap = false

  @Option(help: ArgumentHelp("Bytes that are coded together: 4 MiB, with --best 16 MiB.", valueName: "size"))
  var blockSize: ByteSize?

  @Option(
    help: ArgumentHelp(
      "Bytes after which an independent segment ends: 64 MiB, of JSON 128, with --best 256.", valueName: "size"))
  var segmentSize: ByteSize?

  @Option(
    help: ArgumentHelp(
      "From a pipe: write what has come after at most this time, such as 500ms or 2s.", valueName: "duration"))
  var flushInterval: TimeSpan?

  func validate() throws {
    if fast, best { throw ValidationError("--fast and --best contradict each other.") }
    if let level, !TracezipConfig.levels.contains(level) { throw ValidationError("Levels are 1 to 19, not \(level).") }
  }

  /// What was given, by the settings' keys.
  var values: [String: String] {
    let effort: TracezipConfig.Effort? = fast ? .fast : best ? .best : nil
    let given = [
      "level": level.map { String($0) }, "effort": effort?.rawValue, "codec": codec?.rawValue,
      "input-format": inputFormat?.rawValue, "block-size": blockSize?.text, "segment-size": segmentSize?.text,
      "flush-interval": flushInterval?.text, "unwrap": noUnwrap ? "no" : nil,
    ].compactMapValues { $0 }
    return without.reduce(into: given) { values, stage in values[stage.key] = stage.off }
  }
}
