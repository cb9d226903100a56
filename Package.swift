// swift-tools-version: 6.2
import PackageDescription

/// Warnings become errors when `RINGBACK_STRICT` is set, as it is in CI.
let isStrict = Context.environment["RINGBACK_STRICT"] != nil

/// Language settings that every target shares, generated code included.
let sharedSettings: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        // Ids and other small values are used in every module: without it each call of theirs is unspecialised. The
        // tests check exclusive access; a release build need not.
        .unsafeFlags(["-cross-module-optimization", "-enforce-exclusivity=unchecked"], .when(configuration: .release)),
    ] + (isStrict ? [.treatAllWarnings(as: .error)] : [])

/// Settings of the code that we write ourselves: every unsafe operation is marked where it stands.
let ownSettings: [SwiftSetting] = sharedSettings + [.strictMemorySafety()]

/// Versions are exact, so that a build today and a build in a year are the same.
func github(
    _ repository: String, exact version: Version, traits: Set<Package.Dependency.Trait> = [.defaults]
) -> Package.Dependency {
    .package(url: "https://github.com/\(repository)", exact: version, traits: traits)
}

/// A library of ours; every one has its tests in `Tests/<name>Tests`.
func library(
    _ name: String, _ path: String, _ dependencies: [Target.Dependency], exclude: [String] = [],
    resources: [Resource] = [], settings: [SwiftSetting] = ownSettings
) -> Target {
    .target(
        name: name, dependencies: dependencies, path: path, exclude: exclude, resources: resources,
        swiftSettings: settings)
}

