import Accounts
import Foundation
import Logging
import Primitives
import Storage

/// An open database with the program's schema.
struct OpenedDatabase {
    let database: any Database
    /// The numbers of the migrations that opening it applied.
    let appliedMigrations: [Int]

    /// How long a program waits at its start for a database that is still starting.
    static let patience = Duration.seconds(30)

    /// Opens and migrates the database that the settings name.
    static func open(_ settings: Settings, logger: Logger) async throws -> OpenedDatabase {
        let database: any Database
        do {
            database = try openDatabase(settings.database.exposed, logger: logger)
        } catch {
            throw Failure(error.code == .invalid ? .configuration : .unavailable, "database: \(error.message)")
        }
        let deadline = ContinuousClock.now + patience
        while true {
            do {
                return OpenedDatabase(database: database, appliedMigrations: try await database.migrate())
            } catch  where error.code == .unavailable && ContinuousClock.now < deadline {
                logger.warning("the database is not there yet; trying again", metadata: ["error": "\(error)"])
                try await Task.sleep(for: .seconds(1))
            } catch {
                await database.close()
                throw Failure(error.code == .invalid ? .configuration : .unavailable, "database: \(error.message)")
            }
        }
    }

    /// Opens the database for a command, and closes it afterwards.
    static func with(_ settings: Settings, _ body: (OpenedDatabase) async throws -> Void) async throws {
        let opened = try await open(
            settings, logger: Logger(label: "ringback", factory: LogLine.standardError(.warning)))
        do {
            try await body(opened)
        } catch {
            await opened.database.close()
            throw error
        }
        await opened.database.close()
    }
}

/// Accounts for the commands that work on them while no server runs, or a server in another process.
enum AccountAdministration {
    /// Where a command gets the key of access tokens.
    enum KeySource {
        /// It makes no token that anybody has to accept, so any key will do.
        case none
        /// The server's own; a token made with another one would be useless.
        case existing
    }

    /// Opens the database and passes its accounts to a closure. Account errors are reported as one line.
    static func with(
        _ settings: Settings, key source: KeySource = .none, _ body: (AccountService) async throws -> Void
    ) async throws {
        let key: TokenKey
        switch source {
        case .none: key = .random()
        case .existing:
            guard FileManager.default.fileExists(atPath: settings.tokenKeyFile) else {
                throw Failure(
                    .configuration,
                    "there is no \(settings.tokenKeyFile): run this where the server runs, or give RINGBACK_TOKEN_KEY_FILE"
                )
            }
            key = try ServerKey.load(settings)
        }
        try await OpenedDatabase.with(settings) { opened in
            let accounts = AccountService(
                database: opened.database,
                tokens: await AccessTokens(key: key, lifetime: settings.accessTokenLifetime),
                passwords: PasswordHasher(cost: settings.passwordCost), sessionLifetime: settings.sessionLifetime,
                now: wallClock, revocations: NoListeners(),
                logger: Logger(label: "ringback", factory: LogLine.standardError(.warning)))
            do {
                try await body(accounts)
            } catch let error as AccountError {
                throw Failure(error.code == .unavailable ? .unavailable : .data, error.message)
            }
        }
    }

    /// A command has no sockets to close.
    private struct NoListeners: SessionRevocations {
        func sessionsRevoked(_ sessions: [SessionID], of user: UserID) {}
        func loggedOut(_ user: UserID, devices: [DeviceID], isLast: Bool) {}
    }
}

/// The key of access tokens.
enum ServerKey {
    /// Reads the key that the settings name; creates it and its folder if there is none.
    static func load(_ settings: Settings) throws -> TokenKey {
        let folder = URL(fileURLWithPath: settings.tokenKeyFile).deletingLastPathComponent()
        do {
            try FileManager.default.createDirectory(
                at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw Failure(.configuration, "the folder of tokenKeyFile cannot be created: \(folder.path)")
        }
        do {
            return try TokenKey.load(orCreateAt: settings.tokenKeyFile)
        } catch {
            throw Failure(.configuration, error.message)
        }
    }
}

/// The machine's clock: for a command, which measures nothing, and for values that others compare with their own
/// clocks. A server measures time by its `ProcessClock`.
@Sendable
func wallClock() -> Instant { .ofSystemClock }
