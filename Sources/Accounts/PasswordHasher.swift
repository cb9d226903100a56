import Foundation
import NIOConcurrencyHelpers
public import Primitives

/// Hashes and checks passwords with bcrypt, on a few threads of its own: a check takes a quarter of a second of
/// computing, and no thread that serves sockets may be blocked that long.
///
/// Work that waits for a thread is in a fair queue, so that a client that brings many passwords delays only itself.
public final class PasswordHasher: Sendable {
    /// On whose behalf a password is hashed.
    public struct Origin: Sendable, Equatable {
        /// Where the request came from, as text. All clients with unknown addresses are one place.
        public var address: String
        /// The username that it is for, in lower case; empty when there is none.
        public var username: String

        /// Names an origin.
        public init(address: String, username: String) {
            self.address = address
            self.username = username
        }

        /// A client of which nothing is known.
        public static let unknown = Origin(address: "", username: "")
    }

    /// Why a password was not hashed or checked.
    public struct Failure: Error, Sendable, Equatable {
        /// What a caller can act upon.
        public enum Code: Sendable, Equatable {
            /// The queue is full, or the hasher was released.
            case overloaded
            /// bcrypt cannot take this password: it is longer than 72 bytes or holds a NUL.
            case unusable
            /// The library or the system's randomness failed.
            case failed
        }

        /// What a caller can act upon.
        public var code: Code
        /// For logs.
        public var message: String
    }

    /// What a check found.
    public struct Verdict: Sendable, Equatable {
        /// Whether the password is right.
        public var matches: Bool
        /// Whether the password should be hashed again, because the stored hash is cheaper to break than today's.
        public var wantsRehash: Bool
    }

    /// bcrypt uses no more bytes than these.
    public static let longestPassword = 72
    /// The highest cost to which a failed check is extended: the highest that can be set.
    static let highestCost = 16

    /// What a new hash costs: 2^cost rounds.
    public let cost: Int
    /// How many hashes were computed, for any reason; the work of one check counts as one.
    public let computed = Counter()
    /// How many were refused because the queue was full.
    public let turnedAway = Counter()
    /// How many rounds of bcrypt were computed.
    let rounds = Counter()

    private let pool: Pool
    /// What a failed check costs, whatever it was checked against: the highest known cost of a stored hash, and at
    /// least that of new hashes.
    private let failureCost: NIOLockedValueBox<Int>

    /// Makes a hasher and starts its threads; they end when it is released.
    /// - Parameters:
    ///   - cost: 10 to 20; values outside are clamped.
    ///   - threads: How many hashes are computed in parallel, at least 1.
    ///   - queueLimit: How many may wait, at least 1.
    ///   - placeLimit: How many of them may come from one address, at least 1; of IPv6 from one /64.
    public init(cost: Int = 12, threads: Int = 2, queueLimit: Int = 128, placeLimit: Int = 32) {
        self.cost = min(max(cost, 10), 20)
        failureCost = NIOLockedValueBox(self.cost)
        pool = Pool(threads: max(1, threads), queue: FairQueue(limit: queueLimit, placeLimit: placeLimit))
    }

    deinit {
        pool.stop()
    }

    /// Hashes a password under a new salt.
    public func hash(_ password: Redacted<String>, for origin: Origin = .unknown) async throws(Failure) -> String {
        guard let password = PasswordForms(password).prepared else {
            throw Failure(code: .unusable, message: "too long, or a NUL in it")
        }
        let cost = cost
        let hash = try await compute(for: origin) { [rounds] in
            rounds.add(1 << cost)
            return Bcrypt.salt(cost: cost).flatMap { Bcrypt.hash(password.exposed, salt: $0) }
        }
        guard let hash else { throw Failure(code: .failed, message: "bcrypt gave no hash") }
        return hash
    }

    /// Checks a password against a stored hash of any cost.
    ///
    /// A check that fails costs the same whatever it was checked against: a hash of today's cost, a cheaper one from
    /// before the setting was raised, a more expensive one, or none at all. Measuring the time does not reveal which
    /// names exist. A password that an older version would have hashed in another form is tried in both forms and costs
    /// twice, whoever's password it might be.
    public func verify(
        _ password: Redacted<String>, against hash: String?, for origin: Origin = .unknown
    ) async throws(Failure) -> Verdict {
        let forms = PasswordForms(password)
        // No user has such a password, so an immediate answer reveals nothing.
        guard !forms.all.isEmpty else { return Verdict(matches: false, wantsRehash: false) }
        let storedCost = hash.flatMap { Bcrypt.cost(of: $0) }
        if let storedCost { expect(hashesOfCost: storedCost) }
        let failureCost = failureCost.withLockedValue { $0 }
        let outcome = try await compute(for: origin) { [self] () -> Outcome? in
            for (form, success) in [(forms.prepared, Outcome.matches), (forms.typed, .matchesAsTyped)] {
                guard let form else { continue }
                guard let isRight = isRight(form, hash, storedCost, failureCost) else { return nil }
                if isRight { return success }
            }
            return .differs
        }
        guard let outcome else { throw Failure(code: .failed, message: "bcrypt gave no hash") }
        let isDated = storedCost != cost || hash?.hasPrefix(Bcrypt.prefix) != true || outcome == .matchesAsTyped
        return Verdict(matches: outcome != .differs, wantsRehash: outcome != .differs && isDated)
    }

