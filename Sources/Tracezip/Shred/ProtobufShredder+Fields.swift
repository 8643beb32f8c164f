/// What OTLP says of its fields (opentelemetry-proto, trace/v1/trace.proto).
extension ProtobufShredder {
  static func child(_ kind: RecordKind, _ field: UInt32) -> RecordKind? {
    guard kind == .span else { return nil }
    return field == 11 ? .event : field == 13 ? .link : nil
  }

  static func attributeField(_ kind: RecordKind) -> UInt32 {
    switch kind {
    case .span: 9
    case .event: 3
    case .link: 4
    case .spine: 0
    }
  }

  static func isAttribute(_ kind: RecordKind, _ field: UInt32) -> Bool { field == attributeField(kind) }

  /// Whether the field usually holds a number or an id.
  static func isNumber(_ kind: RecordKind, _ field: UInt32) -> Bool {
    switch (kind, field) {
    case (.span, 6...8), (.span, 10...14), (.span, 16), (.event, 1), (.event, 4), (.link, 5...6): true
    default: idBytes(kind, field) > 0
    }
  }

  /// Bytes of the id that the field usually holds, or 0.
  static func idBytes(_ kind: RecordKind, _ field: UInt32) -> Int {
    switch (kind, field) {
    case (.span, 1), (.link, 1): 16
    case (.span, 2), (.span, 4), (.link, 2): 8
    default: 0
    }
  }
}
