import Tracezip

/// An archive that `list`, `stats` and `verify` look into: a file, or all of standard input.
struct ReadableArchive {
  let name: String
  let reader: ArchiveReader
  /// Keeps the file open that the reader may know by its number.
  private let file: InputFile

  /// Reading harms nothing: symbolic links and pipes are as good as files here. What was met while walking a folder
  /// and is no archive is passed over: nil.
  static func open(_ item: InputList.Item) throws(CommandError) -> ReadableArchive? {
    switch item {
    case .standardInput:
      if Terminal.isTerminal(0) {
        throw CommandError(
          Names.standardInput, "is a terminal, and no archive comes from there", advice: "name an archive")
      }
      return try ReadableArchive(.standardInput())
    case .file(let path, let isFound):
      let file = try InputFile(path: path, force: true, acceptsPipes: true)
      if isFound, try !file.isArchive() { return nil }
      return try ReadableArchive(file)
    }
  }

  private init(_ file: InputFile) throws(CommandError) {
    self.file = file
    name = file.name
    if try !file.isArchive() { throw CommandError.notAnArchive(file.name) }
    if let path = file.path, file.status?.isRegular == true {
      // The library opens by name, and a Swift string cannot hold every name; the open file has a name that it can.
      let plain = path.unicodeScalars.contains(where: PathName.isEscape) ? "/proc/self/fd/\(file.number)" : path
      reader = try telling(input: name, output: "") { () throws(TracezipError) in try ArchiveReader(path: plain) }
    } else {
      let bytes: [UInt8]
      do {
        bytes = file.head + (try readAll(file.number))
      } catch {
        throw CommandError(file.name, error)
      }
      reader = try telling(input: name, output: "") { () throws(TracezipError) in try ArchiveReader(bytes) }
    }
  }

  func told<R>(_ work: (ArchiveReader) throws(TracezipError) -> R) throws(CommandError) -> R {
    try telling(input: name, output: Names.standardOutput) { () throws(TracezipError) in try work(reader) }
  }
}
