import Bytes
import Testing

/// An archive says whether it is whole by these sums: one that another machine finds different is an archive lost.
@Suite struct ChecksumTests {
  @Test("CRC-32C is that of RFC 3720, appendix B.4")
  func vectors() {
    let vectors: [([UInt8], UInt32)] = [
      (Array("123456789".utf8), 0xE306_9283), ([], 0),
      ([UInt8](repeating: 0, count: 32), 0x8A91_36AA), ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
      (Array(0..<32), 0x46DD_794E), (Array((0..<32).reversed()), 0x113F_DB5C),
    ]
    for (bytes, sum) in vectors {
      #expect(bytes.withView { crc32c($0) } == sum)
      #expect(bytes.withView { CRC32C.byTables($0) } == sum)
    }
  }

  @Test("Machines with and without the instruction find the same sum", arguments: [1, 2] as [UInt64])
  func bothWays(seed: UInt64) {
    guard CRC32C.hasInstruction else { return }
    var state = seed
    let bytes = (0..<8 * CRC32C.lane).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: state >> 56)
    }
    let border = 3 * CRC32C.lane
    let lengths = Array(0...70) + [border - 1, border, border + 1, border + 13, 2 * border, 2 * border + 7]
    bytes.withView { view in
      for length in lengths {
        for start in [0, 1, 5] {
          let part = view[start..<start + length]
          #expect(CRC32C.byInstruction(part) == CRC32C.byTables(part), "\(length) bytes from \(start)")
        }
      }
    }
  }

  @Test("A sum taken piece by piece is that of the whole", arguments: [0, 1, 7, 4096, 3 * CRC32C.lane, 50_000])
  func pieces(first: Int) {
    let bytes = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
    bytes.withView { view in
      let (front, rest) = (view[0..<first], view.dropFirst(first))
      let whole = crc32c(view)
      #expect(crc32c(rest, after: crc32c(front)) == whole)
      #expect(CRC32C.byTables(rest, after: CRC32C.byTables(front)) == whole)
    }
  }
}
