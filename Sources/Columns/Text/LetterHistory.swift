import Bytes

/// The bytes so far, and where they went on before as they do now: the longest match by the last six bytes.
struct LetterHistory: ~Copyable {
  /// All bytes, and by a hash of six where the last such six ended.
  private var bytes = Buffer<UInt8>(capacity: 1 << 12)
  private var places: Buffer<UInt32>
  private var matchAt = 0
  /// How many bytes the match has been right for, 0 for no match.
  private(set) var matchLength = 0
  /// The newest bytes, the newest lowest; columns leave a mark there too.
  var before: UInt64 = 0

  /// `1 << bits` places.
  init(bits: Int) { places = Buffer(repeating: 0, count: 1 << bits) }

  var count: Int { bytes.count }

  /// What comes next if the match goes on.
  var expected: UInt8 { @inline(__always) get { matchLength > 0 ? bytes[matchAt] : 0 } }

  mutating func forgetMatch() { matchLength = 0 }

  mutating func append(_ byte: UInt8) {
    if matchLength > 0 {
      matchLength = byte == bytes[matchAt] ? min(matchLength &+ 1, 1 << 16) : 0
      matchAt &+= 1
    }
    bytes.append(byte)
    before = before << 8 | UInt64(byte)
    let hash = (before & 0xFFFF_FFFF_FFFF) &* 0x9FB2_1C65_1E98_DF25
    let place = Int(hash >> 40) & (places.count &- 1)
    if matchLength == 0 {
      let at = Int(places[place])
      if at > 0, at < bytes.count {
        var length = 0
        while length < 32, length < at, bytes[at &- 1 &- length] == bytes[bytes.count &- 1 &- length] { length &+= 1 }
        if length >= 4 {
          matchAt = at
          matchLength = length
        }
      }
    }
    places[place] = UInt32(truncatingIfNeeded: bytes.count)
  }
}
