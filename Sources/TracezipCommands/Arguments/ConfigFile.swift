import Glibc

/// A file of settings: one `key = value` a line, `#` begins a comment.
///
/// A key that is not known is an error, so that a slip of the pen does not silently do nothing; so is a value that its
/// setting cannot take.
struct ConfigFile {
  let path: String
  let values: [String: String]

  /// The file named by `--config`, else `$XDG_CONFIG_HOME/tracezip/config` (by default `~/.config`), if it exists.
  static func find(_ named: String?) throws(CommandError) -> ConfigFile? {
    if let named { return try ConfigFile(named) }
    let base: String
    if let folder = Terminal.environment("XDG_CONFIG_HOME"), folder.hasPrefix("/") {
      base = folder
    } else if let home = Terminal.environment("HOME"), !home.isEmpty {
      base = PathName.join(home, ".config")
    } else {
      return nil
    }
    let path = PathName.join(base, "tracezip/config")
    return FileStatus.following(path) == nil ? nil : try ConfigFile(path)
  }

  init(_ path: String) throws(CommandError) {
    self.path = path
    let bytes: [UInt8]
    do {
      bytes = try Descriptor.open(path, O_RDONLY).readAll()
    } catch {
      throw CommandError(path, error)
    }
    var values: [String: String] = [:]
    for (index, line) in String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
      .enumerated()
    {
      let text = line.prefix { $0 != "#" }.trimmed
      if text.isEmpty { continue }
      guard let equals = text.firstIndex(of: "=") else {
        throw CommandError(path, "line \(index + 1): not of the form key = value: \(text)", status: .usage)
      }
      let key = String(text[..<equals].trimmed)
      let value = String(text[text.index(after: equals)...].trimmed)
      guard let setting = Setting.all[key] else {
        throw CommandError(
          path, "line \(index + 1): unknown setting \(key)",
          advice: "settings are " + Setting.all.keys.sorted().joined(separator: ", "), status: .usage)
      }
      guard setting.accepts(value) else {
        throw CommandError(path, "line \(index + 1): \(key) cannot be \(value)", status: .usage)
      }
      values[key] = value
    }
    self.values = values
  }
}

extension Substring {
  fileprivate var trimmed: Substring {
    var text = self
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return text
  }
}
