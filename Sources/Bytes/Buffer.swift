import CMachine

/// Growable storage for plain values: what `[T]` is, without reference counts, uniqueness checks or class exclusivity,
/// because it is noncopyable and owns its memory alone. Every subscript is checked.
@frozen @safe
public struct Buffer<Element: BitwiseCopyable>: ~Copyable, @unchecked Sendable {
  @usableFromInline var base: UnsafeMutablePointer<Element>
  @usableFromInline var capacity: Int
  @usableFromInline var used: Int

  @inlinable public var count: Int { @inline(__always) get { used } }

  @inlinable
  public init(capacity: Int = 0) {
    let room = max(capacity, 16)
    unsafe base = Allocation.allocate(Element.self, room + Self.slack)
    self.capacity = room
    used = 0
  }

  @inlinable
  public init(repeating value: Element, count: Int) {
    self.init(capacity: count)
    unsafe base.initialize(repeating: value, count: count)
    used = count
  }

  @inlinable
  deinit { unsafe Allocation.free(base) }

  /// Elements past the capacity that are always allocated, so that a copy of a short run may overshoot.
  @inlinable static var slack: Int { 64 }

  @inlinable public var isEmpty: Bool { count == 0 }

  @inlinable
  public subscript(index: Int) -> Element {
    @inline(__always) get {
      precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
      return unsafe base[index]
    }
    @inline(__always) set {
      precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
      unsafe base[index] = newValue
    }
    @inline(__always) _modify {
      precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
      yield unsafe &base[index]
    }
  }

  @inlinable @inline(__always)
  public mutating func append(_ value: Element) {
    if count == capacity { grow(to: count &+ 1) }
    unsafe base[count] = value
    used &+= 1
  }

  @inlinable
  public mutating func append(repeating value: Element, count n: Int) {
    reserve(n)
    unsafe (base + count).initialize(repeating: value, count: n)
    used += n
  }

  /// Appends `n` elements of which every bit is 0: short runs without a call, in whole moves that may overshoot.
  @inlinable @inline(__always)
  public mutating func append(zeros n: Int) {
    precondition(n >= 0)
    reserve(n)
    let to = unsafe UnsafeMutableRawPointer(base + used)
    let bytes = n &* MemoryLayout<Element>.stride
    let zeros = SIMD32<UInt8>.zero
    if bytes <= 32 {
      unsafe to.storeBytes(of: zeros, as: SIMD32<UInt8>.self)
    } else if bytes <= 256, Self.slack &* MemoryLayout<Element>.stride >= 256 {
      unsafe to.storeBytes(of: zeros, toByteOffset: 0, as: SIMD32<UInt8>.self)
      unsafe to.storeBytes(of: zeros, toByteOffset: 32, as: SIMD32<UInt8>.self)
      unsafe to.storeBytes(of: zeros, toByteOffset: 64, as: SIMD32<UInt8>.self)
      unsafe to.storeBytes(of: zeros, toByteOffset: 96, as: SIMD32<UInt8>.self)
      if bytes > 128 {
        unsafe to.storeBytes(of: zeros, toByteOffset: 128, as: SIMD32<UInt8>.self)
        unsafe to.storeBytes(of: zeros, toByteOffset: 160, as: SIMD32<UInt8>.self)
        unsafe to.storeBytes(of: zeros, toByteOffset: 192, as: SIMD32<UInt8>.self)
        unsafe to.storeBytes(of: zeros, toByteOffset: 224, as: SIMD32<UInt8>.self)
      }
    } else {
      unsafe to.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    }
    used &+= n
  }

  /// Appends the `n` elements from `start` on once more.
  @inlinable
  public mutating func append(copyOf start: Int, count n: Int) {
    precondition(start >= 0 && n >= 0 && start &+ n <= count)
    reserve(n)
    unsafe (base + count).initialize(from: base + start, count: n)
    used += n
  }

  /// Appends the elements of `other` from `start` on: short runs mostly, so without a call.
  @inlinable @inline(__always)
  public mutating func append(_ other: borrowing Buffer, from start: Int) {
    precondition(start >= 0 && start <= other.used)
    let n = other.used &- start
    reserve(n)
    let from = unsafe other.base + start
    let to = unsafe base + used
    var i = 0
    while i < n {
      unsafe to[i] = from[i]
      i &+= 1
    }
    used &+= n
  }

  /// Room for `n` more elements.
  @inlinable @inline(__always)
  public mutating func reserve(_ n: Int) {
    if capacity &- count < n { grow(to: count + n) }
  }

