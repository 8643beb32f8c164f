import Bytes

/// What `codeNibble` looks up: where frequencies move to, and how fast.
@safe @usableFromInline
struct NibbleTables: @unchecked Sendable {
  /// The least frequency of a symbol, of 32768.
  static var floor: Int16 { 4 }
  /// Symbols seen after which the share no longer falls.
  @usableFromInline static var longest: UInt16 { 127 }

  /// The cumulative frequencies if only one symbol ever came, for each symbol; at a fixed address.
  @usableFromInline let targets: UnsafePointer<SIMD16<Int16>>
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
  }

  /// All symbols alike.
  @inlinable static var even: SIMD16<UInt16> {
    @inline(__always) get {
      SIMD16(
        0, 2048, 4096, 6144, 8192, 10240, 12288, 14336, 16384, 18432, 20480, 22528, 24576, 26624, 28672, 30720)
    }
  }

  /// How many of `cumulative` are at most `target`, which is below 32768.
  ///
  /// Comparisons of vectors are slow in Swift (a loop over the lanes); the sign of a difference is not.
  @inlinable @inline(__always)
  static func rank(_ target: Int, in cumulative: SIMD16<UInt16>) -> Int {
    let above = (SIMD16(repeating: UInt16(truncatingIfNeeded: target)) &- cumulative) &>> 15
    let pairs = unsafe unsafeBitCast(above.lowHalf &+ above.highHalf, to: SIMD2<UInt64>.self)
    return 16 &- Int(truncatingIfNeeded: ((pairs[0] &+ pairs[1]) &* 0x0001_0001_0001_0001) >> 48)
  }

  /// The share of `error` that is made good after `seen` symbols, to the nearest. A shift by a constant is one
  /// instruction for all lanes, one by a variable is one for each.
  @inlinable @inline(__always)
  static func share(of error: SIMD16<Int16>, seen: UInt16) -> SIMD16<Int16> {
    if seen >= 90 { return (error &+ 64) &>> 7 }
    if seen >= 45 { return (error &+ 32) &>> 6 }
    if seen >= 22 { return (error &+ 16) &>> 5 }
    if seen >= 10 { return (error &+ 8) &>> 4 }
    if seen >= 3 { return (error &+ 4) &>> 3 }
    if seen >= 1 { return (error &+ 2) &>> 2 }
    return (error &+ 1) &>> 1
  }
}
