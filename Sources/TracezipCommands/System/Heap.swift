import CMalloc
import Glibc

/// How the program's memory behaves; the library leaves that to its host.
enum Heap {
  /// What two threads need for segments of the usual size, and the most of it that is not mapped by itself.
  private static var usual: Int { 256 << 20 }
  private static var part: Int { 16 << 20 }

  /// Memory that is freed is kept for the next block, growing buffers stay where they are, and the first part of the
  /// heap is in huge pages: page faults were a third of the time of compressing.
  static func prepare() {
    mallopt(M_MMAP_THRESHOLD, 32 << 20)
    mallopt(M_TRIM_THRESHOLD, 1 << 30)
    mallopt(M_TOP_PAD, 1 << 20)
    // Worker threads allocate rarely: one heap serves all of them.
    mallopt(M_ARENA_MAX, 1)
    // Part by part, one behind the other.
    var parts: [Int] = []
    for _ in 0..<usual / part {
      guard let memory = unsafe malloc(part - 4096) else { break }
      parts.append(Int(bitPattern: memory))
    }
    defer { for memory in parts { unsafe free(UnsafeMutableRawPointer(bitPattern: memory)) } }
    guard let first = parts.first, let last = parts.last else { return }
    let page = 4096
    let from = (first + page - 1) & ~(page - 1)
    let to = (last + part - page) & ~(page - 1)
    if from < to, let address = unsafe UnsafeMutableRawPointer(bitPattern: from) {
      unsafe _ = madvise(address, to - from, MADV_HUGEPAGE)
    }
  }
}
