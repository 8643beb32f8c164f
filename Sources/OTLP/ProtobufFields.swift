import Bytes

/// One field of a protobuf message: its number, wire type, and where its value lies.
public struct ProtobufField: Equatable, Sendable {
  public let number: UInt32
  public let wire: WireType
  /// Where the value starts: after tag and length.
  public let value: Int
  /// Where the field ends; past the bytes at hand where they end inside it.
  public let end: Int

  public init(number: UInt32, wire: WireType, value: Int, end: Int) {
    self.number = number
    self.wire = wire
    self.value = value
    self.end = end
  }
}

/// Steps over the fields of a message whose bytes may be at hand only in part, without looking into them.
public struct ProtobufFields: Sendable {
  public enum Step: Equatable, Sendable {
    case field(ProtobufField)
    case end
    /// The bytes at hand end inside a tag, a length, a number or a group.
    case cutOff
    case malformed
  }

  private let bytes: ByteView
  private let declaredEnd: Int
  public private(set) var position: Int

  /// Groups inside groups; deeper ones are taken for damage.
  private static let groupLimit = 64

  /// Walks the message that starts at `start` and should end at `declaredEnd`, which may lie beyond `bytes`
  /// (`Int.max`: wherever the file ends).
  public init(_ bytes: ByteView, from start: Int, declaredEnd: Int) {
    precondition(start >= 0)
    self.bytes = bytes
    self.declaredEnd = declaredEnd
    position = start
  }

  public mutating func next() -> Step {
    let step = fieldOrMark(at: position)
    guard case .field(let first) = step else { return step }
    guard first.wire != .groupEnd else { return .malformed }
    guard first.wire == .groupStart else {
      position = first.end
      return step
    }
    var open: [UInt32] = [first.number]
    var at = first.end
    while let number = open.last {
      let inner = fieldOrMark(at: at)
      guard case .field(let field) = inner else { return inner == .end ? .malformed : inner }
      if field.wire == .groupEnd {
        guard field.number == number else { return .malformed }
        open.removeLast()
      } else if field.wire == .groupStart {
        guard open.count < Self.groupLimit else { return .malformed }
        open.append(field.number)
      }
      at = field.end
    }
    position = at
    return .field(ProtobufField(number: first.number, wire: .groupStart, value: first.value, end: at))
  }

  private var isCutOff: Bool { bytes.count < declaredEnd }

  private func varint(at offset: Int) -> (value: UInt64, width: Int)? {
    bytes[0..<min(bytes.count, declaredEnd)].varint(at: offset)
  }

  /// A varint that cannot be read is either cut off by the window or no varint.
  private func unreadable(at offset: Int) -> Step {
    isCutOff && bytes.count - offset < 10 ? .cutOff : .malformed
  }

  private func fieldOrMark(at start: Int) -> Step {
    guard start < declaredEnd else { return start == declaredEnd ? .end : .malformed }
    guard start < bytes.count else { return .cutOff }
    guard let (tag, width) = varint(at: start) else { return unreadable(at: start) }
    guard tag <= UInt32.max, tag >> 3 > 0, let wire = WireType(rawValue: UInt8(tag & 7)) else { return .malformed }
    let at = start + width
    func field(_ value: Int, _ end: Int) -> Step {
      .field(ProtobufField(number: UInt32(tag >> 3), wire: wire, value: value, end: end))
    }
    func fixed(_ n: Int) -> Step {
      if at + n > declaredEnd { return .malformed }
      return at + n > bytes.count ? .cutOff : field(at, at + n)
    }
    switch wire {
    case .varint:
      guard let (_, width) = varint(at: at) else { return unreadable(at: at) }
      return field(at, at + width)
    case .fixed64: return fixed(8)
    case .fixed32: return fixed(4)
    case .groupStart, .groupEnd: return field(at, at)
    case .bytes:
      guard let (length, width) = varint(at: at) else { return unreadable(at: at) }
      let value = at + width
      guard length <= UInt32.max, Int(length) <= declaredEnd - value else { return .malformed }
      return field(value, value + Int(length))
    }
  }
}
