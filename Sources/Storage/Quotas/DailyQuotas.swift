import NIOConcurrencyHelpers
public import Primitives

/// What is counted of what a user stores in a day. The names are stored (seed 014, `daily_usage.kind`).
public enum QuotaKind: String, Sendable, Hashable, CaseIterable {
    /// Messages, and changes of groups, which leave one message each.
    case messages
    /// The bodies of messages, in bytes of UTF-8.
    case messageBytes = "message_bytes"
    /// Groups made.
    case groups
    /// Invitations into groups.
    case invitations
    /// Contact requests.
    case contactRequests = "contact_requests"
    /// People rung.
    case rings
}

/// How much of each kind one user may store in a day, in UTC.
public struct QuotaLimits: Sendable, Equatable {
    /// Messages, and changes of groups.
    public var messages = 100_000
    /// The bodies of messages, in bytes.
    public var messageBytes = 256 * 1024 * 1024
    /// Groups made.
    public var groups = 50
    /// People invited into groups.
    public var invitations = 500
    /// Contact requests.
    public var contactRequests = 300
    /// People rung by calls.
    public var rings = 20_000

    /// Generous limits that no person reaches by hand.
    public init() {}

    subscript(kind: QuotaKind) -> Int64 {
        let limit =
            switch kind {
            case .messages: messages
            case .messageBytes: messageBytes
            case .groups: groups
            case .invitations: invitations
            case .contactRequests: contactRequests
            case .rings: rings
            }
        return Int64(limit)
    }
}

/// Counts what each user has stored today, on disk, so that a restart does not reset it.
public final class DailyQuotas: Sendable {
    private struct Key: Hashable {
        var user: UserID
        var kind: QuotaKind
    }

    /// The remembered users and kinds; one that is forgotten loses the rest of its portion.
    private static let capacity = 100_000

    private let database: any Database
    private let limits: QuotaLimits
    private let now: @Sendable () -> Instant
    private let allowances = NIOLockedValueBox<[Key: DailyAllowance]>([:])

    /// Makes a count.
    /// - Parameters:
    ///   - database: Where it is kept; migrated.
    ///   - now: The wall clock, which says which day it is.
    public init(database: any Database, limits: QuotaLimits, now: @escaping @Sendable () -> Instant) {
        self.database = database
        self.limits = limits
        self.now = now
    }

    /// Spends some of today's quota, at once and from memory: for frequent actions. It is exact to a hundredth, plus
    /// what is done before the database has answered for the first time.
    /// - Returns: How long until the next day when too little is left, and then nothing is spent; else nil.
    public func spend(_ kind: QuotaKind, _ count: Int = 1, of user: UserID) -> Instant.Span? {
        let (present, key) = (now(), Key(user: user, kind: kind))
        let day = Self.day(of: present)
        let portion = max(1, limits[kind] / 100)
        let verdict = allowances.withLockedValue { allowances in
            if allowances.count >= Self.capacity { Self.makeRoom(in: &allowances, today: day) }
            return allowances[key, default: DailyAllowance(day: day)].spend(Int64(count), on: day, portion: portion)
        }
        switch verdict {
        case .spent: return nil
        case .refused: return Self.restOfDay(present)
        case .spentTaking(let amount):
            database.enqueue(unit(taking: amount, of: key, on: day)) { [self] result in
                let isTaken = try? result.get().last?.rows.isEmpty == false
                allowances.withLockedValue { allowances in
                    if let isTaken {
                        allowances[key]?.answer(isTaken ? amount : nil, on: day)
                    } else {
                        allowances[key]?.fail(on: day)
                    }
                }
            }
            return nil
        }
    }

    /// Returns what was spent today for something that was not stored.
    public func giveBack(_ kind: QuotaKind, _ count: Int = 1, of user: UserID) {
        let day = Self.day(of: now())
        allowances.withLockedValue { $0[Key(user: user, kind: kind)]?.giveBack(Int64(count), on: day) }
    }

    /// Takes some of today's quota, on disk and exactly: for rare actions.
    /// - Returns: How long until the next day when too little is left, and then nothing is taken; else nil.
    public func take(
        _ kind: QuotaKind, _ count: Int = 1, of user: UserID
    ) async throws(DatabaseError) -> Instant.Span? {
        guard count > 0 else { return nil }
        let present = now()
        let unit = unit(taking: Int64(count), of: Key(user: user, kind: kind), on: Self.day(of: present))
        let isTaken = try await database.commit(unit).last?.rows.isEmpty == false
        return isTaken ? nil : Self.restOfDay(present)
    }

    private func unit(taking amount: Int64, of key: Key, on day: Int64) -> WriteUnit {
        WriteUnit([
            Step(.forgetEarlierUsage, [.id(key.user), .integer(day)]),
            Step(
                .takeFromQuota,
                [
                    .id(key.user), .integer(day), .text(key.kind.rawValue), .integer(amount),
                    .integer(limits[key.kind]),
                ]),
        ])
    }

    /// Drops earlier days; when that is too little, also any half.
    private static func makeRoom(in allowances: inout [Key: DailyAllowance], today: Int64) {
        allowances = allowances.filter { $0.value.day == today }
        guard allowances.count > capacity / 2 else { return }
        for key in Array(allowances.keys.prefix(allowances.count - capacity / 2)) { allowances[key] = nil }
    }

    private static let dayLength = 86_400 * 1_000_000 as Int64

    private static func day(of instant: Instant) -> Int64 { instant.microseconds / dayLength }

    private static func restOfDay(_ instant: Instant) -> Instant.Span {
        Instant.Span(microseconds: dayLength - instant.microseconds % dayLength)
    }
}
