import Bytes

/// Strings in file order over all columns: one arena and where each lies in it.
public struct TextInput: ~Copyable {
  public struct Item: BitwiseCopyable, Sendable {
    public var offset: Int
    public var length: Int
    public var column: Int

    @inlinable
    public init(offset: Int, length: Int, column: Int) {
      self.offset = offset
      self.length = length
      self.column = column
    }
  }

  public var arena = Buffer<UInt8>(capacity: 1 << 12)
  public var items = Buffer<Item>(capacity: 1 << 8)

  public init() {}

  @inlinable
  public mutating func append(_ bytes: ByteView, column: Int) {
    items.append(Item(offset: arena.count, length: bytes.count, column: column))
    arena.append(bytes)
  }

  @inlinable
  public subscript(index: Int) -> ByteView {
    let item = items[index]
    return arena[item.offset..<(item.offset + item.length)]
  }

  public mutating func removeAll() {
    arena.removeAll()
    items.removeAll()
  }
}

public struct TextOptions: Sendable, Equatable {
  public enum Effort: Int, Sendable, Comparable {
    case fast, standard, best
    public static func < (a: Effort, b: Effort) -> Bool { a.rawValue < b.rawValue }
  }

  /// 1 to 19: the backend's level, where a backend is used.
  public var level: Int
  public var effort: Effort
  /// The backend to use for all text, or nil for whatever is smallest at this effort.
  public var backend: BackendKind?

  public init(level: Int = 3, effort: Effort = .standard, backend: BackendKind? = nil) {
    self.level = level
    self.effort = effort
    self.backend = backend
  }
}

/// How a block's text is laid out.
public enum TextLayout: UInt8, Sendable, CaseIterable {
  case empty = 0
  /// Columns, lengths and text, one after the other, through a backend.
  case plain = 1
  /// `TokenModel`.
  case tokens = 2
}

/// What became of a block's text.
public struct TextReport: Sendable {
  public var layout = TextLayout.empty
  /// Stored bytes by column; with one stream for all columns, each column's share.
  public var bytes: [Int] = []
}

public enum TextError: Error, Equatable, Sendable {
  case truncated(needed: Int, available: Int)
  case unknownLayout(found: UInt8)
  case limitExceeded(limit: Int, value: Int)
  /// The stream gives strings to columns that have fewer.
  case wrongColumn(column: Int)
  /// String number `string` of the block cannot be read.
  case damaged(string: Int)
  case backend(BackendError)
}

/// What the blocks of a segment have taught about its text. Encoder and decoder each keep one and pass it every block of
/// the segment in order; after an error it is of no more use.
public struct TextState: ~Copyable {
  var backend = Backend()
  var tokens = TokenModel()
  /// The newest text that went through a backend.
  var recent = Buffer<UInt8>()

  public init() {}

  /// Bounds what a segment remembers: past it both sides start anew.
  static let tokenBound = 1 << 28
  static let recentBound = 1 << 18
}
