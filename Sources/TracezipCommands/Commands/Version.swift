import ArgumentParser

/// The program's own version.
let programVersion = "0.1.0"

struct Version: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", _superCommandName: "tracezip",
    abstract: "Tell the program's version and the formats it knows.")

  @Flag(help: "As JSON.")
  var json = false

  func run() throws {
    let read = Formats.read.map { JSONValue.int($0) }
    if json {
      let value = JSONValue.object([
        ("schemaVersion", 1), ("command", "version"), ("version", .string(programVersion)),
        (
          "format",
          .object([("reads", .array(read)), ("writes", .int(Formats.written)), ("magic", "54525ab1")])
        ),
      ])
      try writeToStandardOutput(value.text + "\n")
    } else {
      let reads = Formats.read.map(String.init).joined(separator: ", ")
      try writeToStandardOutput(
        "tracezip \(programVersion)\nreads archives of format version \(reads), writes version \(Formats.written)\n")
    }
  }
}

/// Versions of the archive format.
enum Formats {
  static let read = [1]
  static let written = 1
}
