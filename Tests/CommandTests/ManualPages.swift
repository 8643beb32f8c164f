import Foundation

/// The pages of section 1, made from what the argument parser knows (`--experimental-dump-help`) and a few paragraphs
/// that it cannot know. In man(7) macros, which every man program reads.
enum ManualPages {
  /// As much of the parser's dump as a page needs.
  struct Dump: Decodable {
    var command: Command
  }

  struct Command: Decodable {
    var commandName: String
    var abstract: String?
    var discussion: String?
    var subcommands: [Command]?
    var arguments: [Argument]?
    var shouldDisplay: Bool?
  }

  struct Argument: Decodable {
    struct Name: Decodable {
      var kind: String
      var name: String
      var text: String { kind == "long" ? "--\(name)" : "-\(name)" }
    }
    var kind: String
    var shouldDisplay: Bool
    var isRepeating: Bool
    var names: [Name]?
    var valueName: String?
    var allValues: [String]?
    var abstract: String?
    var discussion: String?
  }

  /// File name and text of every page.
  static func pages(_ dump: Dump, settings: [String], version: String) -> [String: String] {
    let commands = (dump.command.subcommands ?? []).filter { $0.commandName != "help" }
    var pages = ["tracezip.1": overview(dump.command, commands, settings, version)]
    for command in commands { pages["tracezip-\(command.commandName).1"] = page(command, version) }
    return pages
  }

  private static func page(_ command: Command, _ version: String) -> String {
    let name = "tracezip-\(command.commandName)"
    let arguments = (command.arguments ?? []).filter(\.shouldDisplay)
    var text = head(name, version)
    text += ".SH NAME\n\(escaped(name)) \\- \(escaped(ended(command.abstract ?? "", false)))\n"
    text += ".SH SYNOPSIS\n.B tracezip \(command.commandName)\n.RI [ options ]"
    text += arguments.contains { $0.kind == "positional" } ? " [ file \" ...]\"\n" : "\n"
    text += ".SH DESCRIPTION\n" + paragraphs(command.discussion ?? command.abstract ?? "")
    text += ".SH OPTIONS\n" + arguments.filter { $0.kind != "positional" }.map(option).joined()
    if let more = extra[command.commandName] { text += more }
    text += """
      .SH EXIT STATUS
      As told in
      .BR tracezip (1).
      .SH SEE ALSO
      .BR tracezip (1),
      .BR tracezip (5)

      """
    return text
  }

