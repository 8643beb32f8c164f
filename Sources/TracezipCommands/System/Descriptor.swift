import Glibc

/// A failed call to the system: which and why.
struct SystemError: Error {
  var operation: String
  var errno: Int32

  init(_ operation: String, _ number: Int32 = Glibc.errno) {
    self.operation = operation
    self.errno = number
  }

  /// The system's words for an error number.
  static func words(_ number: Int32) -> String {
    var text = [CChar](repeating: 0, count: 256)
    guard unsafe strerror_r(number, &text, text.count) == 0 else { return "error \(number)" }
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

/// An open file that closes itself.
final class Descriptor {
  let number: Int32
  private var isOpen = true

  init(owning number: Int32) { self.number = number }

  /// Opens `path`; never becomes a child's, never takes a terminal over.
  static func open(_ path: String, _ flags: Int32, mode: mode_t = 0) throws(SystemError) -> Descriptor {
    while true {
      let number = unsafe PathName.withSystemPath(path) { unsafe Glibc.open($0, flags | O_CLOEXEC | O_NOCTTY, mode) }
      if number >= 0 { return Descriptor(owning: number) }
      if errno != EINTR { throw SystemError("open") }
    }
  }

  /// All that is left to read. A method, because it keeps the descriptor open while it reads; its bare number does not.
  func readAll() throws(SystemError) -> [UInt8] { try TracezipCommands.readAll(number) }

  /// Closing can be where a network file system tells of a full disk.
  func close() throws(SystemError) {
    guard isOpen else { return }
    isOpen = false
    if Glibc.close(number) != 0, errno != EINTR { throw SystemError("close") }
  }

  deinit { if isOpen { _ = Glibc.close(number) } }
}

extension timespec {
  static func == (a: timespec, b: timespec) -> Bool { a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec }
}

/// What a file is, as far as we ask.
struct FileStatus {
  var device: UInt64
  var inode: UInt64
  var mode: mode_t
  var owner: uid_t
  var group: gid_t
  var size: Int
  var accessed: timespec
  var modified: timespec

  private init(_ status: stat) {
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    mode = status.st_mode
    owner = status.st_uid
    group = status.st_gid
    size = Int(status.st_size)
    accessed = status.st_atim
    modified = status.st_mtim
  }

  /// Of the file behind symbolic links; nil if there is none.
  static func following(_ path: String) -> FileStatus? {
    var status = stat()
    return unsafe PathName.withSystemPath(path) { unsafe stat($0, &status) } == 0 ? FileStatus(status) : nil
  }

  /// Of the name itself, be it a symbolic link; nil if there is none.
  static func of(_ path: String) -> FileStatus? {
    var status = stat()
    return unsafe PathName.withSystemPath(path) { unsafe lstat($0, &status) } == 0 ? FileStatus(status) : nil
  }

  static func of(descriptor: Int32) -> FileStatus? {
    var status = stat()
    return unsafe fstat(descriptor, &status) == 0 ? FileStatus(status) : nil
  }

  var kind: mode_t { mode & S_IFMT }
  var isRegular: Bool { kind == S_IFREG }
  var isDirectory: Bool { kind == S_IFDIR }
  var isLink: Bool { kind == S_IFLNK }
  var isPipe: Bool { kind == S_IFIFO }

  /// Whether both are one and the same file, whatever its names.
  func isSame(as other: FileStatus) -> Bool { device == other.device && inode == other.inode }
}
