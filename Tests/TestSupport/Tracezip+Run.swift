import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The `tracezip` program as the package has built it, run as a user would.
package enum Tracezip {
  package struct Result: Sendable {
    package let status: Int32
    /// The signal that ended it, if one did.
    package let signal: Int32?
    package let output: [UInt8]
    package let messages: String
    package var text: String { String(decoding: output, as: UTF8.self) }
  }

  package struct Failure: Error, CustomStringConvertible {
    package let description: String
  }

  /// The binary stands beside the test bundle: the folder of the running test program, or the one above it.
  package static let path: String = {
    var folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    for argument in CommandLine.arguments where argument.hasSuffix(".xctest") {
      folder = URL(fileURLWithPath: argument).deletingLastPathComponent()
    }
    return folder.appendingPathComponent("tracezip").path
  }()

  /// Runs the program to its end.
  ///
  /// `arguments` come first, as always; `input` is what stands on its standard input (nothing: an empty pipe).
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

  /// Starts the program with pipes on all three standard streams.
  package static func start(
    _ arguments: [String], environment: [String: String] = [:], in folder: TemporaryFolder? = nil, name: String? = nil
  ) throws -> Running {
    // A program that ends before it has read its input must not end the test by SIGPIPE.
    _ = signal(SIGPIPE, SIG_IGN)
    let process = Process()
    var binary = path
    if let name {
      guard let folder else { throw Failure(description: "a name needs a folder to link it in") }
      binary = folder.file(name)
      if !folder.exists(name) {
        try FileManager.default.createSymbolicLink(atPath: binary, withDestinationPath: path)
      }
    }
    guard FileManager.default.isExecutableFile(atPath: binary) else {
      throw Failure(description: "no program at \(binary)")
    }
    process.executableURL = URL(fileURLWithPath: binary)
    process.arguments = arguments
    // Nothing of the user's own configuration may decide a test.
    var variables = ProcessInfo.processInfo.environment.filter {
      !$0.key.hasPrefix("TRACEZIP_") && $0.key != "XDG_CONFIG_HOME" && $0.key != "NO_COLOR"
    }
    if let folder { variables["HOME"] = folder.path }
    process.environment = variables.merging(environment) { $1 }
    if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder.path) }
    return try Running(process)
  }

  /// Runs a command of the shell, in which `tracezip` is the program: for pipes, redirections and `ulimit`.
  package static func shell(_ script: String, in folder: TemporaryFolder, environment: [String: String] = [:]) throws
    -> Result
  {
    _ = signal(SIGPIPE, SIG_IGN)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["-c", script]
    var variables = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("TRACEZIP_") }
    variables["PATH"] = URL(fileURLWithPath: path).deletingLastPathComponent().path + ":" + (variables["PATH"] ?? "")
    variables["HOME"] = folder.path
    process.environment = variables.merging(environment) { $1 }
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    let running = try Running(process)
    running.feed([])
    return running.finish()
  }
}

/// A program that runs. Its output is read as it comes, so that full pipes stop nobody.
package final class Running: @unchecked Sendable {
  private let process: Process
  private let input = Pipe()
  private let output = Collector()
  private let messages = Collector()

  init(_ process: Process) throws {
    self.process = process
    process.standardInput = input
    process.standardOutput = output.pipe
    process.standardError = messages.pipe
    try process.run()
    output.start()
    messages.start()
  }

  package var identifier: Int32 { process.processIdentifier }
  package var isRunning: Bool { process.isRunning }
  /// What it has written so far.
  package var outputSoFar: [UInt8] { output.bytes }
  package var messagesSoFar: String { String(decoding: messages.bytes, as: UTF8.self) }

  /// Writes to its standard input and leaves that open.
  package func write(_ bytes: [UInt8]) { try? input.fileHandleForWriting.write(contentsOf: Data(bytes)) }

  /// Writes to its standard input and closes that.
  package func feed(_ bytes: [UInt8]) {
    let handle = input.fileHandleForWriting
    if bytes.isEmpty {
      try? handle.close()
      return
    }
    Thread.detachNewThread {
      try? handle.write(contentsOf: Data(bytes))
      try? handle.close()
    }
  }

  package func send(_ signal: Int32) { _ = kill(process.processIdentifier, signal) }

  /// Waits until `condition` holds; false when it did not within `seconds`.
  package func waits(_ seconds: Double = 10, until condition: () -> Bool) -> Bool {
    let end = Date().addingTimeInterval(seconds)
    while Date() < end {
      if condition() { return true }
      usleep(5_000)
    }
    return condition()
  }

  package func finish() -> Tracezip.Result {
    process.waitUntilExit()
    let crashed = process.terminationReason == .uncaughtSignal
    return Tracezip.Result(
      status: process.terminationStatus, signal: crashed ? process.terminationStatus : nil, output: output.finish(),
      messages: String(decoding: messages.finish(), as: UTF8.self))
  }

  private final class Collector: @unchecked Sendable {
    let pipe = Pipe()
    private let lock = NSLock()
    private var collected: [UInt8] = []
    private let done = DispatchSemaphore(value: 0)

    var bytes: [UInt8] { lock.withLock { collected } }

    func start() {
      Thread.detachNewThread { [self] in
        while let piece = try? pipe.fileHandleForReading.read(upToCount: 1 << 16), !piece.isEmpty {
          lock.withLock { collected.append(contentsOf: piece) }
        }
        done.signal()
      }
    }

    func finish() -> [UInt8] {
      done.wait()
      return bytes
    }
  }
}

extension Tracezip {
  /// Runs the program on a terminal of its own: standard input, output and error are one pty. `typed` is typed at once.
  package static func runOnTerminal(
    _ arguments: [String], typed: String = "", in folder: TemporaryFolder, columns: UInt16 = 80,
    environment: [String: String] = [:]
  ) throws -> Result {
    var main: Int32 = -1
    var side: Int32 = -1
    var size = winsize(ws_row: 25, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    guard unsafe openpty(&main, &side, nil, nil, &size) == 0 else {
      throw Failure(description: "no pseudo terminal: errno \(errno)")
    }
    // The program must not inherit our end, or it would never see the terminal hang up.
    _ = fcntl(main, F_SETFD, FD_CLOEXEC)
    _ = fcntl(side, F_SETFD, FD_CLOEXEC)

    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    var variables = ProcessInfo.processInfo.environment.filter {
      !$0.key.hasPrefix("TRACEZIP_") && $0.key != "NO_COLOR"
    }
    variables["HOME"] = folder.path
    variables["TERM"] = "xterm-256color"
    process.environment = variables.merging(environment) { $1 }
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    let handle = FileHandle(fileDescriptor: side, closeOnDealloc: false)
    process.standardInput = handle
    process.standardOutput = handle
    process.standardError = handle
    try process.run()
    _ = close(side)
    if !typed.isEmpty {
      let bytes = Array(typed.utf8)
      _ = unsafe bytes.withUnsafeBytes { unsafe write(main, $0.baseAddress!, $0.count) }
    }
    // Reading ends with an error (EIO) when the last holder of the other side has closed it.
    var seen: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 1 << 14)
    while true {
      let n = unsafe room.withUnsafeMutableBytes { unsafe read(main, $0.baseAddress!, $0.count) }
      if n <= 0 { break }
      seen += room[..<n]
    }
    process.waitUntilExit()
    _ = close(main)
    let crashed = process.terminationReason == .uncaughtSignal
    return Result(
      status: process.terminationStatus, signal: crashed ? process.terminationStatus : nil, output: seen, messages: "")
  }
}
