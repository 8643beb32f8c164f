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
  /// By the number of symbols seen, 0 to 127: the error is shifted right by so much; at a fixed address.
  @usableFromInline let shifts: UnsafePointer<UInt8>
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
    let shifts = UnsafeMutablePointer<UInt8>.allocate(capacity: 128)
    for seen in 0..<128 {
      unsafe shifts[seen] = 1 + [1, 3, 10, 22, 45, 90].reduce(0) { $0 + (seen >= $1 ? 1 : 0) }
    }
    unsafe self.shifts = UnsafePointer(shifts)
  }

  /// All symbols alike.
  @inlinable static var even: SIMD16<UInt16> {
    @inline(__always) get {
      SIMD16(
        0, 2048, 4096, 6144, 8192, 10240, 12288, 14336, 16384, 18432, 20480, 22528, 24576, 26624, 28672, 30720)
    }
  }

  /// Where `symbol` lies in 0...32768.
  @inlinable @inline(__always)
  static func interval(_ symbol: Int, _ model: Sixteen) -> (from: UInt64, to: UInt64) {
    // Without branches: symbols are hard to foresee. Lane 0 is masked, 16 is the whole.
    let next = symbol &+ 1
    return (
      UInt64(model[symbol]) & UInt64(bitPattern: Int64(0 &- symbol) >> 63),
      UInt64(model[next]) & (UInt64(next >> 4) &- 1) | UInt64(next >> 4) << 15
    )
  }

  /// The symbol in whose interval `target`, below 32768, lies: how many of the others begin at or before it.
  ///
  /// Comparisons of vectors are slow in Swift (a loop over the lanes); the sign of a difference is not.
  @inlinable @inline(__always)
  static func find(_ target: Int, in model: Sixteen) -> Int {
    let target = UInt16(truncatingIfNeeded: target)
    let above = (SIMD16(repeating: target) &- model.all) &>> 15
    let pairs = unsafe unsafeBitCast(above.lowHalf &+ above.highHalf, to: SIMD2<UInt64>.self)
    let count = ((pairs[0] &+ pairs[1]) &* 0x0001_0001_0001_0001) >> 48
    // What lane 0 added is taken off here: to change one lane would take the first four apart.
    return 15 &- Int(truncatingIfNeeded: count &- UInt64((target &- model.first) >> 15))
  }

  /// The share of `error` that is made good after `seen` symbols, to the nearest. One shift for all lanes, and no
  /// branches: how much was seen is anyone's guess.
  @inlinable @inline(__always)
  func share(of error: SIMD16<Int16>, seen: UInt16) -> SIMD16<Int16> {
    let shift = unsafe Int16(shifts[Int(seen & 127)])
    return (error &+ SIMD16(repeating: (1 &<< shift) &>> 1)) &>> SIMD16(repeating: shift)
  }
}
