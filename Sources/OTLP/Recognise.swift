import Bytes

extension Recognition {
  /// A window of this size is enough for `recognise`; smaller ones do where the file is smaller.
  public static let window = 1 << 20

  /// Says what the file is whose first bytes are `bytes`; `isEnd` if these are all.
  ///
  /// Each framing's chain is walked as far as the bytes go and the messages in it are judged, so that neither suffix
  /// nor a lucky first byte decides. Costs a look at every prefix and at the first tags of some messages.
  public static func recognise(_ bytes: ByteView, isEnd: Bool) -> Recognition {
    if bytes.isEmpty { return Recognition(framing: .unknown, dialect: .empty) }
    if let json = JSONProbe.recognise(bytes) { return json }
    var best: Chain?
    for framing in [Framing.lengthPrefixedZstd, .lengthPrefixed, .bare, .varintDelimited, .newlineJoined] {
      let chain = Chain(framing, bytes, isEnd: isEnd)
      if chain.rank > best?.rank ?? .nothing { best = chain }
    }
    if let best {
      return Recognition(
        framing: best.framing, dialect: .otlp, signal: best.signal, isDamaged: best.isBroken || best.isCutOff)
    }
    if let json = JSONProbe.recogniseLater(bytes) { return json }
    return Recognition(framing: .unknown, dialect: .unknown)
  }
}

/// One framing tried on a file's first bytes.
private struct Chain {
  /// The better the later; `covered` bytes decide among equals, then the fewer empty messages (three zeros begin
  /// most big-endian lengths), then what the last frame lacks, then the order of trial.
  struct Rank: Comparable {
    enum Tier: Int {
      case none
      /// Every frame fits, though nothing in them tells what they are.
      case fits
      /// Leaves were recognised, and then the chain breaks.
      case startsWell
      /// Leaves were recognised, and all frames fit but the last, or some hold something else.
      case good
      case perfect
    }

    var tier: Tier
    var covered: Int
    var empties: Int
    var missing: Int

    static let nothing = Rank(tier: .none, covered: 0, empties: 0, missing: 0)

    static func < (a: Rank, b: Rank) -> Bool {
      (a.tier.rawValue, a.covered, b.empties, b.missing) < (b.tier.rawValue, b.covered, a.empties, a.missing)
    }
  }

  let framing: Framing
  private(set) var signal: Signal?
  private(set) var isBroken = false
  private(set) var isCutOff = false
  private(set) var rank = Rank.nothing

  /// Messages whose insides are judged; of the others only the first byte of the first field is looked at.
  private static let probes = 64

  init(_ framing: Framing, _ bytes: ByteView, isEnd: Bool) {
    self.framing = framing
    var cursor = FrameCursor(framing)
    var frames = 0
    var messages = 0
    var missing = 0
    var brokenAt = 0
    var odd = 0
    var hasStructure = false
    walk: while true {
      // Asked as if more might come, so that the walk tells a cut-off frame from a broken chain.
      switch cursor.next(in: bytes, isEnd: false) {
      case .frame(let frame):
        if !judge(bytes, frame, frames, &hasStructure) { odd += 1 }
        frames += 1
        if !frame.payload.isEmpty { messages += 1 }
      case .verbatim(let range):
        brokenAt = range.lowerBound
        isBroken = isBroken || range != bytes.count - 1..<bytes.count || framing != .newlineJoined
        if cursor.isBroken { break walk }
      case .more(let frame):
        if let frame, !judge(bytes, frame, frames, &hasStructure) { odd += 1 }
        missing = frame.map { $0.end - bytes.count } ?? 0
        isCutOff = isEnd && cursor.position < bytes.count
        break walk
      case .end: break walk
      }
      // A wrong guess need not be followed to the end of a large file.
      if frames == 1024, signal == nil, !hasStructure { break walk }
    }
    let isTiny = isEnd && bytes.count <= 1024
    let tier: Rank.Tier =
      if signal != nil || framing == .lengthPrefixedZstd && (frames > odd || missing > 0) {
        isBroken ? .startsWell : odd > 0 || isCutOff ? .good : .perfect
      } else if !isBroken, !isCutOff, odd == 0, hasStructure || isTiny && frames > 0 {
        .fits
      } else {
        .none
      }
    // One whole message shows that the rest would fit too, if its end were there; an empty one or none shows nothing.
    let covered = messages == 0 ? 0 : isBroken ? brokenAt : bytes.count
    if tier != .none { rank = Rank(tier: tier, covered: covered, empties: frames - messages, missing: missing) }
  }

  /// Judges one message; false where it is not what the framing should hold.
  private mutating func judge(_ bytes: ByteView, _ frame: Frame, _ index: Int, _ hasStructure: inout Bool) -> Bool {
    let payload = frame.payload
    if framing == .lengthPrefixedZstd { return ZstdMagic.stands(in: bytes, at: payload.lowerBound) }
    guard index < Self.probes else {
      let head = bytes[min(payload.lowerBound, bytes.count)..<min(payload.upperBound, bytes.count)]
      return ProtobufProbe.mayStart(head, length: payload.count)
    }
    let verdict = ProtobufProbe.message(bytes, payload.lowerBound, payload.upperBound)
    if signal == nil { signal = verdict.signal }
    hasStructure = hasStructure || verdict.hasStructure
    return verdict.isPlausible
  }
}
