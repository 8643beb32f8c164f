import Bytes

/// ln(p / (1 - p)) and back, in twelfths of bits of probability and eighths of bits of scale, by table (lpaq's scale). The
/// tables are made once and stay.
@safe
struct Logistic: @unchecked Sendable {
  static let shared = Logistic()

  private let stretches: UnsafeMutablePointer<Int32>
  private let squashes: UnsafeMutablePointer<Int32>

  private init() {
    unsafe stretches = .allocate(capacity: 4096)
    unsafe squashes = .allocate(capacity: 4096)
    // e^(i/16 - 8) rounded to 4096 / (1 + e^-x), in steps of one half from -8 to 8: lpaq's interpolation points.
    let points: [Int32] = [
      1, 2, 3, 6, 10, 16, 27, 45, 73, 120, 194, 310, 488, 747, 1101, 1546, 2047, 2549, 2994, 3348, 3607, 3785, 3901,
      3975, 4022, 4050, 4068, 4079, 4085, 4089, 4092, 4093, 4094,
    ]
    for k in 0..<4096 {
      let x = k - 2048
      let w = Int32(x & 127)
      let i = (x >> 7) + 16
      unsafe squashes[k] = (points[i] * (128 - w) + points[min(i + 1, 32)] * w + 64) >> 7
    }
    var p = 0
    for x in -2047...2047 {
      let v = unsafe Int(squashes[x + 2048])
      while p <= v {
        unsafe stretches[p] = Int32(x)
        p += 1
      }
    }
    while p < 4096 {
      unsafe stretches[p] = 2047
      p += 1
    }
  }

  /// Of the low twelve bits of `p`.
  @inline(__always)
  func stretch(_ p: Int) -> Int32 { unsafe stretches[p & 4095] }

  /// Of `x`, or of the nearest it takes: -2047 to 2047.
  @inline(__always)
  func squash(_ x: Int) -> Int { unsafe Int(squashes[min(max(x, -2047), 2047) &+ 2048]) }
}
