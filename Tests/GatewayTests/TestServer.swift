import Accounts
import Composition
import Delivery
import Foundation
import Logging
import Messaging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Primitives
import ServiceLifecycle
import SignalingCore
import SignalingService
import Storage
import TestBackends
import TestDatabases
import Wire

@testable import Gateway

/// The whole server except its command line: a real database in a file of its own, real services, real sockets.
final class TestServer: Sendable {
    let gateway: Gateway
    let registry: SessionRegistry
    let accounts: AccountService
    let messaging: MessagingService
    let calls: CallService
    let database: any Database
    let clock: TestClock
    let port: Int
    private let group: ServiceGroup

    private init(
        gateway: Gateway, registry: SessionRegistry, accounts: AccountService, messaging: MessagingService,
        calls: CallService, database: any Database, clock: TestClock, port: Int, group: ServiceGroup
    ) {
        self.gateway = gateway
        self.registry = registry
        self.accounts = accounts
        self.messaging = messaging
        self.calls = calls
        self.database = database
        self.clock = clock
        self.port = port
        self.group = group
    }

    /// Runs a server for as long as the body runs.
    static func run(
        _ configuration: GatewayConfiguration = .init(), timings: HeartbeatTimings = HeartbeatTimings(),
        attempts: AttemptLimits = AttemptLimits(perUsername: 100, perAddress: 1000), pingFails: Bool = false,
        quotas: QuotaLimits = QuotaLimits(), on engine: DatabaseEngine = .sqlite,
        body: (TestServer) async throws -> Void
    ) async throws {
        try await TestDatabase.with(engine) { database, _ in
            try await run(
                configuration, timings: timings, attempts: attempts, pingFails: pingFails, quotas: quotas,
                database: database, body: body)
        }
    }

    private static func run(
        _ configuration: GatewayConfiguration, timings: HeartbeatTimings, attempts: AttemptLimits, pingFails: Bool,
        quotas: QuotaLimits, database: any Database, body: (TestServer) async throws -> Void
    ) async throws {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let clock = TestClock()
        let loops = MultiThreadedEventLoopGroup.singleton
        var settings = Backend.Settings()
        settings.attempts = attempts
        settings.quotas = quotas
        let backend = await Backend(testing: database, settings: settings, now: clock.now)
        var configuration = configuration
        configuration.port = 0
        let services = GatewayServices(
            configuration: configuration, timings: timings, accounts: backend.accounts, messaging: backend.messaging,
            calls: backend.calls, registry: backend.registry, logger: logger, now: clock.now)
        let ping: @Sendable () async throws(DatabaseError) -> Void = { () async throws(DatabaseError) in
            if pingFails { throw DatabaseError(.unavailable, "as the test wants it") }
            try await database.ping()
        }
        try await backend.calls.start()
        let gateway = try Gateway(
            services, ping: ping,
            metricFamilies: [{ backend.metricFamilies }], eventLoopGroup: loops)
        let group = ServiceGroup(services: [gateway], logger: logger)
        let running = Task { try await group.run() }
        do {
            let server = TestServer(
                gateway: gateway, registry: backend.registry, accounts: backend.accounts,
                messaging: backend.messaging, calls: backend.calls, database: database, clock: clock,
                port: try await gateway.boundPort, group: group)
            try await body(server)
        } catch {
            await group.triggerGracefulShutdown()
            try? await running.value
            throw error
        }
        await group.triggerGracefulShutdown()
        try await running.value
    }

    /// Begins the shutdown.
    func stop() async { await group.triggerGracefulShutdown() }

    /// Makes an account with one device.
    func register(_ username: String) async throws -> TestUser {
        let device = DeviceID.random(at: clock.now())
        let credentials = try await accounts.register(
            username: username, password: Redacted("correct horse"), displayName: username.capitalized,
            client: ClientInfo(device: device, deviceName: "Test", ipAddress: "", userAgent: ""))
        return TestUser(credentials: credentials, device: device)
    }

    /// Notes that a user knows another one, so that they can be added to a group without being asked.
    func know(_ user: TestUser, _ other: TestUser) async throws {
        let step = Step(.noteAcquaintance, [.id(user.id), .id(other.id), .instant(clock.now())], expectedRows: 1)
        _ = try await database.commit(WriteUnit([step]))
    }

    /// Logs a user in on one more device.
    func logIn(_ username: String, device: DeviceID? = nil) async throws -> TestUser {
        let device = device ?? DeviceID.random(at: clock.now())
        let credentials = try await accounts.logIn(
            username: username, password: Redacted("correct horse"),
            client: ClientInfo(device: device, deviceName: "Another", ipAddress: "", userAgent: ""))
        return TestUser(credentials: credentials, device: device)
    }
}

extension GatewayConfiguration {
    /// The usual configuration with a change.
    static func with(_ change: (inout GatewayConfiguration) -> Void) -> GatewayConfiguration {
        var configuration = GatewayConfiguration()
        change(&configuration)
        return configuration
    }
}

/// A user on one device.
struct TestUser: Sendable {
    let credentials: Credentials
    let device: DeviceID

    var id: UserID { credentials.profile.id }
    var token: String { credentials.accessToken.exposed }
}

/// A wall clock that can be advanced.
final class TestClock: Sendable {
    private let offset = NIOLockedValueBox(Instant.Span.seconds(0))

    var now: @Sendable () -> Instant {
        { [self] in
            Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000)) + offset.withLockedValue { $0 }
        }
    }

    func advance(_ span: Instant.Span) {
        offset.withLockedValue { $0 = Instant.Span(microseconds: $0.microseconds + span.microseconds) }
    }
}
