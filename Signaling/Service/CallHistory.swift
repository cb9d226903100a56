public import Primitives
public import SignalingCore
public import Storage

/// Which of a user's calls to list. Nil matches everything.
public struct CallFilter: Sendable, Hashable {
    /// Only calls that the user has missed.
    public var onlyMissed: Bool
    /// Only calls that were placed as this.
    public var type: Call.MediaType?
    /// Only calls that this user was in, too.
    public var with: UserID?

    /// Makes a filter; with no arguments every call passes.
    public init(onlyMissed: Bool = false, type: Call.MediaType? = nil, with other: UserID? = nil) {
        self.onlyMissed = onlyMissed
        self.type = type
        self.with = other
    }
}

/// A call in the history, with its recorded details.
public struct CallEntry: Sendable, Equatable {
    /// The call.
    public let view: CallView
    /// All screen shares of the call, the oldest first.
    public let screenShares: [RecordedScreenShare]

    /// From the answer to the end; nil when nobody answered or the call goes on.
    public var duration: Instant.Span? {
        guard let answeredAt = view.call.answeredAt, let endedAt = view.call.endedAt else { return nil }
        return endedAt - answeredAt
    }

    /// The call as a user may see it, with what was recorded until they were sent out, if they were.
    func shown(to user: UserID) -> CallEntry {
        let shown = view.shown(to: user)
        guard shown != view, let end = shown.call.endedAt else { return self }
        let shares = screenShares.filter { $0.startedAt <= end }.map { share in
            guard let endedAt = share.endedAt, endedAt <= end else {
                return RecordedScreenShare(
                    sharer: share.sharer, startedAt: share.startedAt, endedAt: end, endReason: .callEnded)
            }
            return share
        }
        return CallEntry(view: shown, screenShares: shares)
    }

    /// Whether a user has missed the call: was rung, and neither answered nor declined.
    public func isMissed(by user: UserID) -> Bool {
        // As in the partial indexes of migration 010.
        switch view.call.participant(user)?.state {
        case .declined(_, let reason): reason == .busy
        case .left(let joinedAt, _, _): joinedAt == nil
        case .ringing, .connected, nil: false
        }
    }
}

/// A screen share as recorded (`screen_share_logs`).
public struct RecordedScreenShare: Sendable, Equatable {
    /// Whose screen it was.
    public let sharer: UserID
    /// When it began.
    public let startedAt: Instant
    /// When it ended; nil while it goes on.
    public let endedAt: Instant?
    /// Why it ended.
    public let endReason: Call.ShareEndReason?
}

/// A page of calls.
public struct CallPage: Sendable {
    /// The calls, the newest first.
    public let entries: [CallEntry]
    /// Where the next page begins; nil at the end.
    public let next: PageCursor<Named.Call>?

    /// The calls themselves.
    public var calls: [CallView] { entries.map(\.view) }

    fileprivate func shown(to user: UserID) -> CallPage {
        CallPage(entries: entries.map { $0.shown(to: user) }, next: next)
    }
}

extension CallService {
    /// The highest count of missed calls.
    public static let missedCallLimit = 1000

    /// The calls that a user took part in, the newest first.
    public func history(
        of user: UserID, matching filter: CallFilter = CallFilter(), before cursor: PageCursor<Named.Call>?, limit: Int
    ) async throws(DatabaseError) -> CallPage {
        try await archive.page(
            filter.onlyMissed ? .missedByUser : .ofUser, of: .id(user), before: cursor, limit: limit,
            further: [.text(filter.type?.rawValue), .id(filter.with)]
        ).shown(to: user)
    }

    /// The calls of a conversation, the newest first; nil when there is no such conversation or the user is not in it.
    public func history(
        of conversation: ConversationID, for user: UserID, before cursor: PageCursor<Named.Call>?, limit: Int
    ) async throws(DatabaseError) -> CallPage? {
        let memberships = try await archive.database.query(.isConversationMember, [.id(conversation), .id(user)])
        guard !memberships.isEmpty else { return nil }
        return try await archive.page(
            .ofConversation, of: .id(conversation), before: cursor, limit: limit, further: [.id(user)]
        ).shown(to: user)
    }

    /// One call, as it is stored; nil when there is none that the user may know of: one of theirs, or one of a
    /// conversation that they are in.
    public func entry(of call: CallID, for user: UserID) async throws(DatabaseError) -> CallEntry? {
        guard try await !archive.database.query(.isCallKnown, [.id(call), .id(user)]).isEmpty,
            let view = try await archive.call(call)
        else { return nil }
        let shares = try await archive.database.query(.recordedSharesOfCall, [.id(call)])
        return CallEntry(view: view, screenShares: try shares.map(RecordedScreenShare.init(row:))).shown(to: user)
    }

    /// How many calls a user has missed since the missed calls were last seen; counts to `missedCallLimit`.
    public func unseenMissedCalls(of user: UserID) async throws(DatabaseError) -> Int {
        let mark = try await archive.database.query(.missedCallsSeenThrough, [.id(user)]).first
        let seenThrough = try mark?.instant("seen_through") ?? Instant(microseconds: 0)
        let values: [SQLValue] = [.id(user), .instant(seenThrough), .integer(Int64(Self.missedCallLimit))]
        guard let row = try await archive.database.query(.countMissedCalls, values).first else { return 0 }
        return Int(try row.integer("unseen"))
    }

    /// Marks missed calls of a user as seen, on all devices. This is never undone.
    /// - Parameter call: This call and all that were missed before it; nil for all until now.
    public func markMissedCallsSeen(by user: UserID, through call: CallID?) async throws(DatabaseError) {
        let step =
            if let call {
                Step(.markMissedCallsSeenThroughCall, [.id(user), .id(call)])
            } else {
                Step(.markMissedCallsSeen, [.id(user), .instant(now())])
            }
        _ = try await archive.database.commit(WriteUnit([step]))
    }
}

extension CallArchive {
    /// Reads a page of calls.
    /// - Parameters:
    ///   - owner: Whose calls.
    ///   - further: Further parameters of the statements.
    fileprivate func page(
        _ statements: CallPageStatements, of owner: SQLValue, before cursor: PageCursor<Named.Call>?, limit: Int,
        further: [SQLValue]
    ) async throws(DatabaseError) -> CallPage {
        let values = [owner] + (cursor ?? .newest).values + [.integer(Int64(limit) + 1)] + further
        let rows = try await database.query(statements.calls, values)
        let participants = try CallRows.byCall(await database.query(statements.participants, values))
        let shares = try CallRows.byCall(await database.query(statements.shares, values))
        var entries: [CallEntry] = []
        for row in rows.prefix(limit) {
            let id: CallID = try row.id("id")
            let all = shares[id] ?? []
            // Open shares belong to the call itself, too.
            var open: [Row] = []
            for share in all where try share.instantIfAny("ended_at") == nil { open.append(share) }
            let view = try view(row, participants[id] ?? [], open)
            entries.append(CallEntry(view: view, screenShares: try all.map(RecordedScreenShare.init(row:))))
        }
        let last = entries.last?.view.call
        let next = rows.count > limit ? last.map { PageCursor(at: $0.startedAt, id: $0.id) } : nil
        return CallPage(entries: entries, next: next)
    }
}

extension RecordedScreenShare {
    fileprivate init(row: Row) throws(DatabaseError) {
        self.init(
            sharer: try row.id("sharer_user_id"), startedAt: try row.instant("started_at"),
            endedAt: try row.instantIfAny("ended_at"), endReason: try row.nameIfAny("end_reason"))
    }
}