  @inlinable @inline(never)
  mutating func grow(to needed: Int) {
    // Copying costs, but so does memory that is never used where pages are large and slow when fresh: the smaller grow
    // faster.
    let isSmall = capacity < (64 << 10) / MemoryLayout<Element>.stride
    if isEmpty, !isSmall {
      // Used again for a little more than it held: nothing to copy, and no reason to double.
      unsafe Allocation.free(base)
      capacity = needed + needed / 8
      unsafe base = Allocation.allocate(Element.self, capacity + Self.slack)
      return
    }
    let room = max(needed, isSmall ? capacity * 4 + 16 : capacity / 2 * 3)
    unsafe base = Allocation.resize(base, used: count, to: room + Self.slack)
    capacity = room
  }

  /// Moves the first `n` elements one place back, over the one at `n`.
  @inlinable @inline(__always)
  public mutating func moveBack(_ n: Int) {
    precondition(n >= 0 && n < count)
    unsafe (base + 1).update(from: base, count: n)
  }

  /// Drops the first `n` elements.
  @inlinable
  public mutating func removeFirst(_ n: Int) {
    precondition(n >= 0 && n <= count)
    unsafe base.update(from: base + n, count: count - n)
    used -= n
  }

  /// Makes every byte of every element 0.
  @inlinable
  public mutating func clear() {
    unsafe UnsafeMutableRawPointer(base).initializeMemory(
      as: UInt8.self, repeating: 0, count: count * MemoryLayout<Element>.stride)
  }

  /// Asks for the memory of the element at `index`, which need not be there: a hint for what will be met soon.
  @inlinable @inline(__always)
  public func prefetch(_ index: Int) { unsafe tracezip_prefetch(base + index) }

  /// Forgets the elements, keeps the memory.
  @inlinable public mutating func removeAll() { used = 0 }

  @inlinable
  public mutating func truncate(to n: Int) {
    precondition(n >= 0 && n <= count)
    used = n
  }

  @inlinable
  public mutating func removeLast() -> Element {
    precondition(count > 0)
    used &-= 1
    return unsafe base[count]
  }

  /// Sets the count to `n`, new elements having `value`; shrinking keeps the memory.
  @inlinable
  public mutating func resize(to n: Int, filling value: Element) {
    if n > count { append(repeating: value, count: n - count) } else { truncate(to: n) }
  }

  @inlinable
  public var array: [Element] { unsafe Array(UnsafeBufferPointer(start: base, count: count)) }

  /// The whole storage for a kernel that has checked its ranges; neither pointer nor count may escape.
  @inlinable @inline(__always) @unsafe
  public var pointer: UnsafeMutablePointer<Element> { unsafe base }
}

/// Sixteen numbers of 16 bits that fill eight elements of a `Buffer<UInt32>`, the lower half of each element first.
/// Checked when made; dies with the buffer's next growth.
@frozen @safe
public struct Sixteen {
  /// Of the buffer.
  @inlinable public static var elements: Int { 8 }

  @usableFromInline let base: UnsafeMutableRawPointer

  @inlinable @inline(__always)
  init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }

  @inlinable
  public var all: SIMD16<UInt16> {
    @inline(__always) get { unsafe base.loadUnaligned(as: SIMD16<UInt16>.self) }
    @inline(__always) nonmutating set { unsafe base.storeBytes(of: newValue, as: SIMD16<UInt16>.self) }
  }

  /// The same bits with signs.
  @inlinable
  public var signed: SIMD16<Int16> {
    @inline(__always) get { unsafe base.loadUnaligned(as: SIMD16<Int16>.self) }
    @inline(__always) nonmutating set { unsafe base.storeBytes(of: newValue, as: SIMD16<Int16>.self) }
  }

  @inlinable
  public var first: UInt16 {
    @inline(__always) get { unsafe base.load(as: UInt16.self) }
    @inline(__always) nonmutating set { unsafe base.storeBytes(of: newValue, as: UInt16.self) }
  }
}

/// Where each of sixteen symbols begins among 32768, ascending from 0, and behind the last the whole; then a number of
/// whoever keeps them. They fill nine elements of a `Buffer<UInt32>`, the lower half of each element first. Checked when
/// made; dies with the buffer's next growth.
@frozen @safe
public struct Frequencies {
  /// Of the buffer.
  @inlinable public static var elements: Int { 9 }

  /// Where the symbols begin: ascending numbers below 32768, the first 0.
  public let starts: Sixteen

