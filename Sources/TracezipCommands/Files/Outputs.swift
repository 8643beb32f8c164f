import Glibc
import Tracezip

/// Where the results of a run go: standard output, one file for all, or a file for each.
final class Outputs {
  private enum Place {
    case standardOutput
    case oneFile(String)
    case besideInput
    case directory(String)
  }

  /// One result being written.
  struct Output {
    let name: String
    let sink: ByteSink
    /// A file of its own; nil for standard output and for a file that several results share.
    private let file: OutputFile?
    /// Where it is written to, shared or not, and at which byte it begins; nil for standard output.
    private let place: (file: OutputFile, start: Int)?

    fileprivate init() {
      name = Names.standardOutput
      sink = .descriptor(1)
      file = nil
      place = nil
    }

    fileprivate init(_ name: String, _ file: OutputFile, isShared: Bool = false) {
      self.name = name
      sink = .descriptor(file.descriptor.number, startsWriteback: true)
      self.file = isShared ? nil : file
      place = (file, file.size ?? 0)
    }

    /// What has been written, to be read again; nil where that cannot be.
    var written: ByteSource? { place.flatMap { $0.file.written(from: $0.start) } }

    /// Puts it in place. A shared file is put in place at the end of the run.
    ///
    /// - Parameter removes: whether the input goes then.
    func commit(for input: InputFile, removes: Bool = false, warning session: Session) throws(CommandError) {
      if let complaint = try file?.commit(like: input.path == nil ? nil : input.status, lasts: removes) {
        session.warn(name, complaint)
      }
    }
  }

  private let options: OutputOptions
  private let console: Console
  private let canAsk: Bool
  private let place: Place
  private let isSingle: Bool
  private var shared: OutputFile?
  private var isSpoilt = false
  /// Written in this run: no result replaces another one.
  private var written: Set<String> = []

  /// - Parameter writesArchives: terminals get no archive without `-f`.
  init(
    _ options: OutputOptions, inputs: InputList, console: Console, writesArchives: Bool
  ) throws(CommandError) {
    self.options = options
    self.console = console
    var readsStandardInput = false
    for case .standardInput in inputs.items { readsStandardInput = true }
    canAsk = Terminal.isTerminal(0) && !readsStandardInput && console.verbosity > 0
    isSingle = inputs.items.count == 1
    if options.isStandardOutput {
      place = .standardOutput
    } else if let output = options.output {
      // `-o /dev/stdout` and the like: there is one standard output, and it is already open.
      if let there = FileStatus.following(output), let ours = FileStatus.of(descriptor: 1), there.isSame(as: ours) {
        place = .standardOutput
      } else {
        place = .oneFile(output)
      }
    } else if let directory = options.outputDir {
      place = .directory(directory)
    } else {
      place = .besideInput
    }
    if options.rm, !isSingle, case .oneFile(let path) = place {
      throw CommandError(path, "--rm is refused when several inputs become one output", status: .usage)
    }
    var usesStandardOutput = readsStandardInput && options.output == nil && options.outputDir == nil
    if case .standardOutput = place { usesStandardOutput = true }
    if usesStandardOutput, writesArchives, !options.force, Terminal.isTerminal(1) {
      throw CommandError(
        nil, "an archive is nothing for a terminal to show",
        advice: "redirect it, give -o FILE, or force it with -f; tracezip --help tells more")
    }
    if case .directory(let path) = place {
      guard let status = FileStatus.following(path) else {
        if unsafe PathName.withSystemPath(path, { unsafe mkdir($0, 0o777) }) != 0 {
          throw CommandError(path, SystemError("make directory"))
        }
        return
      }
      if !status.isDirectory { throw CommandError(path, "is not a directory") }
    }
  }

  /// Whether what is read is kept in any case: its result has no file of its own.
  func isStandardOutput(for input: InputFile) -> Bool {
    if case .standardOutput = place { return true }
    if case .besideInput = place { return input.path == nil }
    return false
  }

  /// - Parameter name: what the result's file is called by what the input's is; throws where that is not known.
  func open(
    for input: InputFile, named name: (String) throws(CommandError) -> String
  ) throws(CommandError) -> Output {
    switch place {
    case .standardOutput:
      return try standardOutput(for: input)
    case .oneFile(let path):
      if isSingle {
        let file = try create(path, for: input)
        return Output(path, file)
      }
      if shared == nil {
        shared = try create(path, for: input)
      } else if let input = input.status, let output = FileStatus.following(path), input.isSame(as: output) {
        throw CommandError(path, "is both input and output")
      }
      return Output(path, shared!, isShared: true)
    case .besideInput:
      guard let path = input.path else { return try standardOutput(for: input) }
      let file = try create(PathName.join(PathName.folder(path), try name(PathName.last(path)), bare: path), for: input)
      return Output(file.path, file)
    case .directory(let directory):
      guard let path = input.path else {
        throw CommandError(input.name, "has no name to use in \(directory)", advice: "give -o FILE", status: .usage)
      }
      let file = try create(PathName.join(directory, try name(PathName.last(path))), for: input)
      return Output(file.path, file)
    }
  }

  private func standardOutput(for input: InputFile) throws(CommandError) -> Output {
    if let ours = FileStatus.of(descriptor: 1), let status = input.status, ours.isRegular, ours.isSame(as: status) {
      throw CommandError(input.name, "is both input and output")
    }
    return Output()
  }

  private func create(_ path: String, for input: InputFile) throws(CommandError) -> OutputFile {
    if let existing = FileStatus.following(path), let status = input.status, existing.isSame(as: status) {
      throw CommandError(path, "is both input and output")
    }
    if written.contains(path) {
      throw CommandError(input.name, "its result would replace \(path), written just now")
    }
    var replaces = options.force
    if let existing = FileStatus.of(path), existing.isRegular || existing.isLink, !replaces {
      let isDevice = existing.isLink && FileStatus.following(path).map { !$0.isRegular } == true
      if !isDevice {
        guard canAsk, ask("tracezip: \(path.sanitised) exists; replace it? [y/N] ") else {
          throw CommandError(path, "exists", advice: "-f replaces it")
        }
        replaces = true
      }
    }
    let file = try OutputFile(path: path, replaces: replaces)
    written.insert(path)
    return file
  }

  private func ask(_ question: String) -> Bool {
    console.beforeLine?()
    Console.write(question)
    guard let answer = readLine() else { return false }
    return answer.lowercased().hasPrefix("y")
  }

  /// Runs work that writes a result. Failing half-way it spoils what other results were to share with it.
  func streaming<R>(_ work: () throws(CommandError) -> R) throws(CommandError) -> R {
    do {
      return try work()
    } catch {
      isSpoilt = true
      throw error
    }
  }

  /// Whether a result that failed half-way went where others were to follow.
  var isStreamBroken: Bool {
    if case .standardOutput = place { return isSpoilt }
    return isSpoilt && shared != nil
  }

  /// Puts the shared file in its place.
  func finish() throws(CommandError) {
    if let shared, !isSpoilt { try shared.commit(like: nil) }
    shared = nil
  }
}

extension PathName {
  /// Beside a bare name, without a leading `./`.
  static func join(_ folder: String, _ name: String, bare path: String) -> String {
    path.utf8.contains(0x2F) ? join(folder, name) : name
  }
}
