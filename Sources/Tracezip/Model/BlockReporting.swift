import Bytes

extension BlockModel {
  /// What the block just coded holds, for the index and the statistics.
  mutating func report(_ block: borrowing Block, _ skeletons: borrowing Skeletons, _ report: inout BlockReport) {
    report.spans = block.spans.templates.count
    for i in 0..<block.spine.count where skeletons.steps[Int(block.spine[i])].kind == .frame { report.messages += 1 }
    if report.messages == 0, report.spans > 0 { report.messages = 1 }
    report.firstStart = times.starts?.lowerBound
    report.lastStart = times.starts?.upperBound
    for i in 0..<skeletons.columns.count where i < spent.count && spent[i] > 0 {
      report.columns.append(
        CompressionStats.Column(name: columnPaths.path(i, skeletons), storedBytes: Int(spent[i])))
    }
    for (name, bytes) in [
      ("spine", spentParts.spine), ("structure", spentParts.structure), ("times", spentParts.times),
      ("event times", spentParts.eventTimes), ("links", spentParts.links), ("ids", spentParts.ids),
    ] where bytes > 0 {
      report.columns.append(CompressionStats.Column(name: name, storedBytes: bytes))
    }
  }

  /// Encoder: of the traces that are new with the block.
  func traceHashes() -> [UInt64] {
    var hashes: [UInt64] = []
    var id = Buffer<UInt8>()
    for i in 0..<structure.draws.count {
      let draw = structure.draws[i]
      guard draw.kind == .trace || draw.kind == .linkTrace else { continue }
      let trace = traces.traces[Int(draw.target)]
      id.removeAll()
      id.append(integer: trace.high.byteSwapped)
      id.append(integer: trace.low.byteSwapped)
      hashes.append(traceHash(id.view))
    }
    return hashes
  }
}

extension Skeletons {
  /// service.name of the resources among a block's new strings (ids below, columns above).
  func services(_ newStrings: borrowing Buffer<UInt64>, _ strings: borrowing StringTable) -> [[UInt8]] {
    var names: [[UInt8]] = []
    for i in 0..<newStrings.count where columns[Int(newStrings[i] >> 32)].isResource {
      if let name = serviceName(strings.view(Int(newStrings[i] & 0xFFFF_FFFF))) { names.append(name) }
    }
    return names
  }
}

/// Bytes that the last block spent on what is no plain column.
struct SpentParts: BitwiseCopyable {
  var spine = 0
  var structure = 0
  var times = 0
  var eventTimes = 0
  var links = 0
  var ids = 0
}

/// Columns' OTLP paths, each made once.
struct ColumnPaths {
  private var paths: [String] = []

  mutating func path(_ column: Int, _ skeletons: borrowing Skeletons) -> String {
    while paths.count <= column { paths.append("") }
    if paths[column].isEmpty { paths[column] = skeletons.path(skeletons.columns[column]) }
    return paths[column]
  }
}

extension Skeletons {
  /// A column's OTLP path: `span.attributes["http.url"].stringValue`, `span.name`.
  func path(_ column: Column) -> String {
    let record = column.record.name
    if column.nameCount > 0, column.record == .spine { return "member \(name(column).string)" }
    if column.nameCount > 0 {
      let kinds = [
        "", ".stringValue", ".boolValue", ".intValue", ".doubleValue", ".arrayValue", ".kvlistValue", ".bytesValue",
      ]
      let kind = Int(column.value) < kinds.count ? kinds[Int(column.value)] : ""
      return "\(record).attributes[\"\(name(column).string)\"]\(kind)"
    }
    switch (column.record, column.field, column.value) {
    case (.spine, 1, 1): return "resource"
    case (.spine, 1, 2): return "scope"
    case (.spine, 2, _): return "spans in a scope"
    case (.spine, 3, _): return "schemaUrl"
    case (.spine, 0, _): return "between records"
    case (.span, 3, _): return "span.traceState"
    case (.span, 5, _): return "span.name"
    case (.span, 6, _): return "span.kind"
    case (.span, 10, _): return "span.droppedAttributesCount"
    case (.span, 11, _): return "span.events"
    case (.span, 12, _): return "span.droppedEventsCount"
    case (.span, 13, _): return "span.links"
    case (.span, 14, _): return "span.droppedLinksCount"
    case (.span, 15, _): return "span.status"
    case (.span, 16, _): return "span.flags"
    case (.span, 0, 1): return "span duplicates"
    case (.event, 2, _): return "event.name"
    case (.event, 4, _): return "event.droppedAttributesCount"
    case (.link, 3, _): return "link.traceState"
    case (.link, 5, _): return "link.droppedAttributesCount"
    case (.link, 6, _): return "link.flags"
    case (_, 0, _): return "\(record) verbatim"
    default: return "\(record).field\(column.field)"
    }
  }
}

/// `service.name` of a resource.
func serviceName(_ resource: ByteView) -> [UInt8]? { stringAttribute(Array("service.name".utf8), in: resource) }

/// A string attribute of a resource as it stands in the spine: its protobuf bytes, or JSON text.
func stringAttribute(_ key: [UInt8], in resource: ByteView) -> [UInt8]? {
  return key.withView { key -> [UInt8]? in
    var at = 0
    while at + key.count < resource.count {
      guard let found = resource.firstIndex(of: key[0], from: at) else { return nil }
      at = found + 1
      // The whole key, behind its length or between quotes, not the beginning of a longer one.
      guard resource.has(key, at: found), found > 0 else { continue }
      var from = found + key.count
      let isText = resource[found - 1] == 0x22 && from < resource.count && resource[from] == 0x22
      guard isText || Int(resource[found - 1]) == key.count else { continue }
      if from + 4 < resource.count, resource[from] == 0x12 {
        // KeyValue.value, AnyValue.string_value, its length.
        guard let value = resource.varint(at: from + 1), from + 1 + value.width < resource.count,
          resource[from + 1 + value.width] == 0x0A,
          let text = resource.varint(at: from + 2 + value.width), text.value < 1 << 20
        else { return nil }
        let start = from + 2 + value.width + text.width
        guard start + Int(text.value) <= resource.count else { return nil }
        return resource[start..<start + Int(text.value)].array
      }
      // JSON: the first string after the next "Value" or "value" member's colon.
      let marker = Array("alue\"".utf8)
      while from + marker.count < resource.count {
        let hit = marker.withView { resource.has($0, at: from) }
        from += 1
        guard hit else { continue }
        from += marker.count - 1
        while from < resource.count, resource[from] == 0x3A || resource[from] <= 0x20 { from += 1 }
        guard from < resource.count, resource[from] == 0x22 else { continue }
        guard let end = resource.firstIndex(of: 0x22, from: from + 1) else { return nil }
        return resource[from + 1..<end].array
      }
      return nil
    }
    return nil
  }
}
