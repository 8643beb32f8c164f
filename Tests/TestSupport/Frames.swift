/// The messages of a capture, cut out the plain way: an independent reading of the framings.
package enum Frames {
  package static func lengthPrefixed(_ bytes: [UInt8]) -> [[UInt8]] {
    var messages: [[UInt8]] = []
    var at = 0
    while at + 4 <= bytes.count {
      let length = bytes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
      messages.append(Array(bytes[at + 4..<at + 4 + length]))
      at += 4 + length
    }
    return messages
  }

  package static func varintDelimited(_ bytes: [UInt8]) -> [[UInt8]] {
    var messages: [[UInt8]] = []
    var at = 0
    while at < bytes.count {
      var length = 0
      var shift = 0
      repeat {
        length |= Int(bytes[at] & 0x7F) << shift
        shift += 7
        at += 1
      } while bytes[at - 1] >= 0x80
      messages.append(Array(bytes[at..<at + length]))
      at += length
    }
    return messages
  }

  package static func lines(_ bytes: [UInt8]) -> [[UInt8]] {
    bytes.split(separator: UInt8(ascii: "\n")).map(Array.init)
  }
}
