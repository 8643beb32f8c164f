import Glibc

/// Which files to work on: operands, lists of files, and with `-r` what is inside of folders.
struct InputList {
  enum Item {
    case standardInput
    /// - isFound: met while walking a folder, not named: what does not fit is passed over.
    case file(String, isFound: Bool)
  }

  var items: [Item] = []
  /// What could not be listed.
  var failures: [CommandError] = []

  init(_ options: InputOptions) {
    var names = options.files
    for (list, separator) in [(options.filesFrom, UInt8(0x0A)), (options.files0From, 0)] {
      guard let list else { continue }
      do throws(CommandError) {
        names += try Self.names(in: list, separator: separator)
      } catch {
        failures.append(error)
      }
    }
    if options.files.isEmpty, options.filesFrom == nil, options.files0From == nil { names = ["-"] }
    for name in names {
      if name == "-" {
        items.append(.standardInput)
      } else if options.recursive, FileStatus.following(name)?.isDirectory == true {
        walk(name)
      } else {
        items.append(.file(name, isFound: false))
      }
    }
  }

  private static func names(in list: String, separator: UInt8) throws(CommandError) -> [String] {
    let bytes: [UInt8]
    do {
      bytes = list == "-" ? try readAll(0) : try Descriptor.open(list, O_RDONLY).readAll()
    } catch {
      throw CommandError(list == "-" ? Names.standardInput : list, error)
    }
    return bytes.split(separator: separator).map { PathName.string(Array($0)) }
  }

  /// Regular files below `folder` in the order of their names; symbolic links and special files are passed over.
  private mutating func walk(_ folder: String) {
    guard let names = entries(of: folder) else {
      failures.append(CommandError(folder, SystemError("list")))
      return
    }
    for name in names {
      let path = PathName.join(folder, name)
      guard let status = FileStatus.of(path) else { continue }
      if status.isDirectory {
        walk(path)
      } else if status.isRegular {
        items.append(.file(path, isFound: true))
      }
    }
  }
}

private func entries(of folder: String) -> [String]? {
  guard let directory = unsafe PathName.withSystemPath(folder, { unsafe opendir($0) }) else { return nil }
  defer { unsafe closedir(directory) }
  var names: [[UInt8]] = []
  while let entry = unsafe readdir(directory) {
    let offset = MemoryLayout<dirent>.offset(of: \.d_name)!
    let start = unsafe UnsafeRawPointer(entry) + offset
    let length = unsafe strlen(start.assumingMemoryBound(to: CChar.self))
    let name = unsafe Array(UnsafeRawBufferPointer(start: start, count: length))
    if name != [0x2E], name != [0x2E, 0x2E] { names.append(name) }
  }
  return names.sorted { $0.lexicographicallyPrecedes($1) }.map(PathName.string)
}

/// All that is left to read.
func readAll(_ descriptor: Int32) throws(SystemError) -> [UInt8] {
  var bytes: [UInt8] = []
  while true {
    let piece = try readPiece(descriptor)
    if piece.isEmpty { return bytes }
    bytes += piece
  }
}

/// Some bytes; none at the end.
func readPiece(_ descriptor: Int32, upTo count: Int = 1 << 16) throws(SystemError) -> [UInt8] {
  var piece = [UInt8](repeating: 0, count: count)
  while true {
    let n = unsafe piece.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
    if n >= 0 {
      piece.removeLast(count - n)
      return piece
    }
    if errno != EINTR { throw SystemError("read") }
  }
}
