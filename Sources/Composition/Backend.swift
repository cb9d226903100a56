public import Accounts
public import Delivery
public import Logging
public import Messaging
public import NIOCore
public import Outbox
public import Primitives
public import SignalingService
public import Storage

/// The parts behind a gateway, joined: accounts, conversations, calls, the devices that get their events, and the
/// outbox.
///
/// The server and the tests use the same: which part tells which is decided only here.
public struct Backend: Sendable {
    /// What the parts are told once, at the start.
    public struct Settings: Sendable {
        /// How often somebody may try to log in or register.
        public var attempts = AttemptLimits()
        /// How long a session lives without a refresh.
        public var sessionLifetime = AccountService.usualSessionLifetime
        /// How much one user may store in a day, in all parts together.
        public var quotas = QuotaLimits()
        /// The settings of calls; their quotas are those above.
        public var calls = CallService.Settings()
        /// Which services of the operator are told of calls.
        public var outbox = OutboxSettings()

        /// The settings by default.
        public init() {}
    }

    /// Who is connected.
    public let registry: SessionRegistry
    /// User accounts.
    public let accounts: AccountService
    /// Conversations and their messages.
    public let messaging: MessagingService
    /// Every open call of this node.
    public let calls: CallService
    /// Tells the operator's services of calls; nil when there are none, and then nothing is written for them.
    public let outbox: OutboxService?
    private let passwords: PasswordHasher
    private let database: any Database

    /// Joins the parts. Nothing is started: `calls.start()` comes before the first command, and the outbox must be run.
    ///
    /// - Parameters:
    ///   - database: Where everything is kept; migrated.
    ///   - tokens: Makes and checks access tokens.
    ///   - passwords: Hashes and checks passwords.
    ///   - settings: The settings of the parts.
    ///   - loops: The calls are spread over these.
    ///   - now: The current time of a clock that never jumps and is near the wall clock: deadlines outlive the process.
    ///   - wallClock: The machine's clock, for values that others compare with their own.
    ///   - logger: Logs errors.
    public init(
        database: any Database, tokens: AccessTokens, passwords: PasswordHasher, settings: Settings = Settings(),
        loops: [any EventLoop], now: @escaping @Sendable () -> Instant, wallClock: @escaping @Sendable () -> Instant,
        logger: Logger
    ) {
        let registry = SessionRegistry()
        let accounts = AccountService(
            database: database, tokens: tokens, passwords: passwords, limits: settings.attempts,
            quotas: settings.quotas, sessionLifetime: settings.sessionLifetime, now: now, revocations: registry,
            logger: logger)
        let messaging = MessagingService(
            database: database, events: registry, quotas: settings.quotas, now: now, logger: logger)
        let outbox: OutboxService? =
            if settings.outbox.webhooks == nil, settings.outbox.push == nil {
                nil
            } else {
                OutboxService(
                    database: database, presence: registry, settings: settings.outbox,
                    clock: OutboxClock(now: now, wallClock: wallClock), logger: logger)
            }
        var recorders: [any CallRecorder] = [CallMessages(messaging), CallAcquaintances(), CallBeginnings()]
        if let outbox { recorders.append(outbox) }
        var callSettings = settings.calls
        callSettings.quotas = settings.quotas
        calls = CallService(
            database: database, events: registry, presence: registry,
            people: ConversationPeople(messaging: messaging, accounts: accounts), recorders: recorders, loops: loops,
            settings: callSettings, now: now,
            leaseClock: { () async throws(DatabaseError) in try await database.present() }, logger: logger)
        registry.serve(calls)
        self.registry = registry
        self.accounts = accounts
        self.messaging = messaging
        self.outbox = outbox
        self.passwords = passwords
        self.database = database
    }

    /// The metrics in Prometheus format, except those of the registry, which the gateway adds to its own.
    public var metricFamilies: [MetricFamily] {
        calls.metrics.families + database.metrics.families + messaging.metricFamilies + passwords.metricFamilies
            + (outbox?.metrics.families ?? [])
    }
}
