import Bytes

/// Long repeats between long strings, of any distance and across columns: prompts that travel from span to span and
/// from attribute to attribute, as JSON inside strings.
///
/// A long string becomes parts: literal text, which goes on to the text model, and copies of earlier long text. Places
/// to copy from are found through hashes of every 16th 32-byte window (as zstd's long-distance matcher samples them).
struct Repeats: ~Copyable {
  struct Copy: BitwiseCopyable {
    /// Literal bytes before the copy, where it copies from and how much.
    var literal: Int
    var source: Int
    var length: Int
  }

  /// All long strings of the segment, one after the other, and what would become one.
  private(set) var text = Buffer<UInt8>()
  private var anchors = Buffer<UInt32>()
  private var models = Models()
  private let has: Int
  private let counts: Int
  private let literals: Int
  private let lengths: Int
  private let continues: Int
  private let gaps: Int
  private let distances: Int
  /// The copies of the present string.
  var copies = Buffer<Copy>()

  static let longString = 256
  private static let window = 32
  private static let step = 16
  /// No copy is shorter, so that a string has few of them.
  private static let shortest = 64
  static let bound = 1 << 27

  init() {
    has = models.allocate(256)
    counts = models.allocate(ModelSize.number)
    literals = models.allocate(ModelSize.number)
    lengths = models.allocate(ModelSize.number)
    continues = models.allocate(2)
    gaps = models.allocate(ModelSize.signed)
    distances = models.allocate(ModelSize.number)
  }

  /// Finds the copies that `string`, of which nothing has been remembered yet, can be made of.
  mutating func find(_ string: ByteView) {
    copies.removeAll()
    if string.count < Self.longString || text.count == 0 { return }
    // Copies cost some bytes each: among little text the models' own matches do better.
    let minimum = text.count < 1 << 20 ? 400 : Self.shortest
    let mask = anchors.count &- 1
    let power = Self.power
    var at = 0
    var literalFrom = 0
    var hash = Self.hash(string, 0)
    let last = string.count &- Self.window
    while at <= last {
      let candidate = Int(anchors[Int(truncatingIfNeeded: Self.spread(hash)) & mask]) &- 1
      if candidate >= 0, candidate &+ Self.window <= text.count,
        text[candidate..<(candidate &+ Self.window)] == string[at..<(at &+ Self.window)]
      {
        var start = at
        var source = candidate
        while start > literalFrom, source > 0, string.unchecked(start &- 1) == text[source &- 1] {
          start &-= 1
          source &-= 1
        }
        var end = at &+ Self.window
        var sourceEnd = candidate &+ Self.window
        let earlier = text.view
        while end &+ 8 <= string.count, sourceEnd &+ 8 <= earlier.count,
          string.load(UInt64.self, at: end) == earlier.load(UInt64.self, at: sourceEnd)
        {
          end &+= 8
          sourceEnd &+= 8
        }
        while end < string.count, sourceEnd < earlier.count,
          string.unchecked(end) == earlier.unchecked(sourceEnd)
        {
          end &+= 1
          sourceEnd &+= 1
        }
        if end &- start >= minimum {
          copies.append(Copy(literal: start &- literalFrom, source: source, length: end &- start))
          literalFrom = end
          at = end
          if at <= last { hash = Self.hash(string, at) }
          continue
        }
        if end &- Self.window > at {
          // Too short, and so is every part of it.
          at = end &- Self.window &+ 1
          if at <= last { hash = Self.hash(string, at) }
          continue
        }
      }
      if at < last {
        hash =
          (hash &- UInt64(string.unchecked(at)) &* power) &* Self.base
          &+ UInt64(string.unchecked(at &+ Self.window))
      }
      at &+= 1
    }
  }

  /// The copies of a string: none, or how many and each; into `copies` where they are read. Reading stops with a
  /// failed coder where they make no sense: copies of text that is not there, or more than `limit` bytes.
  mutating func code<C: BitCoder & ~Copyable>(column: Int, limit: Int, _ coder: inout C) {
    if !coder.codeBit(copies.count > 0, &models, has &+ min(column, 255), limit: 127) {
      if C.decodes { copies.removeAll() }
      return
    }
    let count = Int(truncatingIfNeeded: coder.codeNumber(UInt64(copies.count), &models, counts))
    if C.decodes { copies.removeAll() }
    var follows = 0
    var total = 0
    var k = 0
    while k < count, !coder.failed {
      let copy = C.decodes ? Copy(literal: 0, source: 0, length: 0) : copies[k]
      let literal = Int(truncatingIfNeeded: coder.codeNumber(UInt64(copy.literal), &models, literals))
      let length = Int(truncatingIfNeeded: coder.codeNumber(UInt64(copy.length), &models, lengths))
      // Most copies go on near where the last one stopped.
      let gap = copy.source &- follows
      let near = coder.codeBit(gap.magnitude < 4096, &models, continues &+ (k == 0 ? 0 : 1))
      let source: Int
      if near {
        source = follows &+ Int(coder.codeSigned(Int64(gap), &models, gaps))
      } else {
        let distance = Int(
          truncatingIfNeeded: coder.codeNumber(UInt64(text.count &- copy.source), &models, distances))
        source = text.count &- distance
      }
      if C.decodes {
        guard literal >= 0, length >= Self.shortest, source >= 0, literal <= limit &- total,
          length <= limit &- total &- literal, source <= text.count &- length
        else {
          coder.fail()
          return
        }
        copies.append(Copy(literal: literal, source: source, length: length))
        total &+= literal &+ length
      }
      follows = source &+ length
      k &+= 1
    }
  }

  /// Remembers a string for later ones to copy from, if it is long.
  mutating func remember(_ string: ByteView, forFinding: Bool) {
    if string.count < Self.longString || text.count &+ string.count > Self.bound { return }
    var at = (text.count &+ Self.step &- 1) / Self.step &* Self.step
    text.append(string)
    if !forFinding { return }
    if text.count / Self.step &* 2 > anchors.count {
      anchors = Buffer<UInt32>(repeating: 0, count: max(1 << 12, anchors.count &* 4))
      at = 0
    }
    let mask = anchors.count &- 1
    let all = text.view
    while at &+ Self.window <= all.count {
      anchors[Int(truncatingIfNeeded: Self.spread(Self.hash(all, at))) & mask] = UInt32(truncatingIfNeeded: at &+ 1)
      at &+= Self.step
    }
  }

  // A polynomial hash over the window, modulo 2^64 (Rabin-Karp).
  private static let base: UInt64 = 0x9E37_79B9_7F4A_7C15
  private static let power: UInt64 = (1..<window).reduce(1) { value, _ in value &* base }

  @inline(__always)
  private static func hash(_ bytes: ByteView, _ at: Int) -> UInt64 {
    let run = bytes[at..<(at &+ window)]
    var hash: UInt64 = 0
    for k in 0..<window { hash = hash &* base &+ UInt64(run.unchecked(k)) }
    return hash
  }

  /// The high bits know the whole window.
  @inline(__always)
  private static func spread(_ hash: UInt64) -> UInt64 { (hash ^ hash >> 29) &* 0x9FB2_1C65_1E98_DF25 >> 32 }
}
