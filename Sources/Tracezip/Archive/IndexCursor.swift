import Bytes

/// Reads the small structures of the container: numbers and runs of bytes, nil where they are cut off.
struct IndexCursor {
  let bytes: ByteView
  private(set) var at = 0

  init(_ bytes: ByteView) { self.bytes = bytes }

  var left: Int { bytes.count - at }

  mutating func skip(_ count: Int) { at += count }

  mutating func number() -> Int? {
    guard let (value, width) = bytes.varint(at: at), value <= UInt64(Int.max) else { return nil }
    at += width
    return Int(value)
  }

  mutating func wide() -> UInt64? {
    guard let (value, width) = bytes.varint(at: at) else { return nil }
    at += width
    return value
  }

  mutating func run() -> ByteView? {
    guard let count = number(), count <= left else { return nil }
    defer { at += count }
    return bytes[at..<at + count]
  }
}