  private static func overview(
    _ root: Command, _ commands: [Command], _ settings: [String], _ version: String
  ) -> String {
    var text = head("tracezip", version)
    text += ".SH NAME\ntracezip, untracezip, trzcat \\- \(escaped(ended(root.abstract ?? "", false)))\n"
    text += """
      .SH SYNOPSIS
      .B tracezip
      .RB [ \\-dtlcfkqvr ]
      .RB [ \\-1 " ... " \\-19 ]
      .RB [ \\-T
      .IR n ]
      .RB [ \\-o
      .IR file ]
      .RI [ file " ...]"
      .br
      .B tracezip
      .I command
      .RI [ options ]
      .RI [ file " ...]"
      .br
      .B untracezip
      .RI [ options ]
      .RI [ file " ...]"
      .br
      .B trzcat
      .RI [ file " ...]"
      .SH DESCRIPTION
      .B tracezip
      archives OpenTelemetry traces (OTLP, protobuf or JSON, in any framing) and gives them back byte for byte.
      What is not OTLP is archived all the same, only less tightly.
      .PP
      Without a command it compresses, as
      .BR gzip (1),
      .BR xz (1)
      and
      .BR zstd (1)
      do:
      .I file
      becomes
      .IR file .trz
      and is kept.
      Without a file, or with
      .BR \\- ,
      it reads standard input and writes standard output.
      .SH COMMANDS

      """
    for command in commands {
      text += ".TP\n.BR tracezip\\-\(command.commandName) (1)\n\(escaped(command.abstract ?? ""))\n"
    }
    text += """
      .SH OPTIONS
      Without a command, these choose one; all other options are that command's.
      .TP
      .BR \\-d ", " \\-\\-decompress
      As
      .BR "tracezip decompress" .
      .TP
      .BR \\-t ", " \\-\\-test
      As
      .BR "tracezip verify" .
      .TP
      .BR \\-l ", " \\-\\-list
      As
      .BR "tracezip list" .
      .TP
      .BR \\-z ", " \\-\\-compress
      As
      .BR "tracezip compress" ,
      which is the default.
      .TP
      .BR \\-\\-version ", " \\-V
      Tell the version.
      .TP
      .BR \\-\\-help ", " \\-h
      Tell what there is.
      .TP
      .BR \\-\\-generate\\-completion\\-script " \\fIshell\\fR"
      Write a completion script for bash, zsh or fish.
      .PP
      Called as
      .BR untracezip ,
      the program decompresses; called as
      .BR trzcat ,
      it does so to standard output.
      .SH EXIT STATUS
      .TP
      .B 0
      All is well.
      .TP
      .B 1
      An error; what could be done was done.
      .TP
      .B 2
      Everything was done, with a warning.
      .TP
      .B 3
      An archive is damaged.
      .TP
      .B 64
      The command line, the environment or the config file is wrong.
      .PP
      A program ended by a signal ends by that signal, with no half-written file left behind.
      .SH ENVIRONMENT
      .TP
      .B TRACEZIP_LEVEL
      The level, 1 to 19.
      .TP
      .B TRACEZIP_THREADS
      The number of threads; 0 is one for each core, up to four, and to compress what comes from a
      pipe up to two, since each more takes the memory of a segment.
      .TP
      .B NO_COLOR
      If not empty, nothing is shown in colour.
      .PP
      What the command line says goes before the environment, the environment before the config file.
      .SH FILES
      .TP
      .I $XDG_CONFIG_HOME/tracezip/config
      Settings, by default in
      .IR ~/.config .
      One
      .IB key " = " value
      a line;
      .B #
      begins a comment. The keys are
      \(settings.map { ".BR \(escaped($0))" }.joined(separator: " ,\n")) .
      .SH EXAMPLES
      Archive a capture, look at what is inside, restore it:
      .PP
      .EX
      tracezip traces.jsonl
      tracezip \\-l traces.jsonl.trz
      tracezip \\-dc traces.jsonl.trz | cmp \\- traces.jsonl
      .EE
      .PP
      Files of a collector, once a day, each removed when its archive is on the disk:
      .PP
      .EX
      find /var/lib/otel \\-name '*.json' \\-mmin +60 \\-print0 | tracezip \\-\\-files0\\-from \\- \\-\\-rm
      .EE
      .PP
      With
      .BR tar (1)
      and over
      .BR ssh (1):
      .PP
      .EX
      tar \\-I tracezip \\-cf captures.tar.trz captures/
      ssh host cat /var/lib/otel/traces.jsonl | tracezip > traces.jsonl.trz
      .EE
      .SH SEE ALSO

      """
    text += commands.map { ".BR tracezip\\-\($0.commandName) (1),\n" }.joined()
    text += ".BR tracezip (5)\n"
    return text
  }

