import Bytes

/// What is asked most often of a block's draws, close together: a draw itself fills a line of the cache.
struct DrawTags: ~Copyable {
  struct Tag: BitwiseCopyable {
    private let bits: UInt32

    @inline(__always)
    init(_ draw: IdDraw, isSecond: Bool) { bits = draw.process << 3 | (isSecond ? 4 : 0) | UInt32(draw.kind.rawValue) }

    var process: Int { @inline(__always) get { Int(bits >> 3) } }
    /// The process, and whether the id is a stranger in it.
    var place: Int { @inline(__always) get { Int(bits >> 3) << 1 | Int(bits >> 1 & 1) } }
    /// `IdKind` as a number, for keys.
    var kindNumber: UInt64 { @inline(__always) get { UInt64(bits & 3) } }
    var isTrace: Bool { @inline(__always) get { bits & 1 != 0 } }
    var isStrange: Bool { @inline(__always) get { bits & 2 != 0 } }
    /// Bytes of the id itself.
    var size: Int { @inline(__always) get { isTrace ? 16 : 8 } }
    /// Whether it is the second draw of a pair in file order.
    var isSecond: Bool { @inline(__always) get { bits & 4 != 0 } }
  }

  private var tags = Buffer<Tag>()
  /// One more than the highest number of a node.
  private(set) var nodes = 0
  /// The first start, and the last.
  private(set) var least = UInt64.max
  private(set) var most: UInt64 = 0
  /// Whether the draws are in the order of their starts.
  private(set) var areSorted = true

  var count: Int { tags.count }

  subscript(draw: Int) -> Tag { @inline(__always) get { tags[draw] } }

  /// Whether `a` and `b` are a pair.
  @inline(__always)
  func arePair(_ a: Int, _ b: Int) -> Bool { b == a &+ 1 ? tags[b].isSecond : a == b &+ 1 && tags[a].isSecond }

  /// Puts each pair among `order` in the order in which a generator draws it.
  func arrangePairs(_ order: BufferView<UInt32>, traceIsFirst: Bool) {
    var i = 1
    while i < order.count {
      let (a, b) = (order.unchecked(i &- 1), order.unchecked(i))
      guard b == a &+ 1, tags[Int(b)].isSecond else {
        i &+= 1
        continue
      }
      if tags[Int(a)].isTrace != traceIsFirst {
        order.setUnchecked(i &- 1, b)
        order.setUnchecked(i, a)
      }
      i &+= 2
    }
  }

  /// Of `draws` in place of what there was.
  mutating func read(_ draws: borrowing Buffer<IdDraw>) {
    tags.removeAll()
    tags.reserve(draws.count)
    (nodes, least, most, areSorted) = (0, .max, 0, true)
    let all = draws.elements
    var hasPrevious = false
    var last: UInt64 = 0
    for d in 0..<all.count {
      let draw = all[d]
      let isSecond = hasPrevious && IdDraw.arePair(all[d &- 1], draw)
      hasPrevious = !isSecond
      tags.append(Tag(draw, isSecond: isSecond))
      if draw.node != IdDraw.none { nodes = max(nodes, Int(draw.node) &+ 1) }
      if draw.start < last { areSorted = false }
      last = draw.start
      least = min(least, last)
      most = max(most, last)
    }
  }
}
