import Glibc

/// File names as Swift strings without losing any: a name is bytes, and not every name is UTF-8.
///
/// A byte that is no part of valid UTF-8 becomes the private character U+10FF00 + byte, as Python's `surrogateescape`
/// does with lone surrogates, and turns back when the name goes to the system. Valid characters of that range are
/// taken apart into escaped bytes as well, so the mapping is exact in both directions.
enum PathName {
  private static let escapes: ClosedRange<UInt32> = 0x10_FF00...0x10_FFFF

  static func string(_ bytes: [UInt8]) -> String {
    if let name = String(validating: bytes, as: UTF8.self), !name.unicodeScalars.contains(where: isEscape) {
      return name
    }
    var name = String.UnicodeScalarView()
    var at = 0
    while at < bytes.count {
      let width = width(of: bytes[at])
      let end = min(bytes.count, at + width)
      if let piece = String(validating: bytes[at..<end], as: UTF8.self), let scalar = piece.unicodeScalars.first,
        !isEscape(scalar)
      {
        name.append(scalar)
        at = end
      } else {
        name.append(Unicode.Scalar(escapes.lowerBound + UInt32(bytes[at]))!)
        at += 1
      }
    }
    return String(name)
  }

  static func bytes(_ name: String) -> [UInt8] {
    guard name.unicodeScalars.contains(where: isEscape) else { return Array(name.utf8) }
    var bytes: [UInt8] = []
    for scalar in name.unicodeScalars {
      if isEscape(scalar) {
        bytes.append(UInt8(scalar.value - escapes.lowerBound))
      } else {
        bytes.append(contentsOf: String(scalar).utf8)
      }
    }
    return bytes
  }

  static func isEscape(_ scalar: Unicode.Scalar) -> Bool { escapes.contains(scalar.value) }

  private static func width(of lead: UInt8) -> Int {
    switch lead {
    case 0xC2...0xDF: 2
    case 0xE0...0xEF: 3
    case 0xF0...0xF4: 4
    default: 1
    }
  }

  /// Calls `body` with the name as the system wants it. A name with a NUL inside names nothing.
  static func withSystemPath<R>(_ name: String, _ body: (UnsafePointer<CChar>) -> R) -> R {
    let bytes = bytes(name).prefix { $0 != 0 } + [0]
    return unsafe bytes.withUnsafeBufferPointer { chars in
      unsafe chars.baseAddress!.withMemoryRebound(to: CChar.self, capacity: chars.count) { unsafe body($0) }
    }
  }

  /// The part behind the last slash.
  static func last(_ path: String) -> String {
    let trimmed = path.utf8.lastIndex(of: 0x2F).map { path[path.index(after: $0)...] }
    return String(trimmed ?? path[...])
  }

  /// What stands before the last slash; `.` for a bare name.
  static func folder(_ path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: 0x2F) else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  static func join(_ folder: String, _ name: String) -> String {
    folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
  }
}
