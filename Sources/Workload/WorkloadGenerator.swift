#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What a workload is like.
public struct WorkloadOptions: Sendable {
  public var seed: UInt64
  /// How many services of the fleet take part, 1 to 9.
  public var services = 9
  /// Spans in a batch; the last one of a workload may hold fewer.
  public var batchSpans = 200
  public enum Arrangement: Sendable {
    /// A batch comes from one process, as SDKs send them.
    case perProcess
    /// A batch holds the spans of several processes, as collectors batch them.
    case mixed
  }
  public var arrangement = Arrangement.perProcess
  /// Share of spans that are one of the process's last spans again, byte for byte.
  public var duplicateSpans = 0.0
  /// Share of batches that are one of the last batches again.
  public var duplicateBatches = 0.0
  /// Share of traces that are conversations of an agent with a language model: long texts that repeat each other.
  public var languageModel = 0.0
  /// Share of spans that never arrive, so that ids have gaps and children have parents nobody knows.
  public var lostSpans = 0.01
  /// Multiplies the error rates of the fleet.
  public var errors = 1.0
  public var identifiers = Identifiers.native

  public init(seed: UInt64) { self.seed = seed }
}

/// Makes traces of the fleet, batch by batch, without end.
public struct WorkloadGenerator {
  public let options: WorkloadOptions
  var random: SeededRandom
  let services: [ServiceRule]
  /// Operation id to service and operation.
  let directory: [String: (service: Int, operation: Int)]
  var processes: [Process] = []
  /// Processes of each service.
  var instances: [[Int]] = []
  var clock: UInt64 = 1_750_000_000_000_000_000
  var waiting: [(process: Int, scope: Int, span: Model.Span)] = []
  var full: [Int] = []
  var sent: [Model.TracesData] = []
  let vocabulary: [String]
  var stacks: [[Model.AnyValue]]
  var conversation = Conversation()
  /// The last message sent, to which the next consumer links.
  var produced = (trace: Model.TraceId.none, span: UInt64(0))

  struct Process {
    let service: Int
    let resource: Model.Resource
    var identifiers: any IdentifierSource
    let tick: UInt64
    var waiting: [(scope: Int, span: Model.Span)] = []
    var last: [(scope: Int, span: Model.Span)] = []
  }

  /// What the spans of a trace have in common.
  struct TraceContext {
    var id = Model.TraceId.none
    let user: Model.AnyValue
    let session: Model.AnyValue
    let request: Model.AnyValue
    let order: String
    let state: String
    let lane: Int
    var budget = 400
  }

  public init(_ options: WorkloadOptions) {
    self.options = options
    random = SeededRandom(seed: options.seed)
    services =
      Array(Fleet.services.prefix(max(1, min(options.services, Fleet.services.count)))) + [Conversation.service]
    var directory: [String: (Int, Int)] = [:]
    for (s, service) in services.enumerated() {
      for (o, operation) in service.operations.enumerated() { directory[operation.id] = (s, o) }
    }
    self.directory = directory
    vocabulary = Self.makeVocabulary(&random)
    stacks = []
    for (s, service) in services.enumerated() {
      var own: [Int] = []
      for n in 0..<service.instances {
        own.append(processes.count)
        processes.append(
          Process(
            service: s, resource: Self.resource(service, instance: n, random: &random),
            identifiers: options.identifiers.source(service.language, seed: random.next()), tick: service.language.tick)
        )
      }
      instances.append(own)
      stacks.append((0..<12).map { _ in .string(Self.stackTrace(service.language, random: &random)) })
    }
  }

  // MARK: Batches