  @inlinable @inline(__always)
  init(_ starts: Sixteen) { self.starts = starts }

  /// Where `symbol`, below 16, begins and ends.
  @inlinable @inline(__always)
  public func interval(_ symbol: Int) -> (from: UInt64, to: UInt64) {
    let at = unsafe starts.base + (symbol & 15) &* 2
    return unsafe (UInt64(at.load(as: UInt16.self)), UInt64(at.load(fromByteOffset: 2, as: UInt16.self)))
  }

  /// The symbol that `target` belongs to, if that is below 32768, else any.
  @inlinable @inline(__always)
  public func symbol(at target: UInt16) -> Int {
    Int(truncatingIfNeeded: unsafe tracezip_last_at_most(starts.base.assumingMemoryBound(to: UInt16.self), target))
  }

  /// The number behind the whole.
  @inlinable
  public var note: UInt16 {
    @inline(__always) get { unsafe starts.base.load(fromByteOffset: 34, as: UInt16.self) }
    @inline(__always) nonmutating set { unsafe starts.base.storeBytes(of: newValue, toByteOffset: 34, as: UInt16.self) }
  }

  /// Puts the whole behind the symbols, and `note` behind it.
  @inlinable @inline(__always)
  public func begin(note: UInt16) {
    unsafe starts.base.storeBytes(of: 1 << 15, toByteOffset: 32, as: UInt16.self)
    self.note = note
  }
}

extension Buffer where Element == UInt32 {
  /// The sixteen numbers from element `index` on, which must be there.
  @inlinable @inline(__always)
  public mutating func sixteen(at index: Int) -> Sixteen {
    precondition(index >= 0 && index &+ Sixteen.elements <= count)
    return unsafe Sixteen(UnsafeMutableRawPointer(base + index))
  }

  /// The frequencies from element `index` on, which must be there.
  @inlinable @inline(__always)
  public mutating func frequencies(at index: Int) -> Frequencies {
    precondition(index >= 0 && index &+ Frequencies.elements <= count)
    return unsafe Frequencies(Sixteen(UnsafeMutableRawPointer(base + index)))
  }
}

/// Where bytes are put at the end of a `Buffer<UInt8>` that has room for all of them: whoever asked for the room, or
/// whether it `has` enough, counted them, so no write is checked by itself. Dies with the buffer's next growth.
@frozen @safe
public struct ByteRoom {
  @usableFromInline var to: UnsafeMutableRawPointer
  @usableFromInline let end: UnsafeMutableRawPointer

  @inlinable @inline(__always)
  init(_ to: UnsafeMutableRawPointer, end: UnsafeMutableRawPointer) {
    unsafe self.to = to
    unsafe self.end = end
  }

  /// Whether `n` bytes more fit.
  @inlinable @inline(__always)
  public func has(_ n: Int) -> Bool { unsafe end - to >= n }

  @inlinable @inline(__always)
  public mutating func put(_ byte: UInt8) {
    unsafe to.storeBytes(of: byte, as: UInt8.self)
    unsafe to += 1
  }

  /// Little-endian.
  @inlinable @inline(__always)
  public mutating func put<T: FixedWidthInteger & BitwiseCopyable>(integer value: T) {
    unsafe to.storeBytes(of: value.littleEndian, as: T.self)
    unsafe to += MemoryLayout<T>.size
  }

  /// The first `count` bytes of it, with room for all.
  @inlinable @inline(__always)
  public mutating func put(integer value: UInt64, count: Int) {
    unsafe to.storeBytes(of: value.littleEndian, as: UInt64.self)
    unsafe to += count
  }

  /// A protobuf varint in its shortest form: up to 10 bytes.
  @inlinable @inline(__always)
  public mutating func put(varint value: UInt64) {
    var v = value
    while v >= 0x80 {
      put(UInt8(truncatingIfNeeded: v) | 0x80)
      v >>= 7
    }
    put(UInt8(truncatingIfNeeded: v))
  }

  /// Copies with whole 32-byte moves, two at most, where `bytes` is short; `bytes` must come from a `Buffer`, whose slack
  /// makes the overshoot readable, and the slack here makes it writable.
  @inlinable @inline(__always)
  public mutating func put(_ bytes: ByteView) {
    if bytes.count <= 64 {
      unsafe to.storeBytes(of: bytes.base.loadUnaligned(as: SIMD32<UInt8>.self), as: SIMD32<UInt8>.self)
      if bytes.count > 32 {
        unsafe (to + 32).storeBytes(
          of: (bytes.base + 32).loadUnaligned(as: SIMD32<UInt8>.self), as: SIMD32<UInt8>.self)
      }
    } else {
      unsafe to.copyMemory(from: bytes.base, byteCount: bytes.count)
    }
    unsafe to += bytes.count
  }

