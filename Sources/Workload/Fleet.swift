/// A made-up company that lends out bicycles: services in nine languages that call each other, with the attributes that
/// OpenTelemetry's instrumentations of those languages give, old and new semantic conventions side by side.
enum Fleet {
  static let stations = ["Harbour", "Old Mill", "Opera", "North Gate", "University", "Lido", "Fair", "Zoo", "Airport"]
  static let routes = [
    "/api/stations", "/api/stations/{id}", "/api/trips", "/api/trips/{id}", "/api/prices", "/api/me", "/api/search",
  ]
  static let agents: [Model.AnyValue] = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:139.0) Gecko/20100101 Firefox/139.0",
    "BikesApp/7.4.2 (build 1187; en_GB)", "kube-probe/1.33", "curl/8.14.1",
  ]

  static func httpServer(_ route: String, host: String, port: Int64) -> [AttributeRule] {
    [
      AttributeRule("http.request.method", "GET"), AttributeRule("url.scheme", "http"),
      AttributeRule("http.route", .constant(.string(route))),
      AttributeRule(
        "url.path", .text([.literal("/api/"), .oneOf(["stations", "trips", "me"]), "/", .number(1...9000)])),
      AttributeRule("url.query", .text(["lat=52.", .number(10000...99999), "&lon=13.", .number(10000...99999)]), 0.3),
      AttributeRule("server.address", .constant(.string(host))), AttributeRule("server.port", .constant(.int(port))),
      AttributeRule("network.protocol.version", "1.1"), AttributeRule("client.address", .ip),
      AttributeRule("user_agent.original", .pick(agents)), AttributeRule("http.response.status_code", .httpStatus),
      AttributeRule("enduser.id", .user, 0.7),
      AttributeRule("http.request.header.x-request-id", .array(.request, 1...1)),
      AttributeRule("http.response.body.size", .size(60_000)),
    ]
  }

  static func oldHttpClient(_ host: String, path: [TextRule]) -> [AttributeRule] {
    [
      AttributeRule("http.method", .pick(["GET", "POST", "GET"])),
      AttributeRule("http.url", .text([.literal("http://\(host)")] + path)),
      AttributeRule("http.status_code", .httpStatus), AttributeRule("http.flavor", "1.1"),
      AttributeRule("net.peer.name", .constant(.string(host))), AttributeRule("net.peer.port", 8080),
      AttributeRule("net.peer.ip", .ip, 0.5),
    ]
  }

  static func rpc(_ service: String, _ method: String, port: Int64) -> [AttributeRule] {
    [
      AttributeRule("rpc.system", "grpc"), AttributeRule("rpc.service", .constant(.string(service))),
      AttributeRule("rpc.method", .constant(.string(method))), AttributeRule("net.peer.ip", .ip),
      AttributeRule("net.peer.port", .integer(32_768...60_999)), AttributeRule("server.port", .constant(.int(port))),
      AttributeRule("rpc.grpc.status_code", 0),
    ]
  }

  static func sql(_ system: String, _ database: String, _ statement: [TextRule], table: String) -> [AttributeRule] {
    [
      AttributeRule("db.system", .constant(.string(system))), AttributeRule("db.name", .constant(.string(database))),
      AttributeRule("db.statement", .text(statement)), AttributeRule("db.operation", "SELECT"),
      AttributeRule("db.sql.table", .constant(.string(table))), AttributeRule("db.user", "app"),
      AttributeRule("db.connection_string", .constant(.string("\(system)://\(database)-db.data.svc:5432"))),
      AttributeRule("server.address", .constant(.string("\(database)-db.data.svc"))),
      AttributeRule("server.port", 5432),
    ]
  }

  static let messageEvents = [
    EventRule(
      name: "message", chance: 0.4,
      attributes: [
        AttributeRule("message.type", .pick(["SENT", "RECEIVED"])), AttributeRule("message.id", .integer(1...3)),
        AttributeRule("message.uncompressed_size", .size(900)),
      ])
  ]
  static let logEvents = [
    EventRule(
      name: "cache miss", chance: 0.2,
      attributes: [
        AttributeRule("cache.key", .text(["station:", .number(1...400), ":", .hex(8)])),
        AttributeRule("retry", .flag(0.1)),
      ]),
    EventRule(name: "lock acquired", chance: 0.1, attributes: []),
  ]
  static let threads = [AttributeRule("thread.id", .threadId), AttributeRule("thread.name", .threadName)]

  static let services: [ServiceRule] = [
    ServiceRule(
      name: "web", language: .nodejs, sdkVersion: "2.0.1", instances: 3,
      scopes: [
        ("@opentelemetry/instrumentation-http", "0.202.0"), ("@opentelemetry/instrumentation-express", "0.51.0"),
        ("@opentelemetry/instrumentation-grpc", "0.202.0"),
      ],
      schemaUrl: "",
      operations: [
        OperationRule(
          id: "web.get", name: "GET /api/stations/{id}", kind: .server, scope: 0, microseconds: 900,
          attributes: httpServer("/api/stations/{id}", host: "bikes.example.org", port: 443),
          calls: [
            CallRule("web.middleware", times: 2...4), CallRule("web.nearby", 0.8), CallRule("web.price", 0.5),
            CallRule("web.rider", 0.4),
          ],
          errors: 0.02, names: routes.map { "GET " + $0 }),
        OperationRule(
          id: "web.middleware", name: "middleware - query", kind: .internal, scope: 1, microseconds: 30,
          attributes: [
            AttributeRule("http.route", "/"),
            AttributeRule("express.name", .pick(["query", "expressInit", "jsonParser", "session"])),
            AttributeRule("express.type", "middleware"),
          ],
          names: ["middleware - query", "middleware - expressInit", "middleware - jsonParser", "middleware - session"]),
        OperationRule(
          id: "web.nearby", name: "grpc.bikes.StationService/ListNearby", kind: .client, scope: 2, microseconds: 400,
          attributes: rpc("bikes.StationService", "ListNearby", port: 7000), calls: [CallRule("stations.nearby")],
          events: messageEvents),
        OperationRule(
          id: "web.price", name: "GET", kind: .client, scope: 0, microseconds: 300,
          attributes: oldHttpClient("pricing", path: ["/price?trip=", .uuid, "&minutes=", .number(1...240)]),
          calls: [CallRule("pricing.quote")]),
        OperationRule(
          id: "web.rider", name: "GET", kind: .client, scope: 0, microseconds: 300,
          attributes: oldHttpClient("riders", path: ["/riders/", .number(1...90_000)]), calls: [CallRule("riders.get")]),
        OperationRule(
          id: "web.trip", name: "POST /api/trips", kind: .server, scope: 0, microseconds: 1500,
          attributes: httpServer("/api/trips", host: "bikes.example.org", port: 443),
          calls: [
            CallRule("web.middleware", times: 3...4), CallRule("bikes.unlock"), CallRule("payments.charge", 0.6),
            CallRule("web.rider"),
          ], errors: 0.04),
      ]),
    ServiceRule(
      name: "stations", language: .go, sdkVersion: "1.37.0", instances: 2,
      scopes: [
        ("go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc", "0.62.0"),
        ("github.com/redis/go-redis/extra/redisotel", "semver:9.8.0"), ("stations/geo", ""),
      ],
      schemaUrl: "https://opentelemetry.io/schemas/1.26.0",
      operations: [
        OperationRule(
          id: "stations.nearby", name: "bikes.StationService/ListNearby", kind: .server, scope: 0, microseconds: 250,
          attributes: rpc("bikes.StationService", "ListNearby", port: 7000),
          calls: [CallRule("stations.redis", times: 1...6), CallRule("stations.rank")], events: messageEvents),
        OperationRule(
          id: "stations.redis", name: "get", kind: .client, scope: 1, microseconds: 180,
          attributes: [
            AttributeRule("db.system", "redis"),
            AttributeRule(
              "db.statement", .text(["get station:", .number(1...400), ":", .oneOf(["bikes", "docks", "state"])])),
            AttributeRule("db.connection_string", "redis://stations-cache:6379"),
            AttributeRule("code.function", .pick(["geo.(*Cache).Get", "geo.(*Cache).Load"])),
            AttributeRule("code.lineno", .pick([88, 141, 212])),
          ],
          errors: 0.003, names: ["get", "mget", "setex"]),
        OperationRule(
          id: "stations.rank", name: "rank stations", kind: .internal, scope: 2, microseconds: 90,
          attributes: [
            AttributeRule("app.candidates", .size(120)), AttributeRule("app.lat", .double(52.1...52.9, decimals: 6)),
            AttributeRule("app.lon", .double(13.0...13.8, decimals: 6)), AttributeRule("app.score", .ratio),
            AttributeRule("app.station.names", .array(.pick(stations.map { .string($0) }), 0...5)),
            AttributeRule("app.weights", .array(.double(0...1, decimals: 2), 2...4), 0.3),
          ],
          events: logEvents),
      ]),
    ServiceRule(
      name: "bikes", language: .java, sdkVersion: "1.51.0", instances: 2,
      scopes: [
        ("io.opentelemetry.tomcat-10.0", "2.17.0-alpha"), ("io.opentelemetry.jdbc", "2.17.0-alpha"),
        ("io.opentelemetry.hibernate-6.0", "2.17.0-alpha"), ("io.opentelemetry.kafka-clients-2.6", "2.17.0-alpha"),
      ],
      schemaUrl: "https://opentelemetry.io/schemas/1.34.0",
      operations: [
        OperationRule(
          id: "bikes.unlock", name: "POST /bikes/{bikeId}/unlock", kind: .server, scope: 0, microseconds: 1200,
          attributes: httpServer("/bikes/{bikeId}/unlock", host: "bikes", port: 8080) + threads,
          calls: [CallRule("bikes.session", times: 1...2), CallRule("bikes.publish")], errors: 0.03),
        OperationRule(
          id: "bikes.session", name: "Session.find org.bikes.fleet.Bike", kind: .internal, scope: 2, microseconds: 200,
          attributes: [AttributeRule("hibernate.session_id", .uuid)] + threads,
          calls: [CallRule("bikes.sql", times: 1...3)]),
        OperationRule(
          id: "bikes.sql", name: "SELECT fleet.bike", kind: .client, scope: 1, microseconds: 700,
          attributes: sql(
            "postgresql", "fleet",
            [
              "select b1_0.id,b1_0.battery,b1_0.lock_code,b1_0.state,b1_0.station_id from bike b1_0 where b1_0.",
              .oneOf(["id", "station_id", "state"]), "=?",
            ], table: "bike") + threads,
          errors: 0.005),
        OperationRule(
          id: "bikes.publish", name: "trips publish", kind: .producer, scope: 3, microseconds: 300,
          attributes: [
            AttributeRule("messaging.system", "kafka"), AttributeRule("messaging.destination.name", "trips"),
            AttributeRule("messaging.kafka.message.key", .order),
            AttributeRule("messaging.kafka.message.offset", .integer(400_000...900_000)),
            AttributeRule("messaging.destination.partition.id", .pick(["0", "3", "7", "11"])),
            AttributeRule("messaging.client_id", "producer-1"),
          ] + threads,
          calls: [CallRule("invoices.process")]),
      ]),
    ServiceRule(
      name: "pricing", language: .dotnet, sdkVersion: "1.12.0", instances: 2,
      scopes: [
        ("Microsoft.AspNetCore", ""), ("OpenTelemetry.Instrumentation.SqlClient", "1.12.0-beta.2"),
        ("Pricing.Rules", "4.2.0"),
      ], schemaUrl: "",
      operations: [
        OperationRule(
          id: "pricing.quote", name: "GET price", kind: .server, scope: 0, microseconds: 600,
          attributes: httpServer("price", host: "pricing", port: 8080),
          calls: [CallRule("pricing.rule", times: 1...5), CallRule("pricing.sql", 0.4)], errors: 0.01),
        OperationRule(
          id: "pricing.rule", name: "EvaluateRule", kind: .internal, scope: 2, microseconds: 40,
          attributes: [
            AttributeRule("rule.name", .pick(["Base", "Weekend", "Student", "Zone", "Surge"])),
            AttributeRule("rule.factor", .double(0.5...2.5, decimals: 2)), AttributeRule("rule.applied", .flag(0.6)),
            AttributeRule(
              "rule.input",
              .kvlist([
                AttributeRule("minutes", .integer(1...240)), AttributeRule("zone", .pick(["A", "B", "C"])),
                AttributeRule("member", .flag(0.5)),
              ]), 0.5),
          ]),
        OperationRule(
          id: "pricing.sql", name: "pricing", kind: .client, scope: 1, microseconds: 900,
          attributes: sql(
            "mssql", "pricing",
            [
              "SELECT TOP(1) [t].[Id], [t].[Rate] FROM [Tariffs] AS [t] WHERE [t].[ZoneId] = ", .number(1...12),
              " AND [t].[ValidFrom] <= @__now_0",
            ], table: "Tariffs")),
      ]),
    ServiceRule(
      name: "riders", language: .python, sdkVersion: "1.34.1", instances: 2,
      scopes: [
        ("opentelemetry.instrumentation.fastapi", "0.55b1"), ("opentelemetry.instrumentation.sqlalchemy", "0.55b1"),
        ("opentelemetry.instrumentation.redis", "0.55b1"),
      ], schemaUrl: "https://opentelemetry.io/schemas/1.11.0",
      operations: [
        OperationRule(
          id: "riders.get", name: "GET /riders/{rider_id}", kind: .server, scope: 0, microseconds: 1400,
          attributes: httpServer("/riders/{rider_id}", host: "10.244.3.17:8000", port: 8000),
          calls: [CallRule("riders.asgi", times: 2...3), CallRule("riders.sql", 0.7), CallRule("riders.redis", 0.5)],
          errors: 0.02),
        OperationRule(
          id: "riders.asgi", name: "GET /riders/{rider_id} http send", kind: .internal, scope: 0, microseconds: 60,
          attributes: [
            AttributeRule("asgi.event.type", .pick(["http.response.body", "http.response.start"])),
            AttributeRule("http.status_code", 200),
          ]),
        OperationRule(
          id: "riders.sql", name: "SELECT riders", kind: .client, scope: 1, microseconds: 1100,
          attributes: sql(
            "postgresql", "riders",
            ["SELECT riders.id, riders.email, riders.created_at FROM riders WHERE riders.id = %(pk_1)s"],
            table: "riders"), errors: 0.01),
        OperationRule(
          id: "riders.redis", name: "HGETALL", kind: .client, scope: 2, microseconds: 250,
          attributes: [
            AttributeRule("db.system", "redis"), AttributeRule("db.statement", "HGETALL ?"),
            AttributeRule("db.redis.database_index", 0), AttributeRule("net.peer.name", "riders-cache"),
            AttributeRule("net.peer.port", 6379), AttributeRule("db.redis.args_length", .integer(2...6)),
            AttributeRule("session.id", .session),
          ]),
      ]),
    ServiceRule(
      name: "payments", language: .rust, sdkVersion: "0.30.0", instances: 1,
      scopes: [("payments", "1.9.3"), ("reqwest-tracing", "")], schemaUrl: "",
      operations: [
        OperationRule(
          id: "payments.charge", name: "charge", kind: .server, scope: 0, microseconds: 800,
          attributes: [
            AttributeRule("code.filepath", "src/charge.rs"), AttributeRule("code.namespace", "payments::charge"),
            AttributeRule("code.lineno", .pick([61, 118])), AttributeRule("busy_ns", .size(4_000_000)),
            AttributeRule("idle_ns", .size(90_000_000)), AttributeRule("order.id", .order),
            AttributeRule("amount", .double(1...60, decimals: 2)),
            AttributeRule("currency", .pick(["EUR", "DKK", "PLN"])), AttributeRule("card.fingerprint", .bytes(16...16)),
            AttributeRule("charge.unset", .constant(.none), 0.05),
            AttributeRule(
              "charge.limit", .pick([.int(.max), .int(.min), .double(1e300), .double(-0.0), .string("")]), 0.1),
            AttributeRule("charge.parts", .array(.array(.integer(-5...5), 0...3), 0...3), 0.1),
          ],
          calls: [CallRule("payments.bank")], events: logEvents, errors: 0.05),
        OperationRule(
          id: "payments.bank", name: "HTTP POST", kind: .client, scope: 1, microseconds: 45_000,
          attributes: [
            AttributeRule("http.request.method", "POST"),
            AttributeRule("url.full", .text(["https://bank.example.com/v3/charges/ch_", .hex(24)])),
            AttributeRule("http.response.status_code", .httpStatus), AttributeRule("idempotency.key", .uuid),
          ], errors: 0.02),
      ]),
    ServiceRule(
      name: "invoices", language: .java, sdkVersion: "1.32.0", instances: 1,
      scopes: [("io.opentelemetry.spring-kafka-2.7", "1.32.0-alpha"), ("io.opentelemetry.jdbc", "1.32.0-alpha")],
      schemaUrl: "",
      operations: [
        OperationRule(
          id: "invoices.process", name: "trips process", kind: .consumer, scope: 0, microseconds: 2500,
          attributes: [
            AttributeRule("messaging.system", "kafka"), AttributeRule("messaging.destination.name", "trips"),
            AttributeRule("messaging.operation", "process"),
            AttributeRule("messaging.kafka.consumer.group", "invoices"),
            AttributeRule("messaging.kafka.message.offset", .integer(400_000...900_000)),
            AttributeRule("messaging.message.body.size", .integer(180...420)),
            AttributeRule("kafka.record.queue_time_ms", .size(400)),
          ] + threads,
          calls: [CallRule("invoices.insert")], errors: 0.02, links: true),
        OperationRule(
          id: "invoices.insert", name: "INSERT invoices.invoice", kind: .client, scope: 1, microseconds: 1500,
          attributes: sql(
            "mysql", "invoices", ["insert into invoice (trip, rider, cents, created) values (?, ?, ?, ?)"],
            table: "invoice") + threads),
      ]),
    ServiceRule(
      name: "app", language: .webjs, sdkVersion: "1.30.1", instances: 4,
      scopes: [
        ("@opentelemetry/instrumentation-document-load", "0.44.1"), ("@opentelemetry/instrumentation-fetch", "0.57.2"),
      ], schemaUrl: "",
      operations: [
        OperationRule(
          id: "app.load", name: "documentLoad", kind: .internal, scope: 0, microseconds: 300_000,
          attributes: [
            AttributeRule("http.url", .text(["https://bikes.example.org/map?s=", .uuid])),
            AttributeRule("http.user_agent", .pick(agents)), AttributeRule("session.id", .session),
            AttributeRule("screen.size", .array(.pick([390, 844, 1920, 1080]), 2...2)),
          ],
          calls: [CallRule("app.resource", times: 2...8), CallRule("app.fetch", times: 1...2)],
          events: [
            EventRule(name: "fetchStart", chance: 1, attributes: []),
            EventRule(name: "domInteractive", chance: 1, attributes: []),
            EventRule(name: "firstContentfulPaint", chance: 0.8, attributes: []),
          ]),
        OperationRule(
          id: "app.resource", name: "resourceFetch", kind: .internal, scope: 0, microseconds: 40_000,
          attributes: [
            AttributeRule("http.url", .text(["https://static.example.org/assets/", .word, ".", .hex(8), ".js"])),
            AttributeRule("http.response_content_length", .size(300_000)),
          ]),
        OperationRule(
          id: "app.fetch", name: "HTTP GET", kind: .client, scope: 1, microseconds: 20_000,
          attributes: oldHttpClient("bikes.example.org", path: ["/api/stations/", .number(1...400)]),
          calls: [CallRule("web.get")]),
      ]),
    ServiceRule(
      name: "reports", language: .php, sdkVersion: "1.5.0", instances: 1,
      scopes: [("io.opentelemetry.contrib.php.pdo", ""), ("reports", "2025.6")],
      schemaUrl: "https://opentelemetry.io/schemas/1.32.0",
      operations: [
        OperationRule(
          id: "reports.nightly", name: "reports:run", kind: .internal, scope: 1, microseconds: 60_000,
          attributes: [
            AttributeRule("job.id", .uuid), AttributeRule("job.arguments", .array(.words(1...2), 1...4)),
            AttributeRule(
              "job.started",
              .text([
                "2025-06-", .number(10...28), "T0", .number(0...9), ":", .number(10...59), ":", .number(10...59), "Z",
              ])), AttributeRule("note", .words(4...30), 0.5),
          ],
          calls: [CallRule("reports.query", times: 3...20)], errors: 0.1),
        OperationRule(
          id: "reports.query", name: "PDOStatement::execute", kind: .client, scope: 0, microseconds: 8_000,
          attributes: [
            AttributeRule("db.system.name", "mysql"),
            AttributeRule(
              "db.query.text",
              .text([
                "SELECT DATE(created), COUNT(*), SUM(cents) FROM invoice WHERE created BETWEEN '2025-06-",
                .number(10...28), "' AND NOW() GROUP BY 1 HAVING SUM(cents) > ", .number(100...99_000),
              ])), AttributeRule("db.response.returned_rows", .size(900)),
            AttributeRule("code.function.name", "PDOStatement::execute"),
          ]),
      ]),
  ]

  /// Where traces begin, and how often.
  static let entries: [(operation: String, weight: Double)] = [
    ("app.load", 0.15), ("web.get", 0.6), ("web.trip", 0.2), ("reports.nightly", 0.01), ("stations.nearby", 0.04),
  ]

  static let words = """
    bike ride station dock wheel battery lock helmet map route city park bridge river morning evening rain summer repair \
    brake chain light pedal saddle charge rider trip minute price ticket member student zone weekend discount invoice \
    card bank refund receipt message support question answer help near far north south left right open closed free \
    broken lost found quick slow early late green red blue white the a of to and in is it you that for on are with as \
    this from at or have an they which one by word but not what all were we when your can said there use each she do how
    """.split(separator: " ").map(String.init)
}
