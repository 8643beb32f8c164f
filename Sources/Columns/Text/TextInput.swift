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
  /// That the text is of a large capture: the slow model, which is for small ones, would take most of the time.
  public var isOfLargeCapture: Bool

  public init(level: Int = 3, effort: Effort = .standard, backend: BackendKind? = nil, isOfLargeCapture: Bool = false) {
    self.level = level
    self.effort = effort
    self.backend = backend
    self.isOfLargeCapture = isOfLargeCapture
  }
}

/// How a block's text is laid out.
public enum TextLayout: UInt8, Sendable, CaseIterable {
  case empty = 0
  /// Columns, lengths and text, one after the other, through a backend.
  case plain = 1
  /// `TokenModel`.
  case tokens = 2
  /// `MixedModel`.
  case mixed = 3
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
  var tokens: TokenModel?
  var mixed: MixedModel?
  var shared = SharedText()
  /// The newest text that went through a backend.
  var recent = Buffer<UInt8>()
  /// Decoder: whether to tell what each string cost, and by string of the last block what it did; empty where they went
  /// through a backend all together.
  public var tellsCosts = false
  public var costs: [Int] { shared.costs ?? [] }

  public init() {}

  /// After a plain block both sides have forgotten what models learned: its text did not go through them.
  mutating func forget() {
    tokens = nil
    mixed = nil
    shared = SharedText()
  }

  /// Has the model of `layout` ready; anew, with `tableBits`, where there is none or it has grown too large.
  mutating func prepare(_ layout: TextLayout, tableBits: Int) {
    if layout == .tokens {
      let grown = tokens?.size ?? Int.max
      if grown > Self.modelBound { tokens = TokenModel() }
      mixed = nil
    } else {
      let grown = mixed?.size ?? Int.max
      if grown > Self.modelBound { mixed = MixedModel(tableBits: tableBits) }
    }
  }

  /// Bounds what a segment remembers: past it both sides start anew.
  static let modelBound = 1 << 28
  static let recentBound = 1 << 18
}
