// swift-tools-version: 6.2
import PackageDescription

/// Every target: strict about memory safety, and no warning lives on.
let strict: [SwiftSetting] = [.strictMemorySafety(), .treatAllWarnings(as: .error)]

let package = Package(
  name: "tracezip",
  products: [
    .library(name: "Tracezip", targets: ["Tracezip"]),
    .executable(name: "tracezip", targets: ["tracezip"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.6.0"),
    // Tests only: an independent reader of protobuf.
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
  ],
  targets: [
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "Bytes", swiftSettings: strict),
    .target(name: "Columns", dependencies: ["Bytes", "CZstd", "CLZ4"], swiftSettings: strict),
    .target(name: "OTLP", dependencies: ["Bytes"], swiftSettings: strict),
    .target(
      name: "Tracezip", dependencies: ["Bytes", "Columns", "OTLP", "CZstd", "CLZ4", "CZlib"],
      swiftSettings: strict),
    .target(
      name: "TracezipCommands",
      dependencies: [
        "Tracezip", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: strict),
    .executableTarget(name: "tracezip", dependencies: ["TracezipCommands"], swiftSettings: strict),
    .target(name: "Workload", dependencies: ["Bytes"], swiftSettings: strict),
    .target(
      name: "TestSupport",
      dependencies: [
        "Bytes", "Workload", "tracezip", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      path: "Tests/TestSupport", exclude: ["Proto", "README.md"]),
    .testTarget(name: "ColumnsTests", dependencies: ["Columns", "Bytes"], swiftSettings: strict),
    .testTarget(name: "OTLPTests", dependencies: ["OTLP", "Bytes"], swiftSettings: strict),
    .testTarget(
      name: "TracezipTests",
      dependencies: ["Tracezip", "Bytes", "OTLP", "Workload", "TestSupport", "CZstd", "CLZ4", "CZlib"],
      swiftSettings: strict),
    .testTarget(
      name: "WorkloadTests", dependencies: ["Workload", "Bytes", "TestSupport"], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
