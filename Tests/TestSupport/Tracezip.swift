import Foundation

/// The `tracezip` program as the package has built it, run as a user would.
package enum Tracezip {
  package struct Result: Sendable {
    /// The exit status as a shell counts it: 128 and the signal's number where one ended the program.
    package let status: Int32
    package let signal: Int32?
    package let output: [UInt8]
    package let messages: String
    package var text: String { String(decoding: output, as: UTF8.self) }
  }

  package struct Failure: Error, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
  }

  /// The binary stands in the folder of the running test program.
  package static let path: String = {
    var folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    for argument in CommandLine.arguments where argument.hasSuffix(".xctest") {
      folder = URL(fileURLWithPath: argument).resolvingSymlinksInPath().deletingLastPathComponent()
    }
    return folder.appendingPathComponent("tracezip").path
  }()

  /// The test's own variables without what could decide how the program behaves; `tracezip` is on the path, and the
  /// home folder is the test's.
  private static func variables(_ folder: TemporaryFolder?, _ more: [String: String]) -> [String: String] {
    var variables = ProcessInfo.processInfo.environment.filter {
      !$0.key.hasPrefix("TRACEZIP_") && $0.key != "XDG_CONFIG_HOME" && $0.key != "NO_COLOR"
    }
    variables["PATH"] = URL(fileURLWithPath: path).deletingLastPathComponent().path + ":" + (variables["PATH"] ?? "")
    variables["LC_ALL"] = "C.UTF-8"
    if let folder { variables["HOME"] = folder.path }
    return variables.merging(more) { $1 }
  }

  /// Runs the program to its end. `input` is what stands on its standard input.
  package static func run(
    _ arguments: String..., input: [UInt8] = [], environment: [String: String] = [:], in folder: TemporaryFolder? = nil,
    name: String? = nil
  ) throws -> Result {
    try run(arguments, input: input, environment: environment, in: folder, name: name)
  }

  package static func run(
    _ arguments: [String], input: [UInt8] = [], environment: [String: String] = [:], in folder: TemporaryFolder? = nil,
    name: String? = nil
  ) throws -> Result {
    let running = try start(arguments, environment: environment, in: folder, name: name)
    running.feed(input)
    return running.finish()
  }

  /// Starts the program with pipes on all three standard streams; `name` calls it by a link of that name in `folder`.
  package static func start(
    _ arguments: [String], environment: [String: String] = [:], in folder: TemporaryFolder? = nil, name: String? = nil
  ) throws -> Running {
    var program = path
    if let name {
      guard let folder else { throw Failure("a name needs a folder to link it in") }
      program = folder.file(name)
      if !folder.exists(name) {
        try FileManager.default.createSymbolicLink(atPath: program, withDestinationPath: path)
      }
    }
    return try Running(
      program, arguments, environment: variables(folder, environment), folder: folder?.path, streams: .pipes)
  }

  /// Runs a command of the shell, in which `tracezip` is the program: for pipes, redirections and `ulimit`.
  package static func shell(
    _ script: String, input: [UInt8] = [], in folder: TemporaryFolder, environment: [String: String] = [:]
  ) throws -> Result {
    let running = try startShell(script, in: folder, environment: environment)
    running.feed(input)
    return running.finish()
  }

  package static func startShell(_ script: String, in folder: TemporaryFolder, environment: [String: String] = [:])
    throws -> Running
  {
    try Running(
      "/bin/bash", ["-c", script], environment: variables(folder, environment), folder: folder.path, streams: .pipes)
  }

  /// Starts the program on a terminal of its own, which is its standard input, output and error.
  package static func startOnTerminal(
    _ arguments: [String], in folder: TemporaryFolder, columns: UInt16 = 80, environment: [String: String] = [:]
  ) throws -> Running {
    try Running(
      path, arguments, environment: variables(folder, ["TERM": "xterm-256color"]).merging(environment) { $1 },
      folder: folder.path, streams: .terminal(columns: columns))
  }

  /// Runs a command of the shell on a terminal, where single streams can be redirected. `typed` is typed at once.
  package static func shellOnTerminal(
    _ script: String, typed: String = "", in folder: TemporaryFolder, columns: UInt16 = 80,
    environment: [String: String] = [:]
  ) throws -> Result {
    let running = try Running(
      "/bin/bash", ["-c", script],
      environment: variables(folder, ["TERM": "xterm-256color"]).merging(environment) { $1 }, folder: folder.path,
      streams: .terminal(columns: columns))
    if !typed.isEmpty { running.write(Array(typed.utf8)) }
    return running.finish()
  }
}
