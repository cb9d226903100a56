public import Primitives

/// What an outbox is told once, at the start.
public struct OutboxSettings: Sendable {
    /// A service of the operator.
    public struct Endpoint: Sendable, Equatable {
        /// Where it takes a POST: `http://…` or `https://…`. Redacted, because a path can be a secret, too.
        public var url: Redacted<String>
        /// What deliveries are signed with.
        public var secret: Redacted<String>

        /// Names a service.
        public init(url: Redacted<String>, secret: Redacted<String>) {
            self.url = url
            self.secret = secret
        }
    }

    /// The shortest secret that is taken, in bytes: shorter ones can be guessed.
    public static let leastSecretLength = 16

    /// Who is told of calls; nobody when nil.
    public var webhooks: Endpoint?
    /// Who wakes devices; nobody when nil.
    public var push: Endpoint?
    /// How old a webhook gets before it is given up.
    public var giveUpAge = Instant.Span.seconds(86_400)
    /// The waits between attempts at a webhook.
    public var webhookBackoff = Backoff(first: .seconds(1), longest: .seconds(300))
    /// The waits between attempts at a push, which is useless a minute later.
    public var pushBackoff = Backoff(first: .milliseconds(500), longest: .seconds(5))
    /// How many requests are under way at once to each service.
    public var concurrency = 16
    /// How long a connection may take.
    public var connectTimeout = Instant.Span.seconds(5)
    /// How long a request may take until its answer begins.
    public var requestTimeout = Instant.Span.seconds(15)
    /// How often the outbox is looked at when nobody says that there is something in it.
    public var pollInterval = Instant.Span.seconds(10)
    /// How long requests that are under way may take when the server stops.
    public var shutdownGrace = Instant.Span.seconds(3)

    /// How long after its answer began a request is over, whatever still comes.
    static let drainTimeout = Instant.Span.seconds(2)
    /// How much of an answer's body is read, in bytes. What it says is of no interest.
    static let answerLimit = 65_536
    /// How long what is finished is kept to be looked at.
    static let keepSpan = Instant.Span.seconds(86_400)
    /// How long a cancelled ring is told for at least.
    static let cancelSpan = Instant.Span.seconds(60)
    /// How long after a failure of the database it is asked again.
    static let databaseRetryDelay = Instant.Span.seconds(1)
    /// How often what is finished is cleared away, and how much of it in one step.
    static let sweepInterval = Instant.Span.seconds(3600)
    static let sweepLimit = 1000

    /// How long a server has for what it claimed, before it is taken for dead: much longer than an attempt takes.
    var lease: Instant.Span {
        Instant.Span(microseconds: 2 * requestTimeout.microseconds) + Self.drainTimeout
    }

    /// The settings of an outbox that tells nobody anything.
    public init() {}
}

extension Instant.Span {
    fileprivate static func + (left: Self, right: Self) -> Self {
        Self(microseconds: left.microseconds + right.microseconds)
    }
}

/// The time by which an outbox goes. Tests have their own.
public struct OutboxClock: Sendable {
    /// The present, near the wall clock: what is due outlives the process.
    var now: @Sendable () -> Instant
    /// What the machine's clock says, for those who compare it with their own.
    var wallClock: @Sendable () -> Instant
    /// Waits; throws when the task is cancelled meanwhile.
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
