import Glibc

/// Leaves no half-written file behind when the program is told to go.
///
/// INT, TERM, HUP (and PIPE, XCPU) remove the temporary file being written, if any, and then end the program by that
/// same signal, so that a shell loop or a supervisor sees what happened. A signal that was ignored when the program
/// started (`nohup`, a background job) stays ignored.
enum Signals {
  private static let ending = [SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXCPU]

  static func install() {
    var action = sigaction()
    unsafe action.__sigaction_handler.sa_handler = { signal in
      // Only calls that are safe inside a signal handler: unlink, signal, raise.
      if let path = unsafe doomedPath { unsafe unlink(path) }
      Glibc.signal(signal, SIG_DFL)
      raise(signal)
    }
    for signal in ending {
      var inherited = sigaction()
      unsafe sigaction(signal, nil, &inherited)
      if unsafe unsafeBitCast(inherited.__sigaction_handler.sa_handler, to: Int.self) == ignored { continue }
      unsafe sigaction(signal, &action, nil)
    }
    // A limit on file size shall be an error of write(2), with words, not a core dump.
    Glibc.signal(SIGXFSZ, SIG_IGN)
  }

  /// SIG_IGN as a number: function pointers do not compare.
  private static let ignored = 1

  /// Names the file to remove if the program has to go: call before it is created, and `spare` once it has its name.
  static func doom(_ path: String) {
    let copy = unsafe PathName.withSystemPath(path) { unsafe strdup($0) }
    unsafe doomedPath = copy
  }

  static func spare() {
    let old = unsafe doomedPath
    unsafe doomedPath = nil
    unsafe free(old)
  }

  /// Dies as a program does whose reader went away, also where SIGPIPE is ignored.
  static func dieOfBrokenPipe() -> Never {
    if let path = unsafe doomedPath { unsafe unlink(path) }
    Glibc.signal(SIGPIPE, SIG_DFL)
    raise(SIGPIPE)
    _exit(128 + SIGPIPE)
  }
}

/// A plain pointer at file scope, initialised statically: a handler may read it at any moment.
nonisolated(unsafe) private var doomedPath: UnsafeMutablePointer<CChar>?

/// Makes sure that descriptors 0, 1 and 2 are taken: started with one of them closed, the next file we open would get
/// its number, and messages or data would go into it. The stand-ins fail when used, as a closed descriptor does.
func occupyStandardDescriptors() {
  for number in Int32(0)...2 where fcntl(number, F_GETFD) == -1 {
    _ = unsafe open("/dev/null", number == 0 ? O_WRONLY : O_RDONLY)
  }
}
