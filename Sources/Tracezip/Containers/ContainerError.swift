/// Why a compressed input cannot be taken out of its container, and where in the container that showed.
public struct ContainerError: Error, Equatable, Sendable {
  public enum Kind: Equatable, Sendable {
    /// The input ends inside a frame.
    case truncated
    /// The decoder refuses the bytes: its own words.
    case corrupt(String)
    /// After the last frame come bytes that begin none.
    case trailingBytes
    /// Decoding asks for more than is allowed: a window, or a message.
    case limitExceeded(limit: Int)
    /// A message of another encoding than those before it.
    case mixedEncodings
    /// The input could not be read.
    case source(errno: Int32)
    case outOfMemory
  }

  public let kind: Kind
  /// Bytes of the container before the place.
  public let offset: Int

  public init(_ kind: Kind, at offset: Int) {
    self.kind = kind
    self.offset = offset
  }
}