/// The tests of a target.
func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(name: "\(name)Tests", dependencies: dependencies, exclude: exclude, swiftSettings: ownSettings)
}

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let protobuf: Target.Dependency = .product(name: "SwiftProtobuf", package: "swift-protobuf")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let jwt: Target.Dependency = .product(name: "JWTKit", package: "jwt-kit")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
/// Locks that the thread sanitizer can see; those of the standard library it takes for races.
let locks: Target.Dependency = .product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioWebSocket: Target.Dependency = .product(name: "NIOWebSocket", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let httpClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")

let package = Package(
    name: "ringback",
    products: [
        .executable(name: "ringback", targets: ["Ringback"]),
        .executable(name: "loadtest", targets: ["loadtest"]),
        .executable(name: "simulate", targets: ["simulate"]),
        .executable(name: "bench-fanout", targets: ["bench-fanout"]),
    ],
    dependencies: [
        github("apple/swift-argument-parser", exact: "1.8.2"),
        github("apple/swift-collections", exact: "1.6.0"),
        github("apple/swift-configuration", exact: "1.4.0"),
        github("apple/swift-crypto", exact: "4.5.2"),
        github("apple/swift-http-types", exact: "1.8.0"),
        github("apple/swift-log", exact: "1.16.2"),
        github("apple/swift-nio", exact: "2.101.2"),
        github("apple/swift-nio-extras", exact: "1.35.2"),
        github("apple/swift-nio-ssl", exact: "2.37.6"),
        github("apple/swift-protobuf", exact: "1.39.0"),
        github("apple/swift-system", exact: "1.8.1"),
        github("groue/GRDB.swift", exact: "7.10.0"),
        github("HdrHistogram/hdrhistogram-swift", exact: "0.2.0"),
        github("hummingbird-project/hummingbird", exact: "2.28.1"),
        github("swift-server/async-http-client", exact: "1.37.0"),
        github("swift-server/swift-service-lifecycle", exact: "2.13.0"),
        github("vapor/jwt-kit", exact: "5.7.1"),
    ],
    targets: [
        // The program: main, settings and commands.
        .executableTarget(
            name: "Ringback",
            dependencies: [
                "Accounts", "Composition", "Gateway", "MediaCore", "MediaServer", "Outbox", "Primitives",
                "SignalingCore", "SignalingService", "Storage", "WebClient",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                lifecycle, locks, logging, nioCore, nioPosix, nioSSL,
            ],
            path: "Sources/Ringback",
            resources: [.embedInCode("openapi.yaml")],
            swiftSettings: ownSettings
        ),

        // How the parts are joined, for the program and for tests.
        library(
            "Composition", "Sources/Composition",
            [
                "Accounts", "Delivery", "Messaging", "Outbox", "Primitives", "SignalingCore", "SignalingService",
                "Storage", logging, nioCore,
            ]),

        // The way in and out: connections, frames, devices.
        library(
            "Gateway", "Sources/Gateway",
            [
                "Accounts", "Delivery", "FrameDispatch", "Messaging", "Primitives", "SignalingCore", "SignalingService",
                "Storage", "Wire", crypto, hummingbird, httpTypes, lifecycle, locks, logging, nioCore, nioHTTP1,
                nioWebSocket, nioSSL, protobuf,
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
            ]),
        library(
            "Delivery", "Sources/Delivery",
            [
                "Accounts", "FrameDispatch", "Messaging", "Primitives", "SignalingCore", "SignalingService", "Wire",
                lifecycle, locks, logging, protobuf,
                .product(name: "DequeModule", package: "swift-collections"),
            ]),
        // Not called Dispatch, because the system has a module of that name.
        library(
            "FrameDispatch", "Sources/Dispatch",
            ["Accounts", "Messaging", "Primitives", "SignalingCore", "SignalingService", "Wire", protobuf]),

        // Signaling: who is in which call.
        library(
            "SignalingService", "Signaling/Service",
            ["Primitives", "SignalingCore", "Storage", locks, logging, nioCore]),
        library(
            "SignalingCore", "Signaling/Core",
            [
                "Primitives",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HeapModule", package: "swift-collections"),
            ]),

        // Media: how packets find their way.
        library("MediaServer", "Media/Server", ["CSockets", "MediaCore", "Primitives", lifecycle, locks, logging]),
        library("MediaCore", "Media/Core", ["Primitives"]),

        // People and their messages.
        library("Messaging", "Sources/Messaging", ["Primitives", "Storage", locks, logging]),
        library("Accounts", "Sources/Accounts", ["CCrypt", "Primitives", "Storage", crypto, jwt, locks, logging]),

        // What the operator's own services are told.
        library(
            "Outbox", "Sources/Outbox",
            [
                "Primitives", "SignalingCore", "SignalingService", "Storage", crypto, httpClient, lifecycle, locks,
                logging, nioCore, nioHTTP1, nioSSL,
            ]),

        // What browsers get.
        library("WebClient", "Sources/WebClient", [], resources: [.copy("library"), .copy("page")]),

        // The ground.
        library("Wire", "Sources/Wire", ["Primitives", protobuf], exclude: ["Proto"], settings: sharedSettings),
        library(
            "Storage", "Sources/Storage", ["CPostgres", "Primitives", grdb, locks, logging],
            resources: [.embedInCode("Migrations")]),
        library("Primitives", "Sources/Primitives", []),
        .systemLibrary(
            name: "CPostgres", path: "Sources/CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(
            name: "CCrypt", path: "Sources/CCrypt", pkgConfig: "libxcrypt", providers: [.apt(["libcrypt-dev"])]),
        .target(name: "CSockets", path: "Sources/CSockets"),

        // The tool that shakes the call core.
        .executableTarget(
            name: "simulate",
            dependencies: [
                "Primitives", "SignalingCore", "SignalingService", "Storage",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Signaling/Simulator",
            swiftSettings: ownSettings
        ),

        // The tool that measures the server from outside.
        .executableTarget(
            name: "loadtest",
            dependencies: [
                "Accounts", "CSockets", "MediaCore", "MediaServer", "Primitives", "Storage", "Wire", locks, logging,
                nioCore, nioPosix, nioHTTP1, nioWebSocket, protobuf,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            path: "loadtest",
            swiftSettings: ownSettings
        ),

        // The benchmark of what a change of a call costs until everybody is told.
        .executableTarget(
            name: "bench-fanout",
            dependencies: [
                "Accounts", "Delivery", "Primitives", "SignalingCore", "SignalingService", "Wire", locks,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Benchmarks/Fanout",
            swiftSettings: ownSettings
        ),

        // What several tests share: databases, what a gateway stands before, a count of what is allocated.
        library("TestDatabases", "Tests/TestDatabases", ["Primitives", "Storage", locks]),
        library(
            "TestBackends", "Tests/TestBackends",
            [
                "Accounts", "Composition", "Delivery", "FrameDispatch", "Primitives", "SignalingService", "Storage",
                "Wire", locks, logging, nioCore, nioPosix,
            ]),
        .target(name: "CAllocations", path: "Tests/CAllocations"),

        // Tests, in the order of what they test.
        tests(
            "Ringback",
            ["Gateway", "Outbox", "Ringback", logging, "Primitives", "SignalingCore", "SignalingService"]),
        tests(
            "Composition",
            [
                "Accounts", "Composition", "Messaging", "Outbox", "Primitives", "SignalingCore", "SignalingService",
                "Storage", "TestBackends", "TestDatabases", "Wire", locks,
            ]),
        tests(
            "Gateway",
            [
                "Accounts", "Composition", "Delivery", "FrameDispatch", "Gateway", "Messaging", "Primitives",
                "SignalingCore", "SignalingService", "Storage", "TestBackends", "TestDatabases", "WebClient", "Wire",
                httpTypes, lifecycle, locks, logging, nioCore, nioEmbedded, nioPosix, nioSSL, nioWebSocket, protobuf,
            ]),
        tests(
            "Delivery",
            [
                "Accounts", "Delivery", "Messaging", "Primitives", "SignalingCore", "SignalingService", "Wire", locks,
                protobuf,
            ]),
        tests(
            "Dispatch",
            [
                "Composition", "FrameDispatch", "Primitives", "SignalingCore", "SignalingService", "Storage",
                "TestBackends", "TestDatabases", "Wire", protobuf,
            ]),
        tests(
            "SignalingService",
            [
                "Primitives", "SignalingCore", "SignalingService", "Storage", "TestDatabases", locks, logging,
                nioCore, nioEmbedded,
            ]),
        tests("SignalingCore", ["Primitives", "SignalingCore"]),
        tests(
            "MediaServer",
            ["CAllocations", "MediaCore", "MediaServer", "Primitives", lifecycle, locks, logging]),
        tests("MediaCore", ["MediaCore", "Primitives"]),
        tests("Messaging", ["Messaging", "Primitives", "Storage", "TestDatabases", locks, logging]),
        tests("Accounts", ["Accounts", "Primitives", "Storage", "TestDatabases", crypto, locks, logging]),
        tests(
            "Outbox",
            [
                "Outbox", "Primitives", "SignalingCore", "SignalingService", "Storage", "TestDatabases", crypto,
                lifecycle, locks, logging, nioCore, nioEmbedded, nioHTTP1, nioPosix,
            ]),
        tests("Wire", ["CAllocations", "Primitives", "Wire", protobuf]),
        tests("Storage", ["CPostgres", "Primitives", "Storage", grdb, locks, logging]),
        tests("Primitives", ["Primitives"]),
        tests(
            "Simulator", ["Primitives", "SignalingCore", "Storage", "simulate"],
            exclude: ["fault-seeds.json", "faults.toml"]),
        tests("LoadTest", ["Primitives", "Wire", "loadtest", nioCore, protobuf]),
    ],
    swiftLanguageModes: [.v6]
)