  /// The next batch of the workload.
  public mutating func nextBatch() -> Model.TracesData {
    if !sent.isEmpty, random.chance(options.duplicateBatches) { return sent[random.below(sent.count)] }
    let size = max(1, options.batchSpans)
    let batch: Model.TracesData
    switch options.arrangement {
    case .perProcess:
      while full.isEmpty { addTrace() }
      let process = full.removeLast()
      let spans = Array(processes[process].waiting.prefix(size))
      processes[process].waiting.removeFirst(spans.count)
      if processes[process].waiting.count >= size { full.append(process) }
      batch = Model.TracesData(resourceSpans: [group(process, spans)])
    case .mixed:
      while waiting.count < size { addTrace() }
      var perProcess: [[(scope: Int, span: Model.Span)]] = Array(repeating: [], count: processes.count)
      var order: [Int] = []
      for entry in waiting[..<size] {
        if perProcess[entry.process].isEmpty { order.append(entry.process) }
        perProcess[entry.process].append((entry.scope, entry.span))
      }
      waiting.removeFirst(size)
      batch = Model.TracesData(resourceSpans: order.map { group($0, perProcess[$0]) })
    }
    if options.duplicateBatches > 0 {
      if sent.count < 16 { sent.append(batch) } else { sent[random.below(16)] = batch }
    }
    return batch
  }

  /// The spans of one process by scope, as they ended.
  func group(_ process: Int, _ spans: [(scope: Int, span: Model.Span)]) -> Model.ResourceSpans {
    let service = services[processes[process].service]
    var byScope: [[(end: UInt64, index: Int)]] = Array(repeating: [], count: service.scopes.count)
    for (index, entry) in spans.enumerated() { byScope[entry.scope].append((entry.span.endTimeUnixNano, index)) }
    var groups: [Model.ScopeSpans] = []
    for (scope, entries) in byScope.enumerated() where !entries.isEmpty {
      let sorted = entries.sorted { $0 < $1 }
      groups.append(
        Model.ScopeSpans(
          scope: Model.Scope(name: service.scopes[scope].name, version: service.scopes[scope].version),
          spans: sorted.map { spans[$0.index].span }, schemaUrl: scope == 0 ? service.schemaUrl : ""))
    }
    return Model.ResourceSpans(
      resource: processes[process].resource, scopeSpans: groups, schemaUrl: service.schemaUrl)
  }

  // MARK: Traces

  mutating func addTrace() {
    clock += UInt64(random.below(9_000_000)) + 500_000
    var context = TraceContext(
      user: .string("rider-\(10_000 + random.skewed(80_000))"), session: .string(uuid()), request: .string(uuid()),
      order: "ord_\(hex(12))", state: random.chance(0.1) ? "vendor=\(hex(8)),rojo=00f067aa0ba902b7" : "",
      lane: random.below(24))
    if random.chance(options.languageModel) { return addConversation(&context) }
    while true {
      var draw = random.unit()
      for entry in Fleet.entries {
        draw -= entry.weight
        guard draw <= 0 else { continue }
        guard let place = directory[entry.operation] else { break }
        _ = span(place, parent: nil, caller: nil, start: clock, &context)
        return
      }
    }
  }

