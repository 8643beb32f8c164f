import Bytes
import OTLP

/// The spans of a capture, cut out with the resource and scope that each stands in, to be put together in messages of
/// any number of spans: what an exporter of that batch size would have sent.
struct SpanCuts {
  struct Cut {
    var resource: Int
    var scope: Int
    /// The span with its tag and length.
    var bytes: Range<Int>
  }

  /// The fields of a `ResourceSpans` or `ScopeSpans` before and behind its children, as written.
  private struct Surround: Hashable {
    var head: [UInt8] = []
    var tail: [UInt8] = []
  }

  private let bytes: [UInt8]
  private var surrounds: [Surround] = []
  private var known: [Surround: Int] = [:]
  private(set) var spans: [Cut] = []

  /// - Parameter capture: messages behind their lengths as u32, big-endian.
  init(_ capture: [UInt8]) {
    bytes = capture
    capture.withView { view in
      var cursor = FrameCursor(.lengthPrefixed)
      while case .frame(let frame) = cursor.next(in: view, isEnd: true) {
        // TracesData.resource_spans, ResourceSpans.scope_spans, ScopeSpans.spans.
        for resource in Self.fields(1, of: frame.payload, in: view).children {
          let scopes = Self.fields(2, of: resource.value, in: view)
          let resourceId = intern(scopes.around)
          for scope in scopes.children {
            let spans = Self.fields(2, of: scope.value, in: view)
            let scopeId = intern(spans.around)
            for span in spans.children {
              self.spans.append(Cut(resource: resourceId, scope: scopeId, bytes: span.whole))
            }
          }
        }
      }
    }
  }

  private mutating func intern(_ surround: Surround) -> Int {
    if let id = known[surround] { return id }
    surrounds.append(surround)
    known[surround] = surrounds.count - 1
    return surrounds.count - 1
  }

  /// The fields of one number, and what stands around them.
  private static func fields(
    _ number: UInt32, of message: Range<Int>, in view: ByteView
  ) -> (children: [(whole: Range<Int>, value: Range<Int>)], around: Surround) {
    var children: [(whole: Range<Int>, value: Range<Int>)] = []
    var around = Surround()
    var walk = ProtobufFields(view[0..<message.upperBound], from: message.lowerBound, declaredEnd: message.upperBound)
    var start = message.lowerBound
    while case .field(let field) = walk.next() {
      if field.number == number, field.wire == .bytes {
        children.append((start..<field.end, field.value..<field.end))
      } else if children.isEmpty {
        around.head += view[start..<field.end].array
      } else {
        around.tail += view[start..<field.end].array
      }
      start = field.end
    }
    return (children, around)
  }

  /// One message of `spans`: neighbours of equal resource and scope stand together.
  func message(of spans: some Collection<Cut>) -> [UInt8] {
    var message: [UInt8] = []
    var resource: [UInt8] = []
    var scope: [UInt8] = []
    var last: Cut?
    func put(_ number: UInt8, _ surround: Surround, _ children: [UInt8], _ out: inout [UInt8]) {
      out.append(number << 3 | 2)
      var length = UInt64(surround.head.count + children.count + surround.tail.count)
      while length >= 0x80 {
        out.append(UInt8(truncatingIfNeeded: length) | 0x80)
        length >>= 7
      }
      out.append(UInt8(length))
      out += surround.head
      out += children
      out += surround.tail
    }
    func endScope(_ cut: Cut) {
      put(2, surrounds[cut.scope], scope, &resource)
      scope.removeAll(keepingCapacity: true)
    }
    func endResource(_ cut: Cut) {
      put(1, surrounds[cut.resource], resource, &message)
      resource.removeAll(keepingCapacity: true)
    }
    for cut in spans {
      if let last, last.resource != cut.resource || last.scope != cut.scope { endScope(last) }
      if let last, last.resource != cut.resource { endResource(last) }
      scope += bytes[cut.bytes]
      last = cut
    }
    if let last {
      endScope(last)
      endResource(last)
    }
    return message
  }

  /// The messages of `spans` in batches of `count`; the last one may hold fewer.
  func batches(of count: Int, _ spans: [Cut]) -> [[UInt8]] {
    stride(from: 0, to: spans.count, by: count).map { message(of: spans[$0..<min(spans.count, $0 + count)]) }
  }
}

extension [[UInt8]] {
  /// The messages, each behind its length.
  var lengthPrefixed: [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(reduce(0) { $0 + $1.count + 4 })
    for message in self {
      for shift in [24, 16, 8, 0] { out.append(UInt8(truncatingIfNeeded: message.count >> shift)) }
      out += message
    }
    return out
  }
}
