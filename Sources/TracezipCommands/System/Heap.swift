import CMalloc
import Glibc

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
}
