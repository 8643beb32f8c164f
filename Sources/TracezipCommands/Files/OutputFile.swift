import Glibc
import Tracezip

/// A file that appears under its name only when it is whole.
///
/// The bytes go to a temporary file in the same folder, created for its owner alone (0600); `commit` gives it mode,
/// owner and times of the source, writes it to the disk and renames it. Anything that goes wrong before, a signal
/// included, removes it, and what was there under the name stays as it was.
final class OutputFile {
  let path: String
  let descriptor: Descriptor
  private let temporary: String?
  private let replaces: Bool
  private var isDone = false

  /// - Parameter replaces: whether a file of that name may be replaced.
  init(path: String, replaces: Bool) throws(CommandError) {
    let existing = FileStatus.following(path)
    if let existing, existing.isDirectory {
      throw CommandError(path, "is a directory", advice: "give a file name, or --output-dir")
    }
    if let existing, !existing.isRegular {
      // A device or a pipe is written to as it is: nothing to rename, no mode to change.
      self.path = path
      temporary = nil
      self.replaces = true
      do {
        descriptor = try Descriptor.open(path, O_WRONLY)
      } catch {
        throw CommandError(path, error)
      }
      return
    }
    // Through a symbolic link the file behind it is replaced, as a shell's redirection does.
    let target = existing != nil && FileStatus.of(path)?.isLink == true ? (realPath(path) ?? path) : path
    let name = PathName.join(PathName.folder(target), ".tracezip-" + hex(randomNumber(), digits: 16))
    Signals.doom(name)
    do {
      descriptor = try Descriptor.open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
    } catch {
      Signals.spare()
      throw CommandError(path, SystemError("create", error.errno))
    }
    self.path = target
    temporary = name
    self.replaces = replaces
  }

  /// How much has been written; nil for a device or a pipe, which cannot be read again.
  var size: Int? { temporary == nil ? nil : FileStatus.of(descriptor: descriptor.number)?.size }

  /// What has been written from `start` on, to be read again; nil for a device or a pipe.
  func written(from start: Int) -> ByteSource? {
    guard let size else { return nil }
    var at = start
    return unsafe ByteSource(size: size - start) { [self] (room) throws(TracezipError) in
      while true {
        let n = unsafe pread(descriptor.number, room.baseAddress, room.count, off_t(at))
        if n >= 0 {
          at += n
          return n
        }
        if errno != EINTR { throw TracezipError(.io(operation: "read", errno: errno)) }
      }
    }
  }

  /// Puts the file in its place.
  /// - Parameter lasts: its name shall be on the disk, too, since what it was made of goes.
  /// - Returns: what of the source it could not be given, if anything: a reason to warn, not to fail.
  @discardableResult
  func commit(like source: FileStatus?, lasts: Bool = false) throws(CommandError) -> String? {
    guard let temporary else {
      do { try descriptor.close() } catch { throw CommandError(path, error) }
      isDone = true
      return nil
    }
    var complaint: String?
    do {
      complaint = takeOver(source)
      if fsync(descriptor.number) != 0, errno != EINVAL, errno != EROFS { throw SystemError("write to disk") }
      try descriptor.close()
      try place(temporary)
    } catch let error as SystemError {
      throw CommandError(path, error)
    } catch let error as CommandError {
      throw error
    } catch {
      throw CommandError(path, "\(error)")
    }
    isDone = true
    Signals.spare()
    // The new name is on the disk only when its folder is. Some file systems cannot tell: no reason to fail.
    if lasts, let folder = try? Descriptor.open(PathName.folder(path), O_RDONLY | O_DIRECTORY) { fsync(folder.number) }
    return complaint
  }

  private func place(_ temporary: String) throws {
    if !replaces {
      // link(2) fails if the name has come to exist meanwhile, rename(2) would replace it.
      let linked = unsafe PathName.withSystemPath(temporary) { from in
        unsafe PathName.withSystemPath(path) { unsafe link(from, $0) }
      }
      if linked == 0 {
        unsafe PathName.withSystemPath(temporary) { unsafe _ = unlink($0) }
        return
      }
      if errno == EEXIST { throw CommandError(path, "has come to exist meanwhile", advice: "-f replaces it") }
      if FileStatus.of(path) != nil { throw CommandError(path, "exists", advice: "-f replaces it") }
    }
    let renamed = unsafe PathName.withSystemPath(temporary) { from in
      unsafe PathName.withSystemPath(path) { unsafe rename(from, $0) }
    }
    if renamed != 0 { throw SystemError("rename") }
  }

  /// Mode, owner and times of `source`; without one the umask rules. An owner that may not be given is no complaint.
  private func takeOver(_ source: FileStatus?) -> String? {
    let number = descriptor.number
    guard let source else {
      let mask = umask(0)
      umask(mask)
      return fchmod(number, 0o666 & ~mask) == 0 ? nil : "its mode could not be set"
    }
    var mode = source.mode & 0o777
    if fchown(number, source.owner, source.group) != 0, fchown(number, uid_t.max, source.group) != 0 {
      // Not our group to give: what the group was allowed, another group shall not be.
      mode &= ~0o070 | ((mode & 0o007) << 3)
    }
    if fchmod(number, mode) != 0 { return "its mode could not be set" }
    let times = [source.accessed, source.modified]
    let kept = unsafe times.withUnsafeBufferPointer { unsafe futimens(number, $0.baseAddress!) }
    return kept == 0 ? nil : "its time of modification could not be set"
  }

  deinit {
    guard !isDone, let temporary else { return }
    unsafe PathName.withSystemPath(temporary) { unsafe _ = unlink($0) }
    Signals.spare()
  }
}

/// The path without symbolic links; nil where it leads nowhere.
private func realPath(_ path: String) -> String? {
  guard let resolved = unsafe PathName.withSystemPath(path, { unsafe realpath($0, nil) }) else { return nil }
  defer { unsafe free(resolved) }
  let length = unsafe strlen(resolved)
  return unsafe resolved.withMemoryRebound(to: UInt8.self, capacity: length) {
    PathName.string(unsafe Array(UnsafeBufferPointer(start: $0, count: length)))
  }
}

private func randomNumber() -> UInt64 {
  var generator = SystemRandomNumberGenerator()
  return generator.next()
}
