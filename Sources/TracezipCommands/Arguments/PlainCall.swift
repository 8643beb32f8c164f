import ArgumentParser

/// The calls that scripts make by the thousand: `compress` and `decompress` with files and the options known from gzip.
///
/// The argument parser learns by reflection what a command takes, at every start: four fifths of the instructions that
/// archiving a small file took. What is written here comes to the same (tests compare), or to nothing: then the parser reads the call,
/// and says what is wrong with it.
struct PlainCall {
  private var input = InputOptions(files: [])
  private var output = OutputOptions.plain
  private lazy var coding = CodingOptions.plain
  private var options = RunOptions.plain
  private var verify = false
  private var recover = false

  /// - Parameter arguments: as ``ArgumentRewriter`` leaves them.
  /// - Returns: the command, or nil where the parser has to look.
  static func command(_ arguments: [String]) -> (any ParsableCommand)? {
    guard let name = arguments.first, name == "compress" || name == "decompress" else { return nil }
    let compresses = name == "compress"
    var call = PlainCall()
    guard call.read(arguments.dropFirst(), compresses: compresses), (try? call.output.validate()) != nil,
      !compresses || (try? call.coding.validate()) != nil
    else { return nil }
    return compresses
      ? Compress(
        input: call.input, output: call.output, verify: call.verify, coding: call.coding, options: call.options)
      : Decompress(input: call.input, output: call.output, recover: call.recover, options: call.options)
  }

  private mutating func read(_ arguments: ArraySlice<String>, compresses: Bool) -> Bool {
    var rest = arguments
    while let argument = rest.popFirst() {
      switch argument {
      case "-c", "--stdout": output.stdout = true
      case "-f", "--force": output.force = true
      case "-k", "--keep": output.keep = true
      case "--rm": output.rm = true
      case "-q", "--quiet": options.quiet = true
      case "-v", "--verbose": options.verbose += 1
      case "--fast" where compresses: coding.fast = true
      case "--best" where compresses: coding.best = true
      case "--verify" where compresses: verify = true
      case "--recover" where !compresses: recover = true
      case "-o", "--output":
        guard output.output == nil, let path = rest.popFirst(), !path.hasPrefix("-") || path == "-" else {
          return false
        }
        output.output = path
      case "-T", "--threads":
        guard options.threads == nil, let number = rest.popFirst().flatMap({ Int($0) }), number >= 0 else {
          return false
        }
        options.threads = number
      default:
        if compresses, argument.hasPrefix("--level="), let level = Int(argument.dropFirst(8)), coding.level == nil {
          coding.level = level
          continue
        }
        guard !argument.isEmpty, !argument.hasPrefix("-") || argument == "-" else { return false }
        input.files.append(argument)
      }
    }
    return true
  }
}

// As the parser leaves them where nothing is given. An option that is missing here ends the program when it is read.

extension InputOptions {
  fileprivate init(files: [String]) {
    self.init()
    self.files = files
    recursive = false
    filesFrom = nil
    files0From = nil
  }
}

extension OutputOptions {
  fileprivate static var plain: OutputOptions {
    var options = OutputOptions()
    options.output = nil
    options.outputDir = nil
    options.stdout = false
    options.force = false
    options.keep = false
    options.rm = false
    return options
  }
}

extension CodingOptions {
  fileprivate static var plain: CodingOptions {
    var options = CodingOptions()
    options.level = nil
    options.fast = false
    options.best = false
    options.codec = nil
    options.without = []
    options.inputFormat = nil
    options.noUnwrap = false
    options.blockSize = nil
    options.segmentSize = nil
    options.flushInterval = nil
    return options
  }
}

extension RunOptions {
  fileprivate static var plain: RunOptions {
    var options = RunOptions()
    options.threads = nil
    options.memory = nil
    options.config = nil
    options.quiet = false
    options.verbose = 0
    options.progress = nil
    return options
  }
}

extension Compress {
  fileprivate init(
    input: InputOptions, output: OutputOptions, verify: Bool, coding: CodingOptions, options: RunOptions
  ) {
    self.init()
    self.input = input
    self.output = output
    self.verify = verify
    self.coding = coding
    self.options = options
  }
}

extension Decompress {
  fileprivate init(input: InputOptions, output: OutputOptions, recover: Bool, options: RunOptions) {
    self.init()
    self.input = input
    self.output = output
    self.recover = recover
    self.options = options
  }
}
