/// Traces of an agent that talks to a language model. Each call's input is the whole conversation so far as JSON in a
/// string, the same text stands in the parent's attributes, in events, and escaped once more inside other JSON: long
/// strings that repeat each other over long distances.
struct Conversation {
  /// One system prompt for each kind of agent.
  var prompts: [String] = []

  static let service = ServiceRule(
    name: "assistant", language: .python, sdkVersion: "1.34.1", instances: 2,
    scopes: [
      ("opentelemetry.instrumentation.openai_v2", "2.1b0"), ("openinference.instrumentation.langchain", "0.1.43"),
      ("assistant.tools", ""),
    ], schemaUrl: "", operations: [])
}

extension WorkloadGenerator {
  mutating func addConversation(_ context: inout TraceContext) {
    while conversation.prompts.count < 6 {
      conversation.prompts.append(
        "You are the helpful assistant of a bicycle company.\n" + sentence(100 + random.below(600)))
    }
    let agent = random.skewed(conversation.prompts.count)
    let service = services.count - 1
    let process = instances[service][random.below(instances[service].count)]
    let ids = processes[process].identifiers.root(lane: context.lane)
    context.id = ids.trace
    var now = clock
    let about = "\n\nToday's station: \(Fleet.stations[random.below(9)]); reference \(uuid())\n" + sentence(40)
    var messages = [jsonMessage("system", conversation.prompts[agent] + about)]
    let question = sentence(8 + random.below(60))
    messages.append(jsonMessage("user", question))
    var answer = ""
    for turn in 0..<(1 + random.below(5)) {
      let input = "[" + messages.joined(separator: ",") + "]"
      answer = sentence(20 + random.below(250))
      now += 3_000_000
      let end = now + UInt64(400_000_000 + random.below(3_000_000_000))
      let chain = child("ChatChain", process, ids.span, now, end + 800_000, context)
      var call = child("chat gpt-x-large", process, chain.spanId, now + 400_000, end, context)
      call.kind = .client
      call.attributes = [
        Model.KeyValue("gen_ai.operation.name", "chat"), Model.KeyValue("gen_ai.system", "openai"),
        Model.KeyValue("gen_ai.request.model", "gpt-x-large"), Model.KeyValue("gen_ai.request.temperature", 0.7),
        Model.KeyValue("gen_ai.response.id", .string("chatcmpl-" + hex(24))),
        Model.KeyValue("gen_ai.input.messages", .string(input)),
        Model.KeyValue("gen_ai.output.messages", .string("[" + jsonMessage("assistant", answer) + "]")),
        Model.KeyValue("gen_ai.usage.input_tokens", .int(Int64(input.utf8.count / 4))),
        Model.KeyValue("gen_ai.usage.output_tokens", .int(Int64(answer.utf8.count / 4))),
        Model.KeyValue("gen_ai.response.finish_reasons", .array([.string(turn == 0 ? "tool_calls" : "stop")])),
      ]
      call.events = [
        Model.Event(
          timeUnixNano: now + 500_000, name: "gen_ai.user.message",
          attributes: [Model.KeyValue("content", .string(question))]),
        Model.Event(
          timeUnixNano: end - 1000, name: "gen_ai.choice",
          attributes: [
            Model.KeyValue("index", 0), Model.KeyValue("message", .string(jsonMessage("assistant", answer))),
          ]),
      ]
      emit(process, 0, call)
      var outer = chain
      outer.attributes = [
        Model.KeyValue("openinference.span.kind", "CHAIN"),
        Model.KeyValue("input.value", .string("{\"messages\": \(input), \"turn\": \(turn)}")),
        Model.KeyValue("input.mime_type", "application/json"),
        Model.KeyValue("output.value", .string("{\"raw\": \(jsonText(jsonMessage("assistant", answer)))}")),
        Model.KeyValue("session.id", context.session), Model.KeyValue("user.id", context.user),
      ]
      emit(process, 1, outer)
      messages.append(jsonMessage("assistant", answer))
      now = end + 1_000_000
      if random.chance(0.7) {
        let result = toolResult()
        var tool = child("execute_tool find_station", process, ids.span, now, now + 30_000_000, context)
        tool.attributes = [
          Model.KeyValue("gen_ai.tool.name", "find_station"),
          Model.KeyValue("gen_ai.tool.call.id", .string("call_" + hex(24))),
          Model.KeyValue("gen_ai.tool.call.result", .string(result)),
          Model.KeyValue("tool.cached", .bool(random.chance(0.3))),
        ]
        emit(process, 2, tool)
        messages.append(jsonMessage("tool", result))
        now += 31_000_000
      }
      messages.append(jsonMessage("user", sentence(5 + random.below(30))))
    }
    var root = child("invoke_agent helper", process, 0, clock, now, context)
    root.spanId = ids.span
    root.attributes = [
      Model.KeyValue("gen_ai.agent.name", "helper"), Model.KeyValue("input.value", .string(question)),
      Model.KeyValue("output.value", .string(answer)), Model.KeyValue("session.id", context.session),
      Model.KeyValue(
        "agent.scratchpad", .kvlist([Model.KeyValue("messages", .string("[" + messages.joined(separator: ",") + "]"))])),
    ]
    emit(process, 1, root)
  }

  mutating func child(
    _ name: String, _ process: Int, _ parent: UInt64, _ start: UInt64, _ end: UInt64, _ context: TraceContext
  ) -> Model.Span {
    let id = parent == 0 ? 0 : processes[process].identifiers.child(lane: context.lane)
    var span = Model.Span(traceId: context.id, spanId: id, name: name)
    span.parentSpanId = parent
    span.startTimeUnixNano = start
    span.endTimeUnixNano = end
    span.flags = 0x101
    return span
  }

  /// A list of records, as tools give them to a model.
  mutating func toolResult() -> String {
    var records: [String] = []
    for _ in 0...random.below(20) {
      records.append(
        """
        {"id": "\(hex(10))", "station": "\(Fleet.stations[random.below(9)]) \(random.below(60))", "bikes": \(random.below(40)), \
        "lat": 52.\(10_000 + random.below(89_999)), "lon": 13.\(10_000 + random.below(79_999)), "note": \(jsonText(sentence(random.below(12))))}
        """)
    }
    return "[" + records.joined(separator: ", ") + "]"
  }

  func jsonMessage(_ role: String, _ content: String) -> String {
    "{\"role\": \"\(role)\", \"content\": \(jsonText(content))}"
  }

  func jsonText(_ text: String) -> String {
    var out: [UInt8] = [UInt8(ascii: "\"")]
    out.reserveCapacity(text.utf8.count + 16)
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        out.append(UInt8(ascii: "\\"))
        out.append(byte)
      case UInt8(ascii: "\n"):
        out.append(UInt8(ascii: "\\"))
        out.append(UInt8(ascii: "n"))
      default: out.append(byte)
      }
    }
    out.append(UInt8(ascii: "\""))
    return String(decoding: out, as: UTF8.self)
  }
}
