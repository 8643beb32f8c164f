import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A program started as a shell would start it: no signal ignored or blocked, no descriptor but the three standard
/// ones. (Foundation's `Process` hands down the signal mask of the thread that it is called on, and a test's thread
/// blocks nearly all.) Its output is read as it comes, so that full pipes stop nobody.
package final class Running: @unchecked Sendable {
  package let identifier: pid_t
  private let input: Int32
  private let output: Collector
  private let messages: Collector?
  private let lock = NSLock()
  private var ended: Int32?

  enum Streams {
    case pipes
    /// All three are one terminal of so many columns.
    case terminal(columns: UInt16)
  }

  init(_ program: String, _ arguments: [String], environment: [String: String], folder: String?, streams: Streams)
    throws
  {
    // A program that ends before it has read its input must not end the test by SIGPIPE.
    _ = signal(SIGPIPE, SIG_IGN)
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    var every = sigset_t()
    var none = sigset_t()
    sigfillset(&every)
    sigemptyset(&none)
    posix_spawnattr_setsigdefault(&attributes, &every)
    posix_spawnattr_setsigmask(&attributes, &none)
    var flags = Int32(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK)
    // Not before the child's execution is under way may another thread start one, or it would inherit our ends.
    Self.inheritedClosed
    Self.spawning.lock()
    defer { Self.spawning.unlock() }

    var theirs: [Int32] = []
    switch streams {
    case .pipes:
      let (fromHere, toProgram) = try Self.pipe()
      let (fromOutput, toOutput) = try Self.pipe()
      let (fromMessages, toMessages) = try Self.pipe()
      theirs = [fromHere, toOutput, toMessages]
      for (target, source) in theirs.enumerated() {
        posix_spawn_file_actions_adddup2(&actions, source, Int32(target))
      }
      input = toProgram
      output = Collector(fromOutput)
      messages = Collector(fromMessages)
    case .terminal(let columns):
      var main: Int32 = -1
      var side: Int32 = -1
      var size = winsize(ws_row: 25, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
      var name = [CChar](repeating: 0, count: 128)
      guard openpty(&main, &side, &name, nil, &size) == 0 else { throw Tracezip.Failure("openpty: errno \(errno)") }
      for descriptor in [main, side] { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
      theirs = [side]
      // A new session's first open of a terminal makes it the controlling one, so that /dev/tty and Ctrl-C work.
      flags |= 0x80  // POSIX_SPAWN_SETSID, which glibc shows to GNU sources only
      posix_spawn_file_actions_addopen(&actions, 0, name, O_RDWR, 0)
      posix_spawn_file_actions_adddup2(&actions, 0, 1)
      posix_spawn_file_actions_adddup2(&actions, 0, 2)
      input = main
      output = Collector(main)
      messages = nil
    }
    // Other tests of this process open what they like, and not all of it closes on exec.
    for descriptor in Int32(3)..<1024 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    posix_spawnattr_setflags(&attributes, Int16(flags))

    let command = (folder.map { ["/usr/bin/env", "-C", $0] } ?? []) + [program] + arguments
    var words: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in words + variables { free(text) } }
    var id: pid_t = 0
    let result = posix_spawn(&id, command[0], &actions, &attributes, &words, &variables)
    for descriptor in theirs { close(descriptor) }
    guard result == 0 else { throw Tracezip.Failure("cannot start \(program): errno \(result)") }
    identifier = id
    output.start()
    messages?.start()
  }

  private static let spawning = NSLock()

  /// What the test runner itself was given is not for the programs under test.
  private static let inheritedClosed: Void = {
    for descriptor in Int32(3)..<1024 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
  }()

  private static func pipe() throws -> (reading: Int32, writing: Int32) {
    var ends: [Int32] = [-1, -1]
    guard Glibc.pipe(&ends) == 0 else { throw Tracezip.Failure("pipe: errno \(errno)") }
    for descriptor in ends { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }

  /// What it has written so far.
  package var outputSoFar: [UInt8] { output.bytes }
  package var messagesSoFar: String { String(decoding: messages?.bytes ?? [], as: UTF8.self) }

  package var isRunning: Bool { lock.withLock { status(waiting: false) == nil } }

  /// Writes to its standard input and leaves that open.
  package func write(_ bytes: [UInt8]) {
    var left = bytes[...]
    while !left.isEmpty {
      let n = left.withUnsafeBytes { Glibc.write(input, $0.baseAddress!, $0.count) }
      if n <= 0 { return }
      left = left.dropFirst(n)
    }
  }

  package func closeInput() { if messages != nil { close(input) } }

  /// Writes to its standard input on a thread of its own, and then closes that (a terminal stays open).
  package func feed(_ bytes: [UInt8]) {
    Thread.detachNewThread { [self] in
      write(bytes)
      closeInput()
    }
  }

  package func send(_ signal: Int32) { _ = kill(identifier, signal) }

  /// Waits until `condition` holds; false when it did not within `seconds`.
  package func waits(_ seconds: Double = 10, until condition: () -> Bool) -> Bool {
    let end = Date().addingTimeInterval(seconds)
    while Date() < end {
      if condition() { return true }
      usleep(5_000)
    }
    return condition()
  }

  /// Waits for its end; after `seconds` it is killed, and the result says so by its signal.
  package func finish(within seconds: Double = 120) -> Tracezip.Result {
    if !waits(seconds, until: { !isRunning }) { send(SIGKILL) }
    let status = lock.withLock { self.status(waiting: true)! }
    let signal = status & 0x7F
    return Tracezip.Result(
      status: signal == 0 ? status >> 8 & 0xFF : 128 + signal, signal: signal == 0 ? nil : signal,
      output: output.finish(), messages: String(decoding: messages?.finish() ?? [], as: UTF8.self))
  }

  private func status(waiting: Bool) -> Int32? {
    if let ended { return ended }
    var status: Int32 = 0
    guard waitpid(identifier, &status, waiting ? 0 : WNOHANG) == identifier else { return nil }
    ended = status
    return status
  }
}

/// Reads a descriptor to its end on a thread of its own.
private final class Collector: @unchecked Sendable {
  private let descriptor: Int32
  private let lock = NSLock()
  private var collected: [UInt8] = []
  private let done = DispatchSemaphore(value: 0)

  init(_ descriptor: Int32) { self.descriptor = descriptor }

  var bytes: [UInt8] { lock.withLock { collected } }

  func start() {
    Thread.detachNewThread { [self] in
      var room = [UInt8](repeating: 0, count: 1 << 16)
      while true {
        // A terminal ends with an error (EIO) when its last holder has gone.
        let n = room.withUnsafeMutableBytes { read(descriptor, $0.baseAddress!, $0.count) }
        if n <= 0 { break }
        lock.withLock { collected.append(contentsOf: room[..<n]) }
      }
      close(descriptor)
      done.signal()
    }
  }

  func finish() -> [UInt8] {
    done.wait()
    done.signal()
    return bytes
  }
}
