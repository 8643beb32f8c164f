import CMachine

/// A borrowed run of bytes: a base address and a count, nothing owned.
///
/// All access is checked against `count`; the few `unchecked` members say in their comment which earlier check makes
/// them sound. Whoever makes a view keeps the memory alive for as long as the view is used. A view is `BitwiseCopyable`
/// so that tables of views cost no reference counting.
@frozen @safe
public struct ByteView: BitwiseCopyable, @unchecked Sendable {
  public let base: UnsafeRawPointer
  public let count: Int

  @inlinable @inline(__always)
  public init(base: UnsafeRawPointer, count: Int) {
    unsafe self.base = base
    self.count = count
  }

  /// A view of `buffer`, which the caller keeps alive.
  @inlinable
  public init(_ buffer: UnsafeRawBufferPointer) {
    if let base = buffer.baseAddress {
      unsafe self.init(base: base, count: buffer.count)
    } else {
      self = ByteView.empty
    }
  }

  /// No bytes.
  @inlinable
  public static var empty: ByteView { unsafe ByteView(base: UnsafeRawPointer(bitPattern: 16)!, count: 0) }

  @inlinable public var isEmpty: Bool { count == 0 }

  @inlinable @inline(__always)
  public subscript(index: Int) -> UInt8 {
    precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
    return unsafe base.load(fromByteOffset: index, as: UInt8.self)
  }

  /// The bytes in `range`, which must lie inside the view.
  @inlinable @inline(__always)
  public subscript(range: Range<Int>) -> ByteView {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    return unsafe ByteView(base: base + range.lowerBound, count: range.upperBound - range.lowerBound)
  }

  @inlinable @inline(__always)
  public func dropFirst(_ n: Int) -> ByteView { self[n..<count] }

  /// A byte whose index the caller has already compared with `count`.
  @inlinable @inline(__always)
  public func unchecked(_ index: Int) -> UInt8 {
    assert(index >= 0 && index < count)
    return unsafe base.load(fromByteOffset: index, as: UInt8.self)
  }

  /// Little-endian loads; `offset` plus the width must lie inside the view.
  @inlinable @inline(__always)
  public func load<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type, at offset: Int) -> T {
    precondition(offset >= 0 && offset &+ MemoryLayout<T>.size <= count)
    return unsafe T(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: T.self))
  }

  /// Asks for the memory of `n` bytes from `offset` on, which need not be there: a hint for what will be met soon.
  @inlinable @inline(__always)
  public func prefetch(_ offset: Int, count n: Int) {
    var at = offset
    while at < offset &+ n {
      unsafe tracezip_prefetch(base + at)
      at &+= 64
    }
  }

  /// Whether `other` stands at `offset`; false where it would reach past the end.
  @inlinable @inline(__always)
  public func has(_ other: ByteView, at offset: Int) -> Bool {
    guard offset >= 0, offset &+ other.count <= count else { return false }
    return unsafe equalBytes(base + offset, other.base, other.count)
  }

  /// Whether the `n` bytes here at `offset` stand in `other` at `place`; both runs must lie inside their views.
  @inlinable @inline(__always)
  public func matches(_ offset: Int, _ n: Int, _ other: ByteView, _ place: Int) -> Bool {
    precondition(offset >= 0 && n >= 0 && offset &+ n <= count && place >= 0 && place &+ n <= other.count)
    return unsafe equalBytes(base + offset, other.base + place, n)
  }

  /// As `matches`, for a run whose first byte is followed in `other` by one that is no part of it.
  @inlinable @inline(__always)
  public func matchesTagged(_ offset: Int, _ n: Int, _ other: ByteView, _ place: Int) -> Bool {
    precondition(offset >= 0 && n > 0 && offset &+ n <= count && place >= 0 && place &+ n < other.count)
    return unsafe base.load(fromByteOffset: offset, as: UInt8.self)
      == other.base.load(fromByteOffset: place, as: UInt8.self)
      && equalBytes(base + offset + 1, other.base + place + 2, n &- 1)
  }

  /// How many of the `n` bytes at `a` are as those at `b`; both runs must lie inside the view.
  @inlinable @inline(__always)
  public func commonPrefix(_ a: Int, _ b: Int, _ n: Int) -> Int {
    precondition(a >= 0 && b >= 0 && n >= 0 && a &+ n <= count && b &+ n <= count)
    return unsafe Bytes.commonPrefix(base + a, base + b, n)
  }

  @inlinable @inline(__always)
  public static func == (a: ByteView, b: ByteView) -> Bool {
    guard a.count == b.count else { return false }
    return unsafe equalBytes(a.base, b.base, a.count)
  }

  /// The index of the first `byte` at or after `offset`.
  @inlinable
  public func firstIndex(of byte: UInt8, from offset: Int = 0) -> Int? {
    guard offset < count else { return nil }
    precondition(offset >= 0)
    guard let found = unsafe memchr(base + offset, Int32(byte), count - offset) else { return nil }
    return unsafe UnsafeRawPointer(found) - base
  }

  public var array: [UInt8] { unsafe Array(UnsafeRawBufferPointer(start: base, count: count)) }
  /// The bytes as text, ill-formed UTF-8 repaired: for messages and reports only.
  public var string: String {
    unsafe String(decoding: UnsafeRawBufferPointer(start: base, count: count), as: UTF8.self)
  }
}

extension Array where Element == UInt8 {
  /// Runs `body` with a view of the array; the view must not escape.
  @inlinable
  public func withView<R>(_ body: (ByteView) throws -> R) rethrows -> R {
    try unsafe withUnsafeBytes { raw in try body(unsafe ByteView(raw)) }
  }
}
