#if canImport(Glibc)
  @_exported import func Glibc.memchr
  @_exported import func Glibc.memcmp
#elseif canImport(Musl)
  @_exported import func Musl.memchr
  @_exported import func Musl.memcmp
#else
  @_exported import func Darwin.memchr
  @_exported import func Darwin.memcmp
#endif

@inlinable @inline(__always) @unsafe
func word<T: FixedWidthInteger & BitwiseCopyable>(_ p: UnsafeRawPointer, _ offset: Int, _ type: T.Type) -> T {
  unsafe p.loadUnaligned(fromByteOffset: offset, as: T.self)
}

/// Compares `n` bytes: two overlapping words for the short runs that literals and values mostly are, memcmp beyond.
///
/// Why it is sound: every load lies inside `n` bytes, which both callers have checked against their views.
@inlinable @inline(__always) @unsafe
public func equalBytes(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ n: Int) -> Bool {
  if n >= 8 {
    if n > 32 { return unsafe memcmp(a, b, n) == 0 }
    if n > 16 {
      let x = unsafe word(a, 0, UInt64.self) ^ word(b, 0, UInt64.self)
      let y = unsafe word(a, 8, UInt64.self) ^ word(b, 8, UInt64.self)
      let z = unsafe word(a, n - 16, UInt64.self) ^ word(b, n - 16, UInt64.self)
      let w = unsafe word(a, n - 8, UInt64.self) ^ word(b, n - 8, UInt64.self)
      return x | y | z | w == 0
    }
    let head = unsafe word(a, 0, UInt64.self) ^ word(b, 0, UInt64.self)
    let tail = unsafe word(a, n - 8, UInt64.self) ^ word(b, n - 8, UInt64.self)
    return head | tail == 0
  }
  if n >= 4 {
    let head = unsafe word(a, 0, UInt32.self) ^ word(b, 0, UInt32.self)
    let tail = unsafe word(a, n - 4, UInt32.self) ^ word(b, n - 4, UInt32.self)
    return head | tail == 0
  }
  var i = 0
  while i < n {
    if unsafe word(a, i, UInt8.self) != word(b, i, UInt8.self) { return false }
    i &+= 1
  }
  return true
}

/// How many of the first `n` bytes are alike.
///
/// Why it is sound: as for `equalBytes`.
@inlinable @inline(__always) @unsafe
func commonPrefix(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ n: Int) -> Int {
  var i = 0
  while i &+ 32 <= n {
    let x = unsafe word(a, i, UInt64.self) ^ word(b, i, UInt64.self)
    let y = unsafe word(a, i &+ 8, UInt64.self) ^ word(b, i &+ 8, UInt64.self)
    let z = unsafe word(a, i &+ 16, UInt64.self) ^ word(b, i &+ 16, UInt64.self)
    let w = unsafe word(a, i &+ 24, UInt64.self) ^ word(b, i &+ 24, UInt64.self)
    if x | y | z | w != 0 {
      if x != 0 { return i &+ x.littleEndian.trailingZeroBitCount >> 3 }
      if y != 0 { return i &+ 8 &+ y.littleEndian.trailingZeroBitCount >> 3 }
      if z != 0 { return i &+ 16 &+ z.littleEndian.trailingZeroBitCount >> 3 }
      return i &+ 24 &+ w.littleEndian.trailingZeroBitCount >> 3
    }
    i &+= 32
  }
  while i &+ 8 <= n {
    let x = unsafe word(a, i, UInt64.self) ^ word(b, i, UInt64.self)
    if x != 0 { return i &+ x.littleEndian.trailingZeroBitCount >> 3 }
    i &+= 8
  }
  while i < n {
    if unsafe word(a, i, UInt8.self) != word(b, i, UInt8.self) { return i }
    i &+= 1
  }
  return n
}
