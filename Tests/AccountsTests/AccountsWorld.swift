import Logging
import NIOConcurrencyHelpers
import Primitives
import Storage
import TestDatabases
import Testing

@testable import Accounts

/// A server's accounts with a clock that stands still until it is moved.
final class AccountsWorld: Sendable {
    let database: any Database
    let service: AccountService
    let passwords: PasswordHasher
    let tokens: AccessTokens
    let clock = Clock()
    let revocations = Revocations()

    static let password = Redacted("correct horse")

    init(
        _ database: any Database, limits: AttemptLimits = AttemptLimits(),
        passwords: PasswordHasher = PasswordHasher(cost: 10)
    ) async {
        self.database = database
        self.passwords = passwords
        tokens = await AccessTokens(key: .random())
        service = AccountService(
            database: database, tokens: tokens, passwords: passwords, limits: limits, now: { [clock] in clock.now },
            revocations: revocations, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }

    static func with(
        _ engine: DatabaseEngine, limits: AttemptLimits = AttemptLimits(),
        _ body: (AccountsWorld) async throws -> Void
    ) async throws {
        try await TestDatabase.with(engine) { database, _ in
            try await body(await AccountsWorld(database, limits: limits))
        }
    }

    func client(_ device: DeviceID? = nil) -> ClientInfo {
        ClientInfo(
            device: device ?? .random(at: clock.now), deviceName: "Firefox on Linux", ipAddress: "192.0.2.1",
            userAgent: "Mozilla/5.0")
    }

    func register(_ username: String, displayName: String = "") async throws(AccountError) -> Credentials {
        try await service.register(
            username: username, password: Self.password, displayName: displayName, client: client())
    }

    func logIn(_ username: String, _ password: String = password.exposed, device: DeviceID? = nil)
        async throws(AccountError)
        -> Credentials
    {
        try await service.logIn(username: username, password: Redacted(password), client: client(device))
    }

    final class Clock: Sendable {
        private let instant = NIOLockedValueBox(Instant(microseconds: 1_780_000_000_000_000))
        var now: Instant { instant.withLockedValue { $0 } }
        func advance(_ span: Instant.Span) { instant.withLockedValue { $0 = $0 + span } }
    }

    final class Revocations: SessionRevocations {
        private let calls = NIOLockedValueBox<[SessionID]>([])
        var sessions: [SessionID] { calls.withLockedValue { $0 } }
        private let loggedOut = NIOLockedValueBox<[LoggedOut]>([])
        var logOuts: [LoggedOut] { loggedOut.withLockedValue { $0 } }
        func sessionsRevoked(_ sessions: [SessionID], of user: UserID) { calls.withLockedValue { $0 += sessions } }
        func loggedOut(_ user: UserID, devices: [DeviceID], isLast: Bool) {
            loggedOut.withLockedValue { $0.append(LoggedOut(devices: devices, isLast: isLast)) }
        }

        struct LoggedOut: Equatable {
            var devices: [DeviceID]
            var isLast: Bool
        }
    }
}

/// Expects an `AccountError` of a code.
func expect(
    _ code: AccountError.Code, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Void
) async {
    do {
        try await body()
        Issue.record("no error, expected \(code)", sourceLocation: sourceLocation)
    } catch {
        #expect((error as? AccountError)?.code == code, "\(error)", sourceLocation: sourceLocation)
    }
}