  /// As `put`, without a call however long `bytes` is: where those of more than a few hundred bytes are rare.
  @inlinable @inline(__always)
  public mutating func putInMoves(_ bytes: ByteView) {
    var from = unsafe bytes.base
    let end = unsafe to + bytes.count
    repeat {
      unsafe to.storeBytes(of: from.loadUnaligned(as: SIMD32<UInt8>.self), as: SIMD32<UInt8>.self)
      unsafe to += 32
      unsafe from += 32
    } while unsafe to < end
    unsafe to = end
  }

  /// Overwrites the byte `back` bytes before the end; it must have been put here.
  @inlinable @inline(__always)
  public func set(_ byte: UInt8, back: Int) { unsafe (to - back).storeBytes(of: byte, as: UInt8.self) }
}

extension Buffer where Element == UInt8 {
  /// A view of the bytes; it dies with the next mutation.
  @inlinable public var view: ByteView { unsafe ByteView(base: base, count: count) }

  @inlinable
  public subscript(range: Range<Int>) -> ByteView {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    return unsafe ByteView(base: base + range.lowerBound, count: range.count)
  }

  @inlinable @inline(__always)
  public mutating func append(_ bytes: ByteView) {
    reserve(bytes.count)
    unsafe UnsafeMutableRawPointer(base + count).copyMemory(from: bytes.base, byteCount: bytes.count)
    used &+= bytes.count
  }

  @inlinable
  public mutating func append(_ bytes: [UInt8]) {
    bytes.withView { append($0) }
  }

  /// As `append`, by `ByteRoom.put`: `bytes` must come from a `Buffer`.
  @inlinable @inline(__always)
  public mutating func appendSlack(_ bytes: ByteView) {
    var room = self.room(bytes.count)
    room.put(bytes)
    close(room)
  }

  /// Room for `n` bytes at the end, for a few writes that are counted together; `close` makes them part of the buffer.
  @inlinable @inline(__always)
  public mutating func room(_ n: Int) -> ByteRoom {
    reserve(n)
    return unsafe ByteRoom(base + count, end: base + capacity)
  }

  /// The room there is, at most until the buffer holds `limit` bytes.
  @inlinable @inline(__always)
  public mutating func room(upTo limit: Int) -> ByteRoom {
    unsafe ByteRoom(base + count, end: base + min(limit, capacity))
  }

  /// Ends the buffer where `room` does, which must be its last and in its bounds.
  @inlinable @inline(__always)
  public mutating func close(_ room: ByteRoom) {
    let end = unsafe room.to - UnsafeMutableRawPointer(base)
    precondition(end >= count && end <= capacity)
    used = end
  }

  /// Little-endian.
  @inlinable @inline(__always)
  public mutating func append<T: FixedWidthInteger & BitwiseCopyable>(integer value: T) {
    reserve(MemoryLayout<T>.size)
    unsafe UnsafeMutableRawPointer(base + count).storeBytes(of: value.littleEndian, as: T.self)
    used &+= MemoryLayout<T>.size
  }

  /// A protobuf varint in its shortest form.
  @inlinable @inline(__always)
  public mutating func append(varint value: UInt64) {
    var room = self.room(10)
    room.put(varint: value)
    close(room)
  }

  @inlinable @inline(__always)
  public mutating func append(varint value: Int) { append(varint: UInt64(value)) }

  /// Appends `n` bytes of any content, to be filled by the caller.
  @inlinable
  public mutating func appendUninitialized(_ n: Int) -> UnsafeMutableRawBufferPointer {
    reserve(n)
    let room = unsafe UnsafeMutableRawBufferPointer(start: base + count, count: n)
    used &+= n
    return unsafe room
  }

  /// Moves the bytes from `offset` on by `gap`, growing or shrinking the buffer.
  @inlinable
  public mutating func shift(from offset: Int, by gap: Int) {
    precondition(offset >= 0 && offset <= count && offset + gap >= 0)
    if gap > 0 { reserve(gap) }
    unsafe UnsafeMutableRawPointer(base + offset + gap).copyMemory(from: base + offset, byteCount: count - offset)
    used += gap
  }
}
