import Foundation
import NIOConcurrencyHelpers
public import Primitives

/// Hashes and checks passwords with bcrypt, on a few threads of its own: a check takes a quarter of a second of
/// computing, and no thread that serves sockets may be kept that long.
public final class PasswordHasher: Sendable {
    /// Why a password was not hashed or checked.
    public struct Failure: Error, Sendable, Equatable {
        /// What a caller can act upon.
        public enum Code: Sendable, Equatable {
            /// The queue is full, or the hasher is gone.
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
        /// Whether it is the password.
        public var matches: Bool
        /// Whether the password should be hashed anew, because the stored hash is cheaper to break than today's.
        public var wantsRehash: Bool
    }

    /// bcrypt looks at no more bytes than these.
    public static let longestPassword = 72

    /// What a new hash costs: 2^cost rounds.
    public let cost: Int
    /// How many hashes were computed, for whatever reason.
    public let computed = Counter()
    /// How many were turned away because the queue was full.
    public let turnedAway = Counter()

    private let pool: Pool

    /// Makes a hasher and starts its threads; they end when it is released.
    /// - Parameters:
    ///   - cost: 10 to 20; what lies outside is moved to the nearer end.
    ///   - threads: How many hashes are computed at a time, at least 1.
    ///   - queueLimit: How many may wait, at least 1.
    public init(cost: Int = 12, threads: Int = 2, queueLimit: Int = 32) {
        self.cost = min(max(cost, 10), 20)
        pool = Pool(threads: max(1, threads), limit: max(1, queueLimit))
    }

    deinit {
        pool.stop()
    }

    /// Hashes a password under a new salt.
    public func hash(_ password: Redacted<String>) async throws(Failure) -> String {
        guard Self.isUsable(password) else { throw Failure(code: .unusable, message: "too long, or a NUL in it") }
        let cost = cost
        let hash = try await compute { Bcrypt.salt(cost: cost).flatMap { Bcrypt.hash(password.exposed, salt: $0) } }
        guard let hash else { throw Failure(code: .failed, message: "bcrypt gave no hash") }
        return hash
    }

    /// Checks a password against a stored hash of any cost.
    ///
    /// Without a hash, or with one that is none, as much is computed as for a new one and nothing matches: whoever
    /// measures the time does not learn that there is no such user.
    public func verify(_ password: Redacted<String>, against hash: String?) async throws(Failure) -> Verdict {
        // Never anybody's password, so it tells nothing that this answer comes at once.
        guard Self.isUsable(password) else { return Verdict(matches: false, wantsRehash: false) }
        guard let hash, let storedCost = Bcrypt.cost(of: hash) else {
            let salt = "\(Bcrypt.prefix)\(self.cost)$" + String(repeating: ".", count: 22)
            _ = try await compute { Bcrypt.hash(password.exposed, salt: salt) }
            return Verdict(matches: false, wantsRehash: false)
        }
        let found = try await compute { Bcrypt.hash(password.exposed, salt: hash) }
        guard let found else { throw Failure(code: .failed, message: "bcrypt gave no hash") }
        let isWeaker = storedCost < cost || !hash.hasPrefix(Bcrypt.prefix)
        return Verdict(matches: Bcrypt.isEqual(found, hash), wantsRehash: isWeaker)
    }

    private static func isUsable(_ password: Redacted<String>) -> Bool {
        password.exposed.utf8.count <= longestPassword && !password.exposed.utf8.contains(0)
    }

    private func compute(_ work: @escaping @Sendable () -> String?) async throws(Failure) -> String? {
        let result: Result<String?, Failure> = await withCheckedContinuation { continuation in
            let isTaken = pool.add {
                continuation.resume(returning: .success(work()))
            }
            guard !isTaken else { return }
            turnedAway.add()
            continuation.resume(
                returning: .failure(Failure(code: .overloaded, message: "too many passwords wait to be checked")))
        }
        if case .success = result { computed.add() }
        return try result.get()
    }
}

extension PasswordHasher {
    /// Threads that take work out of one bounded queue.
    private final class Pool: Sendable {
        private struct State {
            var waiting: [@Sendable () -> Void] = []
            var isStopped = false
        }

        private let state = NIOLockedValueBox(State())
        private let limit: Int
        /// Counts the work that waits; one more for each thread when the pool stops.
        private let arrivals = DispatchSemaphore(value: 0)
        private let threads: Int

        init(threads: Int, limit: Int) {
            self.limit = limit
            self.threads = threads
            for number in 1...threads {
                let thread = Thread { [self] in run() }
                thread.name = "password-\(number)"
                thread.stackSize = 256 << 10
                thread.start()
            }
        }

        /// Queues work; false when there is no room.
        func add(_ work: @escaping @Sendable () -> Void) -> Bool {
            let isTaken = state.withLockedValue { state in
                guard !state.isStopped, state.waiting.count < limit else { return false }
                state.waiting.append(work)
                return true
            }
            if isTaken { arrivals.signal() }
            return isTaken
        }

        /// Ends the threads when what waits is done.
        func stop() {
            state.withLockedValue { $0.isStopped = true }
            for _ in 0..<threads { arrivals.signal() }
        }

        private func run() {
            while true {
                arrivals.wait()
                let work = state.withLockedValue { state in state.waiting.isEmpty ? nil : state.waiting.removeFirst() }
                guard let work else { return }
                work()
            }
        }
    }
}

extension PasswordHasher {
    /// What is counted, for Prometheus.
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
