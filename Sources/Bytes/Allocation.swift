#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Where buffers get their memory. Growing keeps the place or moves whole pages where the system can (`realloc`): the
/// copies and page faults of growing by hand were a tenth of a run's time. Large runs ask for huge pages.
@usableFromInline
enum Allocation {
  /// From this size on, huge pages are worth asking for.
  @usableFromInline static var large: Int { 4 << 20 }

  @inlinable
  static func allocate<Element: BitwiseCopyable>(_ type: Element.Type, _ count: Int) -> UnsafeMutablePointer<Element> {
    if MemoryLayout<Element>.alignment > 16 { return UnsafeMutablePointer<Element>.allocate(capacity: count) }
    return unsafe bytes(nil, size(type, count)).bindMemory(to: Element.self, capacity: count)
  }

  @inlinable
  static func resize<Element: BitwiseCopyable>(
    _ base: UnsafeMutablePointer<Element>, used: Int, to count: Int
  ) -> UnsafeMutablePointer<Element> {
    if MemoryLayout<Element>.alignment > 16 {
      let bigger = UnsafeMutablePointer<Element>.allocate(capacity: count)
      unsafe bigger.initialize(from: base, count: used)
      unsafe base.deallocate()
      return unsafe bigger
    }
    return unsafe bytes(base, size(Element.self, count)).bindMemory(to: Element.self, capacity: count)
  }

  @inlinable
  static func free<Element: BitwiseCopyable>(_ base: UnsafeMutablePointer<Element>) {
    if MemoryLayout<Element>.alignment > 16 { return unsafe base.deallocate() }
    unsafe release(base)
  }

  @inlinable
  static func size<Element>(_ type: Element.Type, _ count: Int) -> Int {
    let (size, overflow) = MemoryLayout<Element>.stride.multipliedReportingOverflow(by: count)
    precondition(!overflow, "a buffer larger than memory")
    return size
  }

  @usableFromInline
  static func bytes(_ base: UnsafeMutableRawPointer?, _ size: Int) -> UnsafeMutableRawPointer {
    guard let memory = unsafe realloc(base, size) else { preconditionFailure("out of memory: \(size) bytes") }
    #if os(Linux)
      if size >= large {
        let page = 4096
        let start = (Int(bitPattern: memory) + page - 1) & ~(page - 1)
        let end = (Int(bitPattern: memory) + size) & ~(page - 1)
        unsafe _ = madvise(UnsafeMutableRawPointer(bitPattern: start), end - start, MADV_HUGEPAGE)
      }
    #endif
    return unsafe memory
  }

  @usableFromInline
  static func release(_ base: UnsafeMutableRawPointer) { unsafe systemFree(base) }
}

private func systemFree(_ base: UnsafeMutableRawPointer) { unsafe free(base) }
