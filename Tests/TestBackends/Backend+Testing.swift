import Accounts
public import Composition
import Logging
import NIOCore
import NIOPosix
public import Primitives
import SignalingService
public import Storage

extension Backend {
    /// What a server runs on, as tests want it: passwords cost little, and the clock may jump.
    public init(
        testing database: any Database, settings: Settings = Settings(), now: @escaping @Sendable () -> Instant
    ) async {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        var settings = settings
        // What happens when the lease runs out is tested elsewhere.
        settings.calls.lease = .seconds(100 * 24 * 3600)
        let loops = MultiThreadedEventLoopGroup.singleton
        self.init(
            database: database, tokens: await AccessTokens(key: .random()), passwords: PasswordHasher(cost: 10),
            settings: settings, loops: [loops.next(), loops.next()], now: now, wallClock: now, logger: logger)
    }
}
