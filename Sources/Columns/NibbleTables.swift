import Bytes

/// What `codeNibble` looks up: where frequencies move to, and how fast.
@safe @usableFromInline
struct NibbleTables: @unchecked Sendable {
  /// The least frequency of a symbol, of 32768.
  static var floor: Int16 { 4 }
  /// Symbols seen after which the share no longer falls.
  @usableFromInline static var longest: UInt16 { 127 }

  /// The cumulative frequencies if only one symbol ever came, for each symbol, at a fixed address.
  @usableFromInline let targets: UnsafePointer<SIMD16<Int16>>
  /// By the number of symbols seen, 0 to 127, at a fixed address: how far the error is shifted right, in 16 bits; above,
  /// a half of its unit then.
  @usableFromInline let paces: UnsafePointer<UInt32>
  @usableFromInline static let shared = NibbleTables()

  init() {
    let memory = UnsafeMutablePointer<SIMD16<Int16>>.allocate(capacity: 16)
    for symbol in 0..<16 {
      var target = SIMD16<Int16>.zero
      for k in 0..<16 {
        target[k] = Int16(k) * Self.floor + (k > symbol ? Int16(truncatingIfNeeded: 32768 - 16 * Int(Self.floor)) : 0)
      }
      unsafe (memory + symbol).initialize(to: target)
    }
    unsafe targets = UnsafePointer(memory)
    let paces = UnsafeMutablePointer<UInt32>.allocate(capacity: 128)
    for seen in 0..<128 {
      let shift = 1 + [1, 3, 10, 22, 45, 90].reduce(0) { $0 + (seen >= $1 ? 1 : 0) }
      let half = 1 << (shift - 1)
      unsafe paces[seen] = UInt32(shift) | UInt32(half) << 16
    }
    unsafe self.paces = UnsafePointer(paces)
  }

  /// The cumulative frequencies if only `symbol`, below 16, ever came.
  @inline(__always)
  func target(_ symbol: Int) -> SIMD16<Int16> { unsafe targets[symbol & 15] }

  /// All symbols alike.
  @inlinable static var even: SIMD16<UInt16> {
    @inline(__always) get {
      SIMD16(
        0, 2048, 4096, 6144, 8192, 10240, 12288, 14336, 16384, 18432, 20480, 22528, 24576, 26624, 28672, 30720)
    }
  }

  /// What the note of a model says that nobody has touched yet: the upper half of a fresh `BitModel`.
  @usableFromInline static var fresh: UInt16 { 1 << 15 }

  /// Moves the frequencies of `model` towards `symbol`, and counts it in its note: each by a share of what it is off, to the
  /// nearest. One shift for all lanes, and no branches: how much was seen is anyone's guess. What is written is whole
  /// vectors, or they could not be read again until they had left the core.
  @inlinable @inline(__always)
  func learn(_ symbol: Int, _ model: Frequencies) {
    let seen = model.note
    let pace = unsafe paces[Int(seen & 127)]
    let table = model.starts.signed
    let error = unsafe targets[symbol & 15] &- table
    let half = SIMD16(repeating: Int16(truncatingIfNeeded: pace &>> 16))
    model.starts.signed = table &+ (error &+ half) &>> SIMD16(repeating: Int16(truncatingIfNeeded: pace & 15))
    model.note = seen &+ (seen < Self.longest ? 1 : 0)
  }

  /// Makes `model`, which is fresh, one that has seen nothing. Apart, so that what is read then is what memory holds.
  @usableFromInline @inline(never)
  static func begin(_ model: Frequencies) {
    model.starts.all = even
    model.begin(note: 0)
  }
}