  private static let extra = [
    "compress": """
    .SH NOTES
    The archive of a gzip, zstd or lz4 file holds what is inside: a compressed file cannot be made again bit for bit from
    its contents. Compressing says so, and drops the suffix from the name.
    .B \\-\\-no\\-unwrap
    archives such a file as it is.
    .PP
    Before
    .B \\-\\-rm
    removes a file, and with
    .BR \\-\\-verify ,
    the archive is restored and compared with the file byte for byte (what came through a pipe: by checksums). A file that
    has changed since it was read, such as a log that grew, is an error and stays.
    .PP
    The bytes of an archive do not depend on the number of threads. One thread does all the work, while another reads
    and writes. Two share a segment: one takes the input apart and writes what the other codes. More work on segments
    side by side, which takes more memory, where there is more than one.
    .PP
    From a pipe a block is written when it is full, though nothing more has come; with
    .B \\-\\-flush\\-interval
    also when it has waited so long. A pipe is made to hold a megabyte where the system allows that, so that whoever
    writes to it need not wait for each block.

    """,
    "decompress": """
    .SH NOTES
    From a pipe each block is restored and written when it has come, before the next one has. With two threads one decodes
    what the other restores from it, and writes; more work on segments side by side.
    A pipe is made to hold a megabyte where the system allows that: whoever reads from it need not keep up with each block.

    """,
    "cat": """
    .SH NOTES
    How a capture is framed is told from its first bytes. Where archives of differently framed captures were put into one
    file with
    .BR cat (1),
    only those framed as the first can be converted; the rest is left out, with a warning.

    """,
    "bench": """
    .SH NOTES
    The JSON has a
    .B schemaVersion
    of 1 and, for each size, in
    .BR batches ,
    .BR batchSpans ,
    .BR batches ,
    .B inputBytes
    (the protobuf of the batches),
    .BR archiveBytes ,
    .BR zstd3Bytes ,
    .B compressMicrosPerBatchMedian
    and
    .B decompressMicrosPerBatchMedian
    with P90, P99 and Max beside them. Without
    .B \\-\\-batch\\-spans
    there are
    .BR levels ,
    .BR peers ,
    .B stages
    and
    .B duplicates
    too. Spans of a capture are put into batches with the resource and scope that each stands in. Shares of duplicates
    are made from its first 50,000 spans, each repetition one of the last 64 spans again.

    """,
    "stats": """
    .SH NOTES
    .B before
    is what values take in the capture, with their keys, tags and punctuation. The bytes of a column are those that its
    values were read from while decoding, and those of the text that its new strings take. Services, span names and
    templates have the bytes of their spans, with events and links: what a template's column costs is shared out evenly
    over its rows, structure and times evenly over the spans, ids over those who drew them; a string is charged to the
    record that first has it. What no service can be charged with (skeletons, the container) is
    .BR "in common" .
    Small figures are rounded, since values may take less than a byte.
    .PP
    .B distinct
    is exact up to 16384 values that differ; beyond that it is an estimate about one per cent off.
    .PP
    A column's codec is the one that took the most of its bytes, and how its text is laid out. Columns that are left out
    of the archive because they follow from others are not told apart from cheap ones. Stored ids are by the generator that
    drew them, as far as one was found;
    .B before
    is what they take as plain bytes. Archives that are damaged have no statistics.
    .PP
    The JSON has a
    .B schemaVersion
    of 1. Names in it stay as they are; new ones may come.

    """,
  ]

  // MARK: roff

  private static func head(_ name: String, _ version: String) -> String {
    """
    .\\" Made from the program itself: TRACEZIP_UPDATE_MANUALS=1 swift test --filter Manual
    .TH \(escaped(name.uppercased())) 1 "" "tracezip \(version)" "User Commands"

    """
  }

  private static func option(_ argument: Argument) -> String {
    let short = (argument.names ?? []).filter { $0.kind != "long" }
    let long = (argument.names ?? []).filter { $0.kind == "long" }
    let names = (short + long).map { "\\fB\(escaped($0.text))\\fR" }.joined(separator: ", ")
    let value = argument.kind == "option" ? " \\fI\(escaped(argument.valueName ?? "value"))\\fR" : ""
    var text = ".TP\n\(names)\(value)\n\(escaped(argument.abstract ?? ""))\n"
    if let values = argument.allValues, !values.isEmpty {
      text += "One of " + values.map { "\\fB\(escaped($0))\\fR" }.joined(separator: ", ") + ".\n"
    }
    return text
  }

  private static func paragraphs(_ text: String) -> String {
    text.components(separatedBy: "\n\n").map { escaped($0) + "\n" }.joined(separator: ".PP\n")
  }

  private static func ended(_ text: String, _ withPoint: Bool) -> String {
    !withPoint && text.hasSuffix(".") ? String(text.dropLast()) : text
  }

  /// A hyphen is a minus sign here, since options are to be copied; a point that begins a line is no request.
  private static func escaped(_ text: String) -> String {
    let plain = text.replacingOccurrences(of: "\\", with: "\\e").replacingOccurrences(of: "-", with: "\\-")
    return plain.hasPrefix(".") || plain.hasPrefix("'") ? "\\&" + plain : plain
  }
}
