import Accounts
public import Composition
import Logging
import NIOCore
import NIOPosix
public import Primitives
import SignalingService
public import Storage

extension Backend {
    /// The backend of a server, with settings for tests: passwords are cheap, and the clock may jump.
    public init(
        testing database: any Database, settings: Settings = Settings(), now: @escaping @Sendable () -> Instant
    ) async {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        var settings = settings
        // What happens when the lease expires is tested elsewhere.
        settings.calls.lease = .seconds(100 * 24 * 3600)
        let loops = MultiThreadedEventLoopGroup.singleton
        self.init(
            database: database, tokens: await AccessTokens(key: .random()), passwords: PasswordHasher(cost: 10),
            settings: settings, loops: [loops.next(), loops.next()], now: now, wallClock: now, logger: logger)
    }
}
