import Foundation
import SwiftProtobuf
import Workload

/// swift-protobuf's reading of OTLP, to compare ours with.
package enum Oracle {
  package typealias TracesData = Opentelemetry_Proto_Trace_V1_TracesData
  package typealias Span = Opentelemetry_Proto_Trace_V1_Span
  package typealias KeyValue = Opentelemetry_Proto_Common_V1_KeyValue
  package typealias AnyValue = Opentelemetry_Proto_Common_V1_AnyValue

  package static func protobuf(_ bytes: [UInt8]) throws -> TracesData { try TracesData(serializedBytes: bytes) }

  /// OTLP/JSON. Its ids are hex where protobuf's mapping wants base64, so they are read as base64 and turned back.
  package static func json(_ text: [UInt8], hexIds: Bool = true) throws -> TracesData {
    var options = JSONDecodingOptions()
    options.ignoreUnknownFields = true
    var data = try TracesData(jsonUTF8Data: Data(text), options: options)
    if hexIds {
      for (r, s, n) in data.spanPlaces {
        data.resourceSpans[r].scopeSpans[s].spans[n].unhex()
      }
    }
    return data
  }

  /// The same bytes without the fields that the schema does not know.
  package static func known(_ data: TracesData) throws -> TracesData {
    var options = BinaryDecodingOptions()
    options.discardUnknownFields = true
    return try TracesData(serializedBytes: data.serializedBytes() as [UInt8], options: options)
  }

  /// What the model says, as a message.
  package static func message(_ model: Model.TracesData) -> TracesData {
    .with { $0.resourceSpans = model.resourceSpans.map(message) }
  }

  static func message(_ model: Model.ResourceSpans) -> Opentelemetry_Proto_Trace_V1_ResourceSpans {
    .with {
      $0.resource.attributes = model.resource.attributes.map(message)
      $0.resource.droppedAttributesCount = model.resource.droppedAttributesCount
      $0.schemaURL = model.schemaUrl
      $0.scopeSpans = model.scopeSpans.map { scoped in
        .with {
          $0.scope.name = scoped.scope.name
          $0.scope.version = scoped.scope.version
          $0.scope.attributes = scoped.scope.attributes.map(message)
          $0.spans = scoped.spans.map(message)
          $0.schemaURL = scoped.schemaUrl
        }
      }
    }
  }

  static func message(_ model: Model.Span) -> Span {
    .with {
      $0.traceID = id(model.traceId.high, model.traceId.low)
      $0.spanID = id(model.spanId)
      $0.parentSpanID = id(model.parentSpanId)
      $0.traceState = model.traceState
      $0.flags = model.flags
      $0.name = model.name
      $0.kind = Span.SpanKind(rawValue: model.kind.rawValue)!
      $0.startTimeUnixNano = model.startTimeUnixNano
      $0.endTimeUnixNano = model.endTimeUnixNano
      $0.attributes = model.attributes.map(message)
      $0.droppedAttributesCount = model.droppedAttributesCount
      $0.droppedEventsCount = model.droppedEventsCount
      $0.droppedLinksCount = model.droppedLinksCount
      $0.events = model.events.map { event in
        .with {
          $0.timeUnixNano = event.timeUnixNano
          $0.name = event.name
          $0.attributes = event.attributes.map(message)
          $0.droppedAttributesCount = event.droppedAttributesCount
        }
      }
      $0.links = model.links.map { link in
        .with {
          $0.traceID = id(link.traceId.high, link.traceId.low)
          $0.spanID = id(link.spanId)
          $0.traceState = link.traceState
          $0.attributes = link.attributes.map(message)
          $0.droppedAttributesCount = link.droppedAttributesCount
          $0.flags = link.flags
        }
      }
      $0.status.code = .init(rawValue: model.status.code)!
      $0.status.message = model.status.message
    }
  }

  static func message(_ model: Model.KeyValue) -> KeyValue {
    .with {
      $0.key = model.key
      $0.value = message(model.value)
    }
  }

  static func message(_ model: Model.AnyValue) -> AnyValue {
    .with {
      switch model {
      case .string(let text): $0.stringValue = text
      case .bool(let flag): $0.boolValue = flag
      case .int(let n): $0.intValue = n
      case .double(let d): $0.doubleValue = d
      case .array(let values): $0.arrayValue.values = values.map(message)
      case .kvlist(let pairs): $0.kvlistValue.values = pairs.map(message)
      case .bytes(let bytes): $0.bytesValue = Data(bytes)
      case .none: break
      }
    }
  }

  static func id(_ words: UInt64...) -> Data {
    if words.allSatisfy({ $0 == 0 }) { return Data() }
    return Data(words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) } })
  }
}

extension Oracle.TracesData {
  /// Indices of every span.
  var spanPlaces: [(Int, Int, Int)] {
    resourceSpans.enumerated().flatMap { r, group in
      group.scopeSpans.enumerated().flatMap { s, scoped in scoped.spans.indices.map { (r, s, $0) } }
    }
  }

  /// Status, resource and scope set everywhere, so that written and missing empty ones compare equal.
  package func withEmptyMessages() -> Oracle.TracesData {
    var data = self
    for r in data.resourceSpans.indices {
      data.resourceSpans[r].resource = data.resourceSpans[r].resource
      for s in data.resourceSpans[r].scopeSpans.indices {
        data.resourceSpans[r].scopeSpans[s].scope = data.resourceSpans[r].scopeSpans[s].scope
      }
    }
    for (r, s, n) in data.spanPlaces {
      let status = data.resourceSpans[r].scopeSpans[s].spans[n].status
      data.resourceSpans[r].scopeSpans[s].spans[n].status = status
    }
    return data
  }
}

extension Oracle.Span {
  fileprivate mutating func unhex() {
    func turned(_ wrong: Data) -> Data {
      let hex = [UInt8](wrong.base64EncodedString().utf8)
      func digit(_ byte: UInt8) -> UInt8 { UInt8(Character(Unicode.Scalar(byte)).hexDigitValue ?? 0) }
      return Data(stride(from: 0, to: hex.count & ~1, by: 2).map { digit(hex[$0]) << 4 | digit(hex[$0 + 1]) })
    }
    traceID = turned(traceID)
    spanID = turned(spanID)
    parentSpanID = turned(parentSpanID)
    for n in links.indices {
      links[n].traceID = turned(links[n].traceID)
      links[n].spanID = turned(links[n].spanID)
    }
  }
}
