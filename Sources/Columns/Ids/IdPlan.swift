import Bytes

/// What the encoder found: which generator each id of a block comes from, and where in it the id stands. Of a decoder only
/// the tags are filled in.
struct IdPlan: ~Copyable {
  /// By draw: its group, its lane in `lanes` or -1, and the position in that lane.
  struct Entry: BitwiseCopyable {
    var position: Int64 = 0
    var lane: Int32 = -1
    private var mark: UInt32 = 0

    init() {}

    @inline(__always)
    init(group: Int32, lane: Int32, position: Int64, isSure: Bool = false) {
      self.position = position
      self.lane = lane
      mark = UInt32(bitPattern: group) << 1 | (isSure ? 1 : 0)
    }

    var group: Int32 {
      @inline(__always) get { Int32(bitPattern: mark >> 1) }
      @inline(__always) set { mark = UInt32(bitPattern: newValue) << 1 | mark & 1 }
    }
    /// Whether the generator has been seen to give the id there.
    var isSure: Bool { @inline(__always) get { mark & 1 != 0 } }
  }

  /// A lane as the encoder knows it.
  struct Lane: BitwiseCopyable {
    /// The lane's number in the stream, once it has one, and the position that is 0 there.
    var named: Int32 = -1
    var origin: Int64 = 0
    /// Java: seed at position 0, and step.
    var seed: UInt64 = 0
    var step: UInt64 = 0
    /// Other generators: index in `states`.
    var source: Int32 = -1
  }

  var entries = Buffer<Entry>()
  var tags = DrawTags()
  /// The draws by start (`IdOrder.visit`).
  var order = Buffer<UInt32>()
  /// Families of the groups from 1 on, and Java's seeders as far as they are known.
  var families: [IdFamily] = []
  var seeders: [UInt64?] = []
  /// Lanes of the segment so far.
  var lanes = Buffer<Lane>()
  /// States of lanes to be named, empty once they are.
  var states: [[UInt8]] = []
  var tracks: [SequenceTrack] = []
  /// Places (`IdDraw.place`) whose habits are new in this block, in ascending order.
  var habits = Buffer<(place: Int, habits: IdHabits)>()

  init() {}
}
