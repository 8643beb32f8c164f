/// Width in bytes of `value` as a shortest protobuf varint.
@inlinable @inline(__always)
public func varintWidth(_ value: UInt64) -> Int {
  (70 &- (value | 1).leadingZeroBitCount) / 7
}

extension ByteView {
  /// The varint at `offset`: its value and width in bytes, or nil where it is cut off or longer than ten bytes (or does
  /// not fit 64 bits). Over-long forms are read; compare the width with `varintWidth` to tell them.
  @inlinable @inline(__always)
  public func varint(at offset: Int) -> (value: UInt64, width: Int)? {
    guard offset >= 0, offset < count else { return nil }
    let first = unchecked(offset)
    if first < 0x80 { return (UInt64(first), 1) }
    return longVarint(at: offset)
  }

  @inlinable
  func longVarint(at offset: Int) -> (value: UInt64, width: Int)? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    var at = offset
    while at < count {
      let byte = unchecked(at)
      if shift == 63, byte > 1 { return nil }
      value |= UInt64(byte & 0x7F) << shift
      at += 1
      if byte < 0x80 { return (value, at - offset) }
      shift += 7
      if shift > 63 { return nil }
    }
    return nil
  }
}

/// Small signed numbers as small unsigned ones: 0, -1, 1, -2 become 0, 1, 2, 3.
@inlinable @inline(__always)
public func zigzag(_ value: Int64) -> UInt64 { UInt64(bitPattern: (value << 1) ^ (value >> 63)) }

@inlinable @inline(__always)
public func unzigzag(_ value: UInt64) -> Int64 { Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1) }
