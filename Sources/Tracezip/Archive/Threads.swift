import CMachine

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A mutex with one condition. The standard library has no condition variable, Dispatch's worker threads have small
/// stacks, and Foundation is too large for a library.
@safe
final class Monitor: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init() {
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(condition, nil)
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  func locked<R>(_ body: () throws -> R) rethrows -> R {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return try body()
  }

  /// Waits for a `signal`; only inside `locked`.
  func wait() { unsafe pthread_cond_wait(condition, mutex) }

  /// Wakes all that wait.
  func signal() { unsafe pthread_cond_broadcast(condition) }
}

/// A thread of the operating system, to be joined once.
struct Worker {
  private let thread: pthread_t

  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Runs `body` on a new thread; nil where the system has none left.
  init?(_ body: @escaping @Sendable () -> Void) {
    let box = unsafe Unmanaged.passRetained(Body(body))
    #if canImport(Darwin)
      var thread: pthread_t?
    #else
      var thread = pthread_t()
    #endif
    let status = unsafe pthread_create(
      &thread, nil,
      { argument in
        #if canImport(Darwin)
          unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
        #else
          unsafe Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
        #endif
        return nil
      }, box.toOpaque())
    guard status == 0 else {
      unsafe box.release()
      return nil
    }
    #if canImport(Darwin)
      self.thread = thread!
    #else
      self.thread = thread
    #endif
  }

  func join() { pthread_join(thread, nil) }

  /// Cores that this process may run on: those of the machine, less what `taskset` or a container's
  /// set of cores keeps from it (not its share of time).
  static var cores: Int {
    let allowed = Int(tracezip_allowed_cores())
    return allowed > 0 ? allowed : max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
  }
}
