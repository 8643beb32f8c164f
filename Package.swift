// swift-tools-version: 6.2
import PackageDescription

/// Every target: strict about memory safety, and no warning lives on.
let strict: [SwiftSetting] = [.strictMemorySafety(), .treatAllWarnings(as: .error)]

/// One file without shared libraries: the program then starts faster than zstd does (0.3 ms against 0.35; linked with
/// the dynamic Swift runtime it takes 2.5 ms, most of them in the loader). Only the executable is linked so: packages
/// that depend on the library are not touched by these flags. `TRACEZIP_LINK=dynamic swift build` is for systems
/// without static libraries of glibc, zlib, zstd and lz4 (Debian's -dev packages have them).
let quickStart: [LinkerSetting] =
  Context.environment["TRACEZIP_LINK"] == "dynamic"
  ? []
  : [
    .unsafeFlags(
      [
        "-static-executable", "-use-ld=lld", "-l_FoundationCollections", "-l_FoundationCShims",
        "-lswiftSynchronization",
      ], .when(platforms: [.linux])),
    .unsafeFlags(["-Xlinker", "-s"], .when(platforms: [.linux], configuration: .release)),
  ]

let package = Package(
  name: "tracezip",
  products: [
    .library(name: "Tracezip", targets: ["Tracezip"]),
    .executable(name: "tracezip", targets: ["tracezip"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.6.0"),
    // Layers of settings; none of the file formats it can read by traits.
    .package(url: "https://github.com/apple/swift-configuration", from: "1.0.0", traits: []),
    // Tests only: an independent reader of protobuf.
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
  ],
  targets: [
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    // How glibc's heap behaves: no part of Swift's Glibc module.
    .systemLibrary(name: "CMalloc"),
    // Instructions and system calls that Swift has no word for.
    .systemLibrary(name: "CMachine"),
    .target(name: "Bytes", dependencies: ["CMachine"], swiftSettings: strict),
    .target(name: "Columns", dependencies: ["Bytes", "CMachine", "CZstd", "CLZ4"], swiftSettings: strict),
    .target(name: "OTLP", dependencies: ["Bytes"], swiftSettings: strict),
    .target(
      name: "Tracezip", dependencies: ["Bytes", "Columns", "OTLP", "CMachine", "CZstd", "CLZ4", "CZlib"],
      swiftSettings: strict),
    .target(
      name: "TracezipCommands",
      dependencies: [
        "Bytes", "CMalloc", "OTLP", "Tracezip", "Workload", "CZstd", "CLZ4",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Configuration", package: "swift-configuration"),
      ], swiftSettings: strict),
    .target(name: "Workload", dependencies: ["Bytes"], swiftSettings: strict),
    .executableTarget(
      name: "tracezip", dependencies: ["TracezipCommands"], swiftSettings: strict, linkerSettings: quickStart),
    .target(
      name: "TestSupport",
      dependencies: [
        "Bytes", "Workload", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      path: "Tests/TestSupport", exclude: ["Proto", "Python", "README.md"]),
    .testTarget(name: "ColumnsTests", dependencies: ["Columns", "Bytes"], swiftSettings: strict),
    .testTarget(
      name: "WorkloadTests", dependencies: ["Workload", "Bytes", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "CommandTests", dependencies: ["TestSupport", "Workload", "TracezipCommands"], swiftSettings: strict),
    .testTarget(name: "OTLPTests", dependencies: ["OTLP", "Bytes"], swiftSettings: strict),
    .testTarget(
      name: "TracezipTests",
      dependencies: ["Tracezip", "Bytes", "OTLP", "Workload", "TestSupport", "CZstd", "CLZ4", "CZlib"],
      swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
