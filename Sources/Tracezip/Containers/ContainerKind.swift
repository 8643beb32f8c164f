import Bytes
import OTLP

/// The compressed formats an input may be wrapped in.
public enum ContainerKind: UInt8, CaseIterable, Sendable {
  case gzip
  case zstd
  case lz4

  public var name: String {
    switch self {
    case .gzip: "gzip"
    case .zstd: "zstd"
    case .lz4: "lz4"
    }
  }

  /// File name endings of the format, to be dropped from the name of the payload.
  public var suffixes: [String] {
    switch self {
    case .gzip: [".gz", ".gzip"]
    case .zstd: [".zst", ".zstd"]
    case .lz4: [".lz4"]
    }
  }

  /// The longest beginning that `recognise` looks at, unless skippable frames come first.
  public static let magicWidth = 4

  /// The container that `bytes` begin with, by its magic number (RFC 1952, RFC 8878, lz4_Frame_format.md).
  ///
  /// Skippable frames are common to zstd and lz4: what follows them decides, and zstd where that is out of sight.
  public static func recognise(_ bytes: ByteView) -> ContainerKind? {
    var at = 0
    while at + 4 <= bytes.count {
      if at == 0, isMember(.gzip, bytes, at) { return .gzip }
      switch bytes.load(UInt32.self, at: at) {
      case 0xFD2F_B528: return .zstd
      case 0x184D_2204: return .lz4
      case 0x184D_2A50...0x184D_2A5F:
        guard at + 8 <= bytes.count else { return .zstd }
        at += 8 + Int(bytes.load(UInt32.self, at: at + 4))
      default: return at > 0 ? .zstd : nil
      }
    }
    return at > 0 ? .zstd : nil
  }

  /// Whether a frame (member) of the container may begin at `offset`, where `magicWidth` bytes are at hand.
  static func isMember(_ kind: ContainerKind, _ bytes: ByteView, _ offset: Int) -> Bool {
    guard offset + 4 <= bytes.count else { return false }
    let magic = bytes.load(UInt32.self, at: offset)
    switch kind {
    // Method 8 is deflate, the only one; the top flag bits are reserved.
    case .gzip: return magic & 0xE0FF_FFFF == 0x0008_8B1F
    case .zstd: return ZstdMagic.stands(in: bytes, at: offset)
    case .lz4: return magic == 0x184D_2204 || magic & 0xFFFF_FFF0 == 0x184D_2A50
    }
  }
}
