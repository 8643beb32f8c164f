import ArgumentParser
import Glibc

/// The command with its subcommands, for the argument parser.
struct TracezipCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tracezip",
    abstract: "Archive OpenTelemetry traces, byte for byte.",
    usage: """
      tracezip [-dtlcfkqvr] [-1 … -19] [-T n] [-o file] [file ...]
      tracezip <command> [options] [file ...]
      """,
    discussion: """
      Without a command it compresses, as gzip, xz and zstd do; -d decompresses, -t verifies, -l lists. \
      Without a file it works on standard input and output, so that tar -I tracezip works.
      """,
    version: programVersion,
    subcommands: [
      Compress.self, Decompress.self, Cat.self, Verify.self, Stats.self, List.self, Bench.self, Version.self,
    ])
}

/// The whole program, but for its one line of `main`.
public enum Tool {
  public static func main() -> Never {
    let arguments = commandLine()
    // Before anything else is set up: what scripts ask most shall cost the least.
    if arguments.dropFirst() == ["--version"] || arguments.dropFirst() == ["-V"] {
      end(with: { () throws(CommandError) in try writeToStandardOutput("tracezip \(programVersion)\n") })
    }
    Heap.prepare()
    occupyStandardDescriptors()
    Signals.install()
    let name = PathName.last(arguments.first ?? "tracezip")
    run(ArgumentRewriter.rewrite(name: name, Array(arguments.dropFirst())))
  }

  private static func run(_ arguments: [String]) -> Never {
    do {
      var command = try parse(arguments)
      try command.run()
      exit(ExitStatus.success.rawValue)
    } catch let error as CommandError {
      Console().error(error)
      exit(error.status.rawValue)
    } catch let code as ExitCode {
      exit(code.rawValue)
    } catch {
      let message = TracezipCommand.fullMessage(for: error, columns: min(100, Terminal.width(2)))
      if TracezipCommand.exitCode(for: error) == .success {
        // Help, or a completion script: what was asked for.
        end(with: { () throws(CommandError) in try writeToStandardOutput(message + "\n") })
      }
      complain(TracezipCommand.message(for: error), arguments)
    }
  }

  /// The command itself is asked first: setting up all of its siblings takes as long again, and one that says what it is
  /// part of is not asked for a completion script. What it does not take, such as `--help`, is for the whole family.
  private static func parse(_ arguments: [String]) throws -> any ParsableCommand {
    if let plain = PlainCall.command(arguments) { return plain }
    let command = TracezipCommand.configuration.subcommands.first { $0.configuration.commandName == arguments.first }
    if let parsed = try? command?.parseAsRoot(Array(arguments.dropFirst())) { return parsed }
    return try TracezipCommand.parseAsRoot(arguments)
  }

  /// A wrong call, in the same voice as every other error.
  private static func complain(_ message: String, _ arguments: [String]) -> Never {
    let command = arguments.first.map { ArgumentRewriter.commands.contains($0) ? " \($0)" : "" } ?? ""
    // Possible values come as a list of lines: an error is one line.
    let lines = message.split(separator: "\n").map { line in
      let text = line.drop { $0 == " " }
      return text.hasPrefix("- ") ? text.dropFirst(2) : text
    }
    var text = ([String(lines.first ?? "")] + (lines.count > 1 ? [lines.dropFirst().joined(separator: ", ")] : []))
      .joined(separator: " ")
    while text.hasSuffix(".") || text.hasSuffix("\n") { text.removeLast() }
    if let first = text.first, first.isUppercase { text = first.lowercased() + text.dropFirst() }
    Console().error(
      CommandError(nil, text, advice: "tracezip\(command) --help tells what there is", status: .usage))
    exit(ExitStatus.usage.rawValue)
  }

  private static func end(with write: () throws(CommandError) -> Void) -> Never {
    do {
      try write()
      _exit(ExitStatus.success.rawValue)
    } catch {
      Console().error(error)
      _exit(error.status.rawValue)
    }
  }

  /// The arguments as bytes made them: `CommandLine.arguments` would repair what is not UTF-8, and such a file would
  /// never be found.
  private static func commandLine() -> [String] {
    let values = unsafe CommandLine.unsafeArgv
    return (0..<Int(CommandLine.argc)).compactMap { index in
      guard let value = unsafe values[index] else { return nil }
      let length = unsafe strlen(value)
      return unsafe value.withMemoryRebound(to: UInt8.self, capacity: length) {
        PathName.string(unsafe Array(UnsafeBufferPointer(start: $0, count: length)))
      }
    }
  }
}
