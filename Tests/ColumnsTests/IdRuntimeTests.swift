import Bytes
import Columns
import Foundation
import Testing

/// What a program prints, or nil where it is not installed.
private func output(of program: String, _ arguments: [String]) -> String? {
  let paths = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(program)" }
  guard let path = paths.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else { return nil }
  let process = Process()
  process.executableURL = URL(fileURLWithPath: path)
  process.arguments = arguments
  let pipe = Pipe()
  process.standardOutput = pipe
  process.standardError = FileHandle.nullDevice
  do { try process.run() } catch { return nil }
  let data = pipe.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  return process.terminationStatus == 0 ? String(decoding: data, as: UTF8.self) : nil
}

/// Ids of one process, a line each: a span id, for roots followed by a trace id.
private func bytesPerId(_ text: String, _ effort: IdEffort) throws -> Double {
  var context = IdContext()
  var values = IdValues()
  for (row, line) in text.split(separator: "\n").enumerated() {
    let ids = line.split(separator: " ")
    let span = try #require(UInt64(ids[0], radix: 16))
    let row32 = UInt32(row)
    context.append(process: 0, start: UInt64(row), name: 0, kind: .span, span: row32, parent: -1)
    values.low.append(span)
    values.high.append(0)
    if ids.count > 1 {
      context.append(process: 0, start: UInt64(row), name: 0, kind: .trace, span: row32, parent: -1)
      values.low.append(try #require(UInt64(ids[1].suffix(16), radix: 16)))
      values.high.append(try #require(UInt64(ids[1].prefix(16), radix: 16)))
    }
  }
  let packed = PackedIds(context, values, effort)
  #expect(try packed.decoded(context, values) == values)
  return Double(packed.bytes) / Double(context.count)
}

@Suite("Ids drawn by the real runtimes, where this machine has them")
struct IdRuntimeTests {
  @Test("Node's Math.random is the generator we know")
  func node() throws {
    let script = """
      const half = () => ((Math.random() * 2 ** 32) >>> 0).toString(16).padStart(8, '0');
      for (let i = 0; i < 3000; i++) {
        const span = half() + half();
        console.log(i % 4 ? span : span + ' ' + half() + half() + half() + half());
      }
      """
    guard let text = output(of: "node", ["-e", script]) else { return }
    let cost = try bytesPerId(text, .javaAndNode)
    #expect(cost < 0.1, "\(cost)")
  }

  @Test("Java's ThreadLocalRandom is the generator we know")
  func java() throws {
    let source = """
      import java.util.concurrent.*;
      public class Ids {
        public static void main(String[] arguments) throws Exception {
          Thread[] threads = new Thread[4];
          StringBuffer out = new StringBuffer();
          for (int t = 0; t < 4; t++) {
            threads[t] = new Thread(() -> {
              for (int i = 0; i < 500; i++) {
                var random = ThreadLocalRandom.current();
                String line = String.format("%016x", random.nextLong());
                if (i % 4 == 0) line += String.format(" %016x%016x", random.nextLong(), random.nextLong());
                out.append(line + "\\n");
                Thread.yield();
              }
            });
            threads[t].start();
          }
          for (Thread thread : threads) thread.join();
          System.out.print(out);
        }
      }
      """
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tracezip-ids-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("Ids.java")
    try Data(source.utf8).write(to: file)
    guard let text = output(of: "java", [file.path]) else { return }
    let cost = try bytesPerId(text, .javaAndNode)
    #expect(cost < 0.6, "\(cost)")
  }
}
