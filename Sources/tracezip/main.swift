import Glibc
import Tracezip

func slurp(_ path: String) -> [UInt8] {
  let fd = unsafe open(path, O_RDONLY)
  var st = stat()
  unsafe fstat(fd, &st)
  let size = Int(st.st_size)
  return unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
    var at = 0
    while at < size {
      let n = unsafe read(fd, buffer.baseAddress! + at, size - at)
      if n <= 0 { break }
      at += n
    }
    count = at
  }
}
let args = CommandLine.arguments
let framing: BlockFraming = args[1].hasSuffix(".lp.pb") ? .lengthPrefixed : args[1].contains(".json") ? .json : .bare
try measure(slurp(args[1]), framing: framing, blockSize: args.count > 2 ? Int(args[2])! : 8 << 20, report: args.count > 3)
