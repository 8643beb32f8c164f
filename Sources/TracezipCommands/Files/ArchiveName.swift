import Tracezip

/// How archives and what is restored from them are called.
enum ArchiveName {
  static let suffix = ".trz"

  static func archive(of name: String) -> String { name + suffix }

  /// - Throws: where the suffix does not tell.
  static func restored(from name: String) throws(CommandError) -> String {
    guard name.hasSuffix(suffix), name.count > suffix.count else {
      throw CommandError(name, "has no suffix \(suffix) to take off for the name of the result", advice: "give -o FILE")
    }
    return String(name.dropLast(suffix.count))
  }
}
