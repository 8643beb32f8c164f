import Bytes
import Columns

/// The new strings of a block and its skeleton delta, through the backends.
struct TextPacker: ~Copyable {
  private var backend = Backend()
  private var plain = Buffer<UInt8>()
  private var packed = Buffer<UInt8>()

  /// One short run behind its packed length.
  mutating func packSmall(_ bytes: ByteView, into out: inout Buffer<UInt8>) {
    packed.removeAll()
    if bytes.count > 0 {
      backend.pack(bytes, BackendSettings(kind: bytes.count < 64 ? .none : .zstd, level: 12), into: &packed)
    }
    out.append(varint: packed.count)
    out.append(packed.view)
  }

  mutating func unpackSmall(_ bytes: ByteView, limit: Int, into out: inout Buffer<UInt8>) -> Bool {
    if bytes.isEmpty { return true }
    do { try backend.unpack(bytes, limit: limit, into: &out) } catch { return false }
    return true
  }

  mutating func pack(
    _ new: borrowing Buffer<UInt64>, _ strings: borrowing StringTable, _ config: TracezipConfig,
    into out: inout Buffer<UInt8>
  ) {
    plain.removeAll()
    packed.removeAll()
    for i in 0..<new.count { plain.append(varint: strings.view(Int(new[i] & 0xFFFF_FFFF)).count) }
    for i in 0..<new.count { plain.append(strings.view(Int(new[i] & 0xFFFF_FFFF))) }
    if new.count > 0 { backend.pack(plain.view, BackendSettings(kind: .zstd, level: 6), into: &packed) }
    out.append(varint: packed.count)
    out.append(packed.view)
  }

  mutating func unpack(_ bytes: ByteView, count: Int, limit: Int, into strings: inout StringTable) -> Bool {
    plain.removeAll()
    if !bytes.isEmpty {
      do { try backend.unpack(bytes, limit: limit, into: &plain) } catch { return false }
    }
    var lengths = 0
    for _ in 0..<count {
      guard let v = plain.view.varint(at: lengths) else { return false }
      lengths += v.width
    }
    var at = lengths
    lengths = 0
    for _ in 0..<count {
      guard let v = plain.view.varint(at: lengths), v.value <= UInt64(plain.count - at) else { return false }
      lengths += v.width
      strings.append(plain[at..<at + Int(v.value)])
      at += Int(v.value)
    }
    return true
  }
}
