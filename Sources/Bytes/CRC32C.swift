import CMachine

/// CRC-32C (Castagnoli; RFC 3720, appendix B.4) of `bytes`, or of what has the sum `before` and `bytes` behind it: by
/// the processor's own instruction where it has one.
public func crc32c(_ bytes: ByteView, after before: UInt32 = 0) -> UInt32 {
  CRC32C.hasInstruction ? CRC32C.byInstruction(bytes, after: before) : CRC32C.byTables(bytes, after: before)
}

/// Both ways to the same sum, apart for tests.
package enum CRC32C {
  package static let hasInstruction = tracezip_has_crc32c() != 0

  /// Bytes of a lane: three lanes side by side fit the smallest caches.
  package static let lane = 4096

  // MARK: By instruction

  /// Three lanes at a time, whose registers are then put together (after Mark Adler's crc32c.c, 2013).
  package static func byInstruction(_ bytes: ByteView, after before: UInt32 = 0) -> UInt32 {
    var crc = ~before
    var at = 0
    if bytes.count >= 3 * lane {
      let shift = Shift.overLane
      while at + 3 * lane <= bytes.count {
        var crcs: (UInt32, UInt32, UInt32) = (crc, 0, 0)
        let part = bytes[at..<at + 3 * lane]
        unsafe withUnsafeMutableBytes(of: &crcs) { registers in
          unsafe tracezip_crc32c_three(
            registers.baseAddress!.assumingMemoryBound(to: UInt32.self), part.base, lane)
        }
        crc = shift.apply(shift.apply(crcs.0) ^ crcs.1) ^ crcs.2
        at += 3 * lane
      }
    }
    let rest = bytes.dropFirst(at)
    return unsafe ~tracezip_crc32c(crc, rest.base, rest.count)
  }

  /// What a lane of zeros makes of a register: linear in its bits, so four tables of a byte each tell it.
  struct Shift: Sendable {
    static let overLane = Shift()
    private let tables: [UInt32]

    private init() {
      let zeros = Buffer<UInt8>(repeating: 0, count: lane)
      let bits = (0..<32).map { unsafe tracezip_crc32c(1 << UInt32($0), zeros.view.base, lane) }
      var tables = [UInt32](repeating: 0, count: 4 * 256)
      for at in tables.indices {
        for bit in 0..<8 where at >> bit & 1 == 1 { tables[at] ^= bits[at / 256 * 8 + bit] }
      }
      self.tables = tables
    }

    @inline(__always)
    func apply(_ crc: UInt32) -> UInt32 {
      tables[Int(crc & 255)] ^ tables[256 + Int(crc >> 8 & 255)] ^ tables[512 + Int(crc >> 16 & 255)]
        ^ tables[768 + Int(crc >> 24)]
    }
  }

  // MARK: By tables

  /// Of a byte, and of bytes that one to seven others follow.
  private static let tables: [UInt32] = {
    var tables = [UInt32](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
      var crc = UInt32(byte)
      for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0x82F6_3B78 : 0) }
      tables[byte] = crc
    }
    for at in 256..<tables.count { tables[at] = tables[at - 256] >> 8 ^ tables[Int(tables[at - 256] & 255)] }
    return tables
  }()

  /// Eight bytes at a time (Kounavis and Berry 2005).
  package static func byTables(_ bytes: ByteView, after before: UInt32 = 0) -> UInt32 {
    let tables = tables
    var crc = ~before
    var at = 0
    while at &+ 8 <= bytes.count {
      let word = bytes.load(UInt64.self, at: at) ^ UInt64(crc)
      crc = 0
      for k in 0..<8 { crc ^= tables[(7 &- k) &* 256 &+ Int(word >> UInt64(8 &* k) & 255)] }
      at &+= 8
    }
    while at < bytes.count {
      crc = crc >> 8 ^ tables[Int((crc ^ UInt32(bytes[at])) & 255)]
      at &+= 1
    }
    return ~crc
  }
}
