public import Primitives

/// The settings of an outbox.
public struct OutboxSettings: Sendable {
    /// A service of the operator.
    public struct Endpoint: Sendable, Equatable {
        /// Where it accepts a POST: `http://…` or `https://…`. Redacted, because a path can be a secret, too.
        public var url: Redacted<String>
        /// What deliveries are signed with.
        public var secret: Redacted<String>

        /// Names a service.
        public init(url: Redacted<String>, secret: Redacted<String>) {
            self.url = url
            self.secret = secret
        }
    }

    /// The minimum length of a secret, in bytes: shorter ones can be guessed.
    public static let leastSecretLength = 16

    /// The service that is told of calls; none when nil.
    public var webhooks: Endpoint?
    /// The service that wakes devices; none when nil.
    public var push: Endpoint?
    /// The age at which a webhook is given up.
    public var giveUpAge = Instant.Span.seconds(86_400)
    /// The waits between attempts at a webhook.
    public var webhookBackoff = Backoff(first: .seconds(1), longest: .seconds(300))
    /// The waits between attempts at a push, which is useless a minute later.
    public var pushBackoff = Backoff(first: .milliseconds(500), longest: .seconds(5))
    /// How many requests may be in flight to each service.
    public var concurrency = 16
    /// How long a connection may take.
    public var connectTimeout = Instant.Span.seconds(5)
    /// How long a request may take until its answer begins.
    public var requestTimeout = Instant.Span.seconds(15)
    /// How often the outbox is checked without a signal that there is something in it.
    public var pollInterval = Instant.Span.seconds(10)
    /// How much time requests in flight have when the server stops.
    public var shutdownGrace = Instant.Span.seconds(3)

    /// How long after the start of its answer a request is ended, even if more is coming.
    static let drainTimeout = Instant.Span.seconds(2)
    /// How many bytes of an answer's body are read. Its content does not matter.
    static let answerLimit = 65_536
    /// How long finished entries are kept for inspection.
    static let keepSpan = Instant.Span.seconds(86_400)
    /// The minimum time for which a cancelled ring is reported.
    static let cancelSpan = Instant.Span.seconds(60)
    /// How long after a failure of the database the next attempt is made.
    static let databaseRetryDelay = Instant.Span.seconds(1)
    /// How often finished entries are deleted, and how many in one step.
    static let sweepInterval = Instant.Span.seconds(3600)
    static let sweepLimit = 1000

    /// How long a server has for what it claimed before it is considered dead: much longer than an attempt takes.
    var lease: Instant.Span {
        Instant.Span(microseconds: 2 * requestTimeout.microseconds) + Self.drainTimeout
    }

    /// The settings of an outbox that sends nothing.
    public init() {}
}

extension Instant.Span {
    fileprivate static func + (left: Self, right: Self) -> Self {
        Self(microseconds: left.microseconds + right.microseconds)
    }
}

/// The time that an outbox uses. Tests have their own.
public struct OutboxClock: Sendable {
    /// The current time, near the wall clock: deadlines outlive the process.
    var now: @Sendable () -> Instant
    /// The machine's clock, for values that others compare with their own.
    var wallClock: @Sendable () -> Instant
    /// Waits; throws when the task is cancelled.
    var sleep: @Sendable (Instant.Span) async throws -> Void

    /// A clock whose waits are real.
    public init(now: @escaping @Sendable () -> Instant, wallClock: @escaping @Sendable () -> Instant) {
        self.init(now: now, wallClock: wallClock) { try await Task.sleep(for: .microseconds($0.microseconds)) }
    }

    init(
        now: @escaping @Sendable () -> Instant, wallClock: @escaping @Sendable () -> Instant,
        sleep: @escaping @Sendable (Instant.Span) async throws -> Void
    ) {
        self.now = now
        self.wallClock = wallClock
        self.sleep = sleep
    }
}