  /// Makes a span and all below it; gives its end.
  mutating func span(
    _ place: (service: Int, operation: Int), parent: UInt64?, caller: Int?, start: UInt64, _ context: inout TraceContext
  ) -> UInt64 {
    let own = instances[place.service]
    let process: Int
    if let caller, processes[caller].service == place.service {
      process = caller
    } else {
      process = own[random.below(own.count)]
    }
    let operation = services[place.service].operations[place.operation]
    context.budget -= 1
    let id: UInt64
    if parent == nil {
      let ids = processes[process].identifiers.root(lane: context.lane)
      context.id = ids.trace
      id = ids.span
    } else {
      id = processes[process].identifiers.child(lane: context.lane)
    }
    let name = operation.names.isEmpty ? operation.name : operation.names[random.skewed(operation.names.count)]
    var span = Model.Span(traceId: context.id, spanId: id, name: name)
    span.parentSpanId = parent ?? 0
    span.traceState = context.state
    span.kind = operation.kind
    span.flags = parent == nil || caller == process ? 0x101 : 0x301
    let tick = processes[process].tick
    span.startTimeUnixNano = start - start % tick
    let failed = random.chance(operation.errors * options.errors)
    span.attributes.reserveCapacity(operation.attributes.count)
    for rule in operation.attributes where rule.presence == 1 || random.chance(rule.presence) {
      span.attributes.append(Model.KeyValue(rule.key, value(rule.value, failed: failed, context)))
    }

    let work = operation.microseconds * 1000 * exp(0.5 * random.normal())
    var now = start + UInt64(work * 0.4)
    for call in operation.calls where random.chance(call.chance) {
      guard let callee = directory[call.operation] else { continue }
      let times = call.times.lowerBound + random.below(call.times.count)
      for _ in 0..<times where context.budget > 0 {
        let end = self.span(callee, parent: id, caller: process, start: now + UInt64(random.below(20_000)), &context)
        // Messages are handled after their sender has gone on.
        if operation.kind != .producer { now = end + UInt64(random.below(8_000)) }
      }
    }
    let end = now + UInt64(work * 0.6) + 1
    span.endTimeUnixNano = max(end - end % tick, span.startTimeUnixNano)

    if operation.links, produced.span != 0 {
      var link = Model.Link(traceId: produced.trace, spanId: produced.span)
      link.flags = 0x301
      if random.chance(0.5) {
        link.attributes = [Model.KeyValue("messaging.batch.index", .int(Int64(random.below(50))))]
      }
      span.links.append(link)
    }
    if operation.kind == .producer { produced = (context.id, id) }
    let duration = span.endTimeUnixNano - span.startTimeUnixNano
    for rule in operation.events where random.chance(rule.chance) {
      let time = span.startTimeUnixNano + UInt64(random.unit() * Double(duration))
      span.events.append(
        Model.Event(
          timeUnixNano: time - time % tick, name: rule.name,
          attributes: rule.attributes.map { Model.KeyValue($0.key, value($0.value, failed: failed, context)) }))
    }
    if failed { fail(&span, place.service) }
    if random.chance(0.002) { span.droppedAttributesCount = UInt32(1 + random.below(9)) }
    emit(process, operation.scope, span)
    return end
  }

  mutating func fail(_ span: inout Model.Span, _ service: Int) {
    let (type, message) = Self.exceptions[random.skewed(Self.exceptions.count)]
    let text = message.replacingMark(with: "\(random.below(10_000))")
    span.status = Model.Status(code: 2, message: random.chance(0.7) ? text : "")
    var event = Model.Event(timeUnixNano: span.endTimeUnixNano, name: "exception")
    event.attributes = [
      Model.KeyValue("exception.type", .string(type)), Model.KeyValue("exception.message", .string(text)),
      Model.KeyValue("exception.stacktrace", stacks[service][random.skewed(stacks[service].count)]),
    ]
    if random.chance(0.5) { event.attributes.append(Model.KeyValue("exception.escaped", .string("False"))) }
    span.events.append(event)
  }

  mutating func emit(_ process: Int, _ scope: Int, _ span: Model.Span) {
    // Not all of them, or no batch would ever be full.
    if random.chance(min(options.lostSpans, 0.99)) { return }
    var entry = (scope: scope, span: span)
    while true {
      if options.duplicateSpans > 0 {
        if processes[process].last.count < 64 {
          processes[process].last.append(entry)
        } else {
          processes[process].last[random.below(64)] = entry
        }
      }
      switch options.arrangement {
      case .mixed: waiting.append((process, entry.scope, entry.span))
      case .perProcess:
        processes[process].waiting.append(entry)
        if processes[process].waiting.count == max(1, options.batchSpans) { full.append(process) }
      }
      // Of ever the same spans no batch would ever have been new.
      guard random.chance(min(options.duplicateSpans, 0.99)) else { return }
      entry = processes[process].last[random.below(processes[process].last.count)]
    }
  }
}
