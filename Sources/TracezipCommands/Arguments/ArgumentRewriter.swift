/// Turns what fingers type into what the argument parser reads.
///
/// - The bare command: `tracezip FILE` is `tracezip compress FILE`, and `-d`, `-t`, `-l` choose the other commands.
/// - Clusters: `-dcf` is `-d -c -f`; `-19` is `--level 19` (a parser reads `-1 -9`); `-T4` is `-T 4`.
/// - Names: called as `untracezip` it decompresses, as `trzcat` it does so to standard output (`cat`).
///
/// It knows which options take a value only to leave the values alone; a test compares with what the parser knows. The
/// lists are short, and a set's type would have to be made at start.
struct ArgumentRewriter {
  static let commands = [
    "compress", "decompress", "cat", "verify", "stats", "list", "bench", "version", "help",
  ]
  static let shortWithValue: [Character] = ["o", "T", "M"]
  static let longWithValue = [
    "--output", "--output-dir", "--files-from", "--files0-from", "--threads", "--memory", "--level", "--codec",
    "--without", "--input-format", "--config", "--block-size", "--segment-size", "--against", "--format", "--html",
    "--generate-completion-script", "--to", "--flush-interval", "--batch-spans", "--spans", "--seed", "--runs",
    "--limit",
  ]
  /// What the bare command answers itself.
  private static let atRoot = [
    "--help", "-h", "--version", "-V", "--generate-completion-script", "--experimental-dump-help",
  ]
  private static let modes: [String: String] = [
    "-d": "decompress", "--decompress": "decompress", "--uncompress": "decompress",
    "-t": "verify", "--test": "verify",
    "-l": "list", "--list": "list",
    "-z": "compress", "--compress": "compress",
  ]

  /// - Parameters:
  ///   - name: what the program was called by.
  ///   - arguments: what followed.
  static func rewrite(name: String, _ arguments: [String]) -> [String] {
    switch name {
    case "untracezip": return ["decompress"] + expand(arguments)
    case "trzcat": return ["cat"] + expand(arguments).filter { $0 != "-c" && $0 != "--stdout" }
    default: break
    }
    if let first = arguments.first {
      if commands.contains(first) { return [first] + expand(Array(arguments.dropFirst())) }
      if let option = first.split(separator: "=", maxSplits: 1).first, atRoot.contains(String(option)) {
        return arguments
      }
      // The shell's completion asks so.
      if first.hasPrefix("---") { return arguments }
    }
    var mode = "compress"
    var rest: [String] = []
    var isOperand = false
    var isValue = false
    for argument in expand(arguments) {
      if !isOperand, !isValue, let chosen = modes[argument] {
        mode = chosen
        continue
      }
      if !isOperand, !isValue, argument == "--" { isOperand = true }
      isValue = !isOperand && !isValue && takesValue(argument)
      rest.append(argument)
    }
    // gzip, xz and zstd take these with every mode; the commands that only read have no use for them.
    if mode == "verify" || mode == "list" {
      let idle = ["-c", "--stdout", "-k", "--keep", "-f", "--force"]
      let end = rest.firstIndex(of: "--") ?? rest.count
      rest = rest[..<end].filter { !idle.contains($0) } + rest[end...]
    }
    return [mode] + rest
  }

  private static func takesValue(_ argument: String) -> Bool {
    if argument.hasPrefix("--") { return longWithValue.contains(argument) }
    return argument.count == 2 && argument.first == "-" && shortWithValue.contains(argument.last!)
  }

  /// Takes clusters of short options apart.
  private static func expand(_ arguments: [String]) -> [String] {
    var expanded: [String] = []
    var at = 0
    while at < arguments.count {
      let argument = arguments[at]
      at += 1
      if argument == "--" {
        expanded += arguments[(at - 1)...]
        break
      }
      guard argument.hasPrefix("-"), !argument.hasPrefix("--"), argument != "-" else {
        expanded.append(argument)
        if longWithValue.contains(argument), at < arguments.count {
          expanded.append(arguments[at])
          at += 1
        }
        continue
      }
      var letters = argument.dropFirst()
      while let letter = letters.popFirst() {
        if letter.isASCII, letter.isNumber {
          var digits = String(letter)
          while let next = letters.first, next.isASCII, next.isNumber { digits.append(letters.removeFirst()) }
          expanded.append("--level=\(digits)")
        } else if shortWithValue.contains(letter) {
          expanded.append("-\(letter)")
          if !letters.isEmpty {
            expanded.append(String(letters.first == "=" ? letters.dropFirst() : letters))
          } else if at < arguments.count {
            expanded.append(arguments[at])
            at += 1
          }
          letters = ""
        } else {
          expanded.append("-\(letter)")
        }
      }
    }
    return expanded
  }
}
