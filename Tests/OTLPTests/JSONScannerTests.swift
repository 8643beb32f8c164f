import Bytes
import OTLP
import Testing

/// Tokens with their text, for comparison; the kind that ended the scan last.
private func tokens(_ bytes: [UInt8]) -> [String] {
  bytes.withView { view in
    var scanner = JSONScanner()
    var out: [String] = []
    while true {
      let token = scanner.next(in: view)
      switch token.kind {
      case .end, .cutOff, .malformed, .tooDeep: return out + ["\(token.kind)"]
      default: out.append("\(token.kind) " + view[token.range].string + (token.isPlain ? "" : "*"))
      }
    }
  }
}

private func tokens(_ text: String) -> [String] { tokens(Array(text.utf8)) }

@Suite("JSON is cut where its leaves are")
struct JSONScannerTests {
  @Test("tokens and their offsets")
  func kinds() {
    #expect(
      tokens(#" { "a" : [ 1 , -2.5e3,true,false , null,"x\"y" , "" ] , "\n":{ } } "#) == [
        "objectStart {", "key a", "arrayStart [", "number 1", "number -2.5e3*", "true true", "false false",
        "null null", #"string x\"y*"#, "string ", "arrayEnd ]", #"key \n*"#, "objectStart {", "objectEnd }",
        "objectEnd }", "end",
      ])
    #expect(tokens("12") == ["number 12", "end"])
    #expect(tokens("[NaN,-Infinity]") == ["arrayStart [", "number NaN*", "number -Infinity*", "arrayEnd ]", "end"])
  }

  @Test(
    "what is not JSON is refused, so that it is kept verbatim",
    arguments: [
      "{a:1}", "{\"a\" 1}", "{\"a\":}", "{\"a\":1,}", "[1,]", "[1 2]", "[1}", "{\"a\":1]", "[01]", "[1.]x", "[tru]",
      "[.5]", "[+1]", "[1e]", "{,}", "[-]", "nulx", "}", "[\u{1}]",
    ])
  func malformed(text: String) {
    #expect(tokens(text).last == "malformed")
  }

  @Test("deep nesting stops at the bound instead of the stack")
  func deep() {
    let fits = JSONScanner.maximumDepth - 1
    let open = String(repeating: "[", count: fits)
    #expect(tokens(open + String(repeating: "]", count: fits)).last == "end")
    #expect(tokens(open + "[").last == "tooDeep")
    #expect(tokens(String(repeating: "{\"a\":[", count: 300_000)).last == "tooDeep")
  }

  @Test("ill-formed UTF-8, bad escapes and control characters in strings pass")
  func verbatimStrings() {
    #expect(tokens([0x22, 0xFF, 0xC3, 0x28, 0x01, 0x5C, 0x71, 0x22]).last == "end")
  }

  @Test("every prefix is cut off, never misread, and goes on with more bytes")
  func prefixes() {
    let text = Array(
      #"{"resourceSpans":[{"a":-12.5e-3,"b":"c\\\"d","e":[true,false,null,NaN,{}],"f":"0123456789"}]} "#.utf8)
    let whole = tokens(text)
    for n in 0..<text.count - 1 {
      let part = tokens(Array(text[0..<n]))
      let isWhole = n == text.count - 1
      #expect(part.last == (isWhole ? "end" : "cutOff"), "first \(n) bytes")
      #expect(Array(part.dropLast()) == Array(whole.prefix(part.count - 1)), "first \(n) bytes")
      // The scanner that was cut off goes on in a window that has moved.
      text[0..<n].withContiguous { view in
        var scanner = JSONScanner()
        var seen = 0
        while scanner.next(in: view).kind != .cutOff { seen += 1 }
        let dropped = scanner.position
        scanner.rebase(by: dropped)
        Array(text[dropped...]).withView { rest in
          while scanner.next(in: rest).kind != .end { seen += 1 }
        }
        #expect(seen == whole.count - 1)
      }
    }
  }

  @Test("the end of a string is found at every distance and alignment")
  func stringEnds() {
    for length in 0..<70 {
      for offset in 0..<9 {
        for escapeAt in [Int?.none] + (0..<max(0, length - 1)).map(Optional.some) {
          var content = [UInt8](repeating: 0x61, count: length)
          if let escapeAt { content.replaceSubrange(escapeAt..<escapeAt + 2, with: [0x5C, 0x22]) }
          let bytes = [UInt8](repeating: 0x22, count: offset) + content + [0x22, 0x22]
          bytes.withView {
            let end = $0.jsonString(from: offset)
            #expect(end?.quote == offset + length && end?.hasEscapes == (escapeAt != nil))
          }
          (bytes.dropLast(2) + []).withContiguous { #expect($0.jsonString(from: offset) == nil) }
        }
      }
    }
    // The quote after a run of backslashes.
    for n in 0..<20 {
      let bytes = [UInt8](repeating: 0x5C, count: n) + [0x22, 0x61, 0x22]
      bytes.withView { #expect($0.jsonString(from: 0)?.quote == (n & 1 == 0 ? n : n + 2)) }
    }
  }

  @Test("damaged JSON never traps, and tokens never overlap")
  func mutations() {
    var dice = Dice(state: 3)
    let base = Array(Samples.jsonLine.utf8)
    let alphabet = Array("{}[]\",:\\0123456789-+.eEtrufalsn \n\u{7F}".utf8)
    for _ in 0..<5000 {
      var text = base
      for _ in 0...3 { text[Int.random(in: 0..<text.count, using: &dice)] = alphabet.randomElement(using: &dice)! }
      text.withView { view in
        var scanner = JSONScanner()
        var last = 0
        while true {
          let token = scanner.next(in: view)
          if [.end, .cutOff, .malformed, .tooDeep].contains(token.kind) { break }
          #expect(token.start >= last && token.end >= token.start && scanner.position <= view.count)
          last = token.end
        }
      }
    }
  }
}

extension Sequence where Element == UInt8 {
  fileprivate func withContiguous(_ body: (ByteView) -> Void) { Array(self).withView(body) }
}