    /// Notes that hashes of such a cost are stored, so that any failed check costs as much.
    func expect(hashesOfCost cost: Int) {
        failureCost.withLockedValue { $0 = max($0, min(cost, Self.highestCost)) }
    }

    private enum Outcome: Sendable {
        case differs
        case matches
        /// In the form that older versions hashed.
        case matchesAsTyped
    }

    /// Checks one form of a password, and extends a failure to its cost; nil when bcrypt fails.
    private func isRight(
        _ password: Redacted<String>, _ hash: String?, _ storedCost: Int?, _ failureCost: Int
    ) -> Bool? {
        guard let hash, let storedCost else { return hasSpent(failureCost, on: password) ? false : nil }
        rounds.add(1 << storedCost)
        guard let found = Bcrypt.hash(password.exposed, salt: hash) else { return nil }
        if Bcrypt.isEqual(found, hash) { return true }
        // 2^c and 2^c + 2^(c+1) + … + 2^(d-1) together are 2^d.
        for cost in storedCost..<max(storedCost, failureCost) {
            guard hasSpent(cost, on: password) else { return nil }
        }
        return false
    }

    /// Computes a hash just to take as long.
    private func hasSpent(_ cost: Int, on password: Redacted<String>) -> Bool {
        rounds.add(1 << cost)
        return Bcrypt.hash(password.exposed, salt: Bcrypt.salt(cost: cost, of: ".")) != nil
    }

    private func compute<Value: Sendable>(
        for origin: Origin, _ work: @escaping @Sendable () -> Value?
    ) async throws(Failure) -> Value? {
        let result: Result<Value?, Failure> = await withCheckedContinuation { continuation in
            pool.add(
                Pool.Work(
                    run: { continuation.resume(returning: .success(work())) },
                    turnAway: {
                        continuation.resume(
                            returning: .failure(
                                Failure(code: .overloaded, message: "too many passwords wait to be checked")))
                    }), for: origin)
        }
        if case .success = result { computed.add() } else { turnedAway.add() }
        return try result.get()
    }
}

extension PasswordHasher {
    /// Threads that take work from one fair, bounded queue.
    private final class Pool: Sendable {
        /// Exactly one of the two is called, once.
        struct Work: Sendable {
            var run: @Sendable () -> Void
            var turnAway: @Sendable () -> Void
        }

        private struct State {
            var waiting: FairQueue<Work>
            var isStopped = false
        }

        private let state: NIOLockedValueBox<State>
        /// Counts waiting work; one more for each thread when the pool stops.
        private let arrivals = DispatchSemaphore(value: 0)
        private let threads: Int

        init(threads: Int, queue: FairQueue<Work>) {
            state = NIOLockedValueBox(State(waiting: queue))
            self.threads = threads
            for number in 1...threads {
                let thread = Thread { [self] in run() }
                thread.name = "password-\(number)"
                thread.stackSize = 256 << 10
                thread.start()
            }
        }

        /// Queues work. When there is no room, this or other work is refused.
        func add(_ work: Work, for origin: Origin) {
            let place = AttemptLimiter.place(of: origin.address)
            let refused = state.withLockedValue { state -> Work? in
                guard !state.isStopped else { return work }
                return state.waiting.add(work, place: place, name: origin.username)
            }
            // Refused work leaves its signal to the new work.
            if let refused { refused.turnAway() } else { arrivals.signal() }
        }

        /// Ends the threads when the waiting work is done.
        func stop() {
            state.withLockedValue { $0.isStopped = true }
            for _ in 0..<threads { arrivals.signal() }
        }

        private func run() {
            while true {
                arrivals.wait()
                guard let work = state.withLockedValue({ $0.waiting.next() }) else { return }
                work.run()
            }
        }
    }
}

extension PasswordHasher {
    /// The metrics, for Prometheus.
    public var metricFamilies: [MetricFamily] {
        [
            MetricFamily(
                "password_hashes_total", .counter, help: "Password hashes, by whether there was room for them.",
                samples: [
                    .init(computed.value, labels: [("outcome", "computed")]),
                    .init(turnedAway.value, labels: [("outcome", "turned_away")]),
                ])
        ]
    }
}
