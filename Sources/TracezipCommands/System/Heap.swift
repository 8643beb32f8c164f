import CMalloc
import Glibc

/// How the program's memory behaves; the library leaves that to its host.
enum Heap {
  /// What one thread needs for a block of the usual size.
  private static var usual: Int { 64 << 20 }

  /// Memory that is freed is kept for the next block, growing buffers stay where they are, and the first part of the
  /// heap is in huge pages: page faults were a third of the time of compressing.
  static func prepare() {
    mallopt(M_MMAP_THRESHOLD, 32 << 20)
    mallopt(M_TRIM_THRESHOLD, 256 << 20)
    mallopt(M_TOP_PAD, 1 << 20)
    // Worker threads allocate rarely: one heap serves all of them.
    mallopt(M_ARENA_MAX, 1)
    // Half of it at a time, so that it is not mapped by itself.
    guard let start = unsafe malloc(usual / 2 - 4096), let more = unsafe malloc(usual / 2 - 4096) else { return }
    let page = 4096
    let from = (Int(bitPattern: start) + page - 1) & ~(page - 1)
    let to = (Int(bitPattern: more) + usual / 2 - page) & ~(page - 1)
    if from < to, let address = unsafe UnsafeMutableRawPointer(bitPattern: from) {
      unsafe _ = madvise(address, to - from, MADV_HUGEPAGE)
    }
    unsafe free(more)
    unsafe free(start)
  }
}
