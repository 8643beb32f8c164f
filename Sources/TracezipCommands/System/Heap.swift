import CMalloc
import Glibc
import Tracezip

/// How the program's memory behaves; the library leaves that to its host.
enum Heap {
  /// What two threads need for segments of the usual size.
  private static var usual: Int { 256 << 20 }
  private static var hugePage: Int { 2 << 20 }

  /// Memory that is freed is kept for the next block, growing buffers stay where they are, and the first part of the
  /// heap is in huge pages: page faults were a third of the time of compressing.
  static func prepare() {
    mallopt(M_MMAP_THRESHOLD, 32 << 20)
    mallopt(M_TRIM_THRESHOLD, 1 << 30)
    // Worker threads allocate rarely: one heap serves all of them.
    mallopt(M_ARENA_MAX, 1)
    // The heap grows by all of it at once, and nothing is written there before its pages are huge: a page that has been
    // touched keeps those around it small.
    mallopt(M_TOP_PAD, Int32(usual))
    let rest = Int(mallinfo2().keepcost)
    if let memory = unsafe malloc(rest) {
      // What lies before the first huge page is kept and never touched, so it takes no memory.
      let missing = -(Int(bitPattern: memory) + rest + 64) & (hugePage - 1)
      if let kept = unsafe malloc(missing) {
        let border = (Int(bitPattern: kept) + missing + hugePage - 1) & -hugePage
        if let address = unsafe UnsafeMutableRawPointer(bitPattern: border) {
          unsafe _ = madvise(address, usual - hugePage, MADV_HUGEPAGE)
        }
      }
      unsafe free(memory)
    }
    mallopt(M_TOP_PAD, 1 << 20)
  }

  /// Has the next `bytes` of the heap made beside the work, by a thread that nobody waits for, where a core is free for
  /// that: what the system must clear, or a virtual machine fetch, was up to a quarter of the time of a run.
  static func populate(_ bytes: Int) {
    guard TracezipConfig.cores > 1 else { return }
    let info = mallinfo2()
    let left = Int(info.keepcost)
    // What the file before has left will do.
    guard Int(info.fordblks) - left < bytes else { return }
    let top = unsafe Int(bitPattern: tracezip_heap_top(left))
    let start = (top + hugePage - 1) & -hugePage
    let end = min(start + bytes, top + left) & -hugePage
    guard start < end else { return }
    let range = UnsafeMutablePointer<Range<Int>>.allocate(capacity: 1)
    unsafe range.initialize(to: start..<end)
    var thread = pthread_t()
    let status = unsafe pthread_create(
      &thread, nil,
      { argument in
        guard let range = unsafe argument?.assumingMemoryBound(to: Range<Int>.self) else { return nil }
        for page in unsafe stride(from: range.pointee.lowerBound, to: range.pointee.upperBound, by: Heap.hugePage) {
          guard let address = unsafe UnsafeMutableRawPointer(bitPattern: page),
            unsafe tracezip_populate(address, Heap.hugePage) == 0
          else { break }
        }
        unsafe range.deallocate()
        return nil
      }, range)
    if status == 0 { pthread_detach(thread) } else { unsafe range.deallocate() }
  }
}
