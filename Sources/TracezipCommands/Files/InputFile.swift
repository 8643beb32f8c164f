import Glibc
import Tracezip

/// Something to read: a file opened by the rules, or standard input.
final class InputFile {
  /// As messages call it.
  let name: String
  /// nil: standard input.
  let path: String?
  let status: FileStatus?
  private let descriptor: Descriptor?
  /// What was read ahead to see what it is.
  private(set) var head: [UInt8] = []
  private var consumed = 0
  /// Where reading began: standard input may be in the middle of a file.
  private lazy var start = lseek(number, 0, SEEK_CUR)

  var number: Int32 { descriptor?.number ?? 0 }

  static func standardInput() -> InputFile { InputFile() }

  private init() {
    name = Names.standardInput
    path = nil
    descriptor = nil
    status = FileStatus.of(descriptor: 0)
  }

  /// - Parameters:
  ///   - force: also symbolic links and special files.
  ///   - acceptsPipes: pipes too, such as a shell's `<(command)`: where the result does not take the file's place.
  init(path: String, force: Bool, acceptsPipes: Bool) throws(CommandError) {
    guard let found = FileStatus.of(path) else { throw CommandError(path, SystemError("open")) }
    let target = found.isLink ? FileStatus.following(path) : found
    let isPipe = acceptsPipes && target?.isPipe == true
    if found.isDirectory || target?.isDirectory == true {
      throw CommandError(path, "is a directory", advice: "-r works on the files in it")
    }
    if !force, !isPipe {
      if found.isLink { throw CommandError(path, "is a symbolic link", advice: "-f follows it") }
      if !found.isRegular { throw CommandError(path, "is not a regular file", advice: "-f reads it") }
    }
    do {
      descriptor = try Descriptor.open(path, O_RDONLY | (force || isPipe ? 0 : O_NOFOLLOW))
    } catch {
      throw CommandError(path, error)
    }
    guard let opened = FileStatus.of(descriptor: descriptor!.number) else {
      throw CommandError(path, SystemError("look at"))
    }
    if opened.isDirectory { throw CommandError(path, "is a directory", advice: "-r works on the files in it") }
    name = path
    self.path = path
    status = opened
  }

  /// What archives are restored from; nil for what was met in a folder and is none.
  static func archive(_ item: InputList.Item, force: Bool, acceptsPipes: Bool) throws(CommandError) -> InputFile? {
    switch item {
    case .standardInput:
      if !force, Terminal.isTerminal(0) {
        throw CommandError(
          Names.standardInput, "is a terminal, and no archive comes from there", advice: "-f reads it")
      }
      return .standardInput()
    case .file(let path, let isFound):
      let file = try InputFile(path: path, force: force, acceptsPipes: acceptsPipes)
      if isFound, try !file.isArchive() { return nil }
      return file
    }
  }

  /// Reads ahead until `count` bytes are known or the file ends.
  func peek(_ count: Int) throws(CommandError) -> [UInt8] {
    _ = start
    do {
      while head.count < count {
        let piece = try readPiece(number, upTo: count - head.count)
        if piece.isEmpty { break }
        head += piece
      }
    } catch {
      throw CommandError(name, error)
    }
    return head
  }

  func isArchive() throws(CommandError) -> Bool { TraceDecompressor.isArchive(try peek(5)) }

  /// All bytes, those read ahead first.
  var source: ByteSource {
    let position = status?.isRegular == true ? Int(lseek(number, 0, SEEK_CUR)) : -1
    let size = position < 0 ? nil : max(0, (status?.size ?? 0) - position) + head.count
    var source = unsafe ByteSource(size: size) { (room) throws(TracezipError) in try unsafe self.fill(room) }
    if size == nil {
      ByteSource.widenPipe(number)
      source.isReady = isReady
    } else {
      unsafe source.reread = ByteSource.rereading(number, from: position - head.count)
    }
    return source
  }

  /// Whether reading on would not wait longer than so many seconds.
  func isReady(within seconds: Double) -> Bool {
    consumed < head.count || ByteSource.isReadable(number, within: seconds)
  }

  /// Reads on, into the front of `room`; 0 at the end.
  @unsafe
  func fill(_ room: UnsafeMutableRawBufferPointer) throws(TracezipError) -> Int {
    if consumed < head.count {
      let n = min(room.count, head.count - consumed)
      for i in 0..<n { unsafe room[i] = head[consumed + i] }
      consumed += n
      return n
    }
    while true {
      let n = unsafe read(number, room.baseAddress, room.count)
      if n >= 0 { return n }
      if errno != EINTR { throw TracezipError(.io(operation: "read", errno: errno)) }
    }
  }

  /// Whether reading can begin anew.
  var isSeekable: Bool { status?.isRegular == true && lseek(number, 0, SEEK_CUR) >= 0 }

  /// Begins anew.
  func rewind() throws(CommandError) {
    if lseek(number, start, SEEK_SET) < 0 { throw CommandError(name, SystemError("rewind")) }
    head = []
    consumed = 0
  }

  /// Removes the file, if its name still stands for what was read: a log that has grown since is kept.
  func remove() throws(CommandError) {
    guard let path, let status else { return }
    guard let now = FileStatus.of(path), now.isSame(as: status) else {
      throw CommandError(path, "was replaced meanwhile, and is kept")
    }
    guard now.size == status.size, now.modified == status.modified else {
      throw CommandError(path, "was changed meanwhile, and is kept")
    }
    if unsafe PathName.withSystemPath(path, { unsafe unlink($0) }) != 0 {
      throw CommandError(path, SystemError("remove"))
    }
  }
}
