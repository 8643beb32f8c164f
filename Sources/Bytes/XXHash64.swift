/// XXH64 by Yann Collet, from its specification (github.com/Cyan4973/xxHash, doc/xxhash_spec.md).
@inlinable
public func xxHash64(_ bytes: ByteView, seed: UInt64 = 0) -> UInt64 {
  let p1: UInt64 = 0x9E37_79B1_85EB_CA87
  let p2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
  let p3: UInt64 = 0x1656_67B1_9E37_79F9
  let p4: UInt64 = 0x85EB_CA77_C2B2_AE63
  let p5: UInt64 = 0x27D4_EB2F_1656_67C5
  @inline(__always) func rotate(_ x: UInt64, _ r: UInt64) -> UInt64 { x << r | x >> (64 - r) }
  @inline(__always) func round(_ acc: UInt64, _ lane: UInt64) -> UInt64 { rotate(acc &+ lane &* p2, 31) &* p1 }
  @inline(__always) func merge(_ acc: UInt64, _ lane: UInt64) -> UInt64 { (acc ^ round(0, lane)) &* p1 &+ p4 }
  // Every load below is at `at` with at + 8 <= n (or + 4, + 1) just compared.
  let n = bytes.count
  var at = 0
  @inline(__always) func word(_ offset: Int) -> UInt64 {
    unsafe UInt64(littleEndian: bytes.base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }
  var hash: UInt64
  if n >= 32 {
    var a = seed &+ p1 &+ p2
    var b = seed &+ p2
    var c = seed
    var d = seed &- p1
    while at + 32 <= n {
      a = round(a, word(at))
      b = round(b, word(at + 8))
      c = round(c, word(at + 16))
      d = round(d, word(at + 24))
      at += 32
    }
    hash = rotate(a, 1) &+ rotate(b, 7) &+ rotate(c, 12) &+ rotate(d, 18)
    hash = merge(hash, a)
    hash = merge(hash, b)
    hash = merge(hash, c)
    hash = merge(hash, d)
  } else {
    hash = seed &+ p5
  }
  hash = hash &+ UInt64(n)
  while at + 8 <= n {
    hash = rotate(hash ^ round(0, word(at)), 27) &* p1 &+ p4
    at += 8
  }
  if at + 4 <= n {
    hash = rotate(hash ^ UInt64(bytes.load(UInt32.self, at: at)) &* p1, 23) &* p2 &+ p3
    at += 4
  }
  while at < n {
    hash = rotate(hash ^ UInt64(bytes.unchecked(at)) &* p5, 11) &* p1
    at += 1
  }
  hash = (hash ^ hash >> 33) &* p2
  hash = (hash ^ hash >> 29) &* p3
  return hash ^ hash >> 32
}
