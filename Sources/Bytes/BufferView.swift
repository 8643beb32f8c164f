import CMachine

/// The elements of a `Buffer`, borrowed as `ByteView` borrows bytes. In a loop that also writes elsewhere its base and
/// count stay in registers, where the buffer's own would be read again for every element. Every subscript is checked.
///
/// Whoever makes a view keeps the buffer alive, and does not let it grow, for as long as the view is used.
@frozen @safe
public struct BufferView<Element: BitwiseCopyable>: BitwiseCopyable, @unchecked Sendable {
  @usableFromInline let base: UnsafeMutablePointer<Element>
  public let count: Int

  @inlinable @inline(__always)
  init(base: UnsafeMutablePointer<Element>, count: Int) {
    unsafe self.base = base
    self.count = count
  }

  @inlinable
  public subscript(index: Int) -> Element {
    @inline(__always) get {
      precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
      return unsafe base[index]
    }
    @inline(__always) nonmutating set {
      precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
      unsafe base[index] = newValue
    }
  }

  /// An element whose index the caller has already compared with `count`.
  @inlinable @inline(__always)
  public func unchecked(_ index: Int) -> Element {
    assert(UInt(bitPattern: index) < UInt(bitPattern: count))
    return unsafe base[index]
  }

  /// Sets an element whose index the caller has already compared with `count`.
  @inlinable @inline(__always)
  public func setUnchecked(_ index: Int, _ value: Element) {
    assert(UInt(bitPattern: index) < UInt(bitPattern: count))
    unsafe base[index] = value
  }

  /// Asks for the memory of the element at `index`, which need not be there: a hint for what will be met soon.
  @inlinable @inline(__always)
  public func prefetch(_ index: Int) { unsafe tracezip_prefetch(base + index) }

  /// The elements in `range`, which must lie inside the view.
  @inlinable @inline(__always)
  public subscript(range: Range<Int>) -> BufferView {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    return unsafe BufferView(base: base + range.lowerBound, count: range.upperBound - range.lowerBound)
  }
}

extension BufferView where Element == UInt64 {
  /// Adds (by or) to each of the first `n` elements of `sum` the bits in which the `n` elements from `a` on differ from
  /// those from `b` on.
  @inlinable @inline(__always)
  public func addDifferences(_ a: Int, _ b: Int, count n: Int, to sum: BufferView) {
    precondition(a >= 0 && b >= 0 && n >= 0 && a &+ n <= count && b &+ n <= count && n <= sum.count)
    var i = 0
    while i < n {
      unsafe sum.base[i] |= base[a &+ i] ^ base[b &+ i]
      i &+= 1
    }
  }
}

extension Buffer {
  /// A view of the elements; it dies when the buffer grows.
  @inlinable
  public var elements: BufferView<Element> {
    @inline(__always) get { unsafe BufferView(base: base, count: count) }
  }
}

/// One element of a `Buffer` where it stands, for work that reads and writes many of its fields and would copy it whole
/// otherwise. Checked when made; dies when the buffer grows.
@frozen @safe
public struct Cell<Element: BitwiseCopyable>: BitwiseCopyable {
  @usableFromInline let base: UnsafeMutablePointer<Element>

  @inlinable @inline(__always)
  init(_ base: UnsafeMutablePointer<Element>) { unsafe self.base = base }

  @inlinable
  public var value: Element {
    @inline(__always) get { unsafe base.pointee }
    @inline(__always) nonmutating _modify { yield unsafe &base.pointee }
  }
}

extension Buffer {
  /// The element at `index`, which must be there.
  @inlinable @inline(__always)
  public func cell(_ index: Int) -> Cell<Element> {
    precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
    return unsafe Cell(base + index)
  }
}
