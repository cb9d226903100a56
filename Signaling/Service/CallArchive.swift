import Logging
import Primitives
import SignalingCore
import Storage

/// Reads calls from the database: those that are over, and those that a starting server takes up.
struct CallArchive: Sendable {
    let database: any Database
    let rules: CallRules
    let logger: Logger

    /// The calls that are stored as open.
    func openCalls() async throws(DatabaseError) -> [CallView] {
        let calls = try await database.query(.openCalls, [])
        let participants = try byCall(await database.query(.participantsOfOpenCalls, []))
        let shares = try byCall(await database.query(.screenSharesOfOpenCalls, []))
        var views: [CallView] = []
        for row in calls {
            let id: CallID = try row.id("id")
            views.append(try view(row, participants[id] ?? [], shares[id] ?? []))
        }
        return views
    }

    /// The call of this id, as stored.
    func call(_ id: CallID) async throws(DatabaseError) -> CallView? {
        try await stored(database.query(.callByID, [.id(id)]).first)
    }

    /// The call that a user placed under this name, as stored.
    func call(placedBy initiator: UserID, as name: RequestID) async throws(DatabaseError) -> CallView? {
        try await stored(database.query(.callByClientID, [.id(initiator), .id(name)]).first)
    }

    /// The revision of the stored call; nil when there is none.
    func storedRevision(of id: CallID) async throws(DatabaseError) -> Int64? {
        try await database.query(.callByID, [.id(id)]).first?.integer("revision")
    }

    /// Answers a command to a call that no shard owns: it is over, or there never was such a call.
    func answer(
        _ command: CallCommand, to id: CallID, from origin: CallOrigin, at now: Instant, metrics: CallMetrics,
        reply: @escaping @Sendable (CallReply) -> Void
    ) {
        Task {
            do throws(DatabaseError) {
                guard let view = try await call(id), view.call.participant(origin.user) != nil else {
                    return reply(.refused(.notFound, nil))
                }
                // It may be open all the same, placed or ended this moment: its owner will know.
                guard view.call.isEnded else { return reply(.unavailable) }
                let transition = view.call.handle(.command(command, from: origin), at: now)
                metrics.count(transition)
                reply(CallReply(transition, people: view.people))
            } catch {
                logger.warning("a call could not be read", metadata: ["call": "\(id)", "error": "\(error)"])
                reply(.unavailable)
            }
        }
    }

    func stored(_ row: Row?) async throws(DatabaseError) -> CallView? {
        guard let row else { return nil }
        let id: CallID = try row.id("id")
        return try view(
            row, await database.query(.participantsOfCall, [.id(id)]),
            await database.query(.screenSharesOfCall, [.id(id)]))
    }

    func view(_ row: Row, _ participants: [Row], _ shares: [Row]) throws(DatabaseError) -> CallView {
        try CallRows.view(row, participants: participants, shares: shares, rules: rules)
    }

    func byCall(_ rows: [Row]) throws(DatabaseError) -> [CallID: [Row]] {
        var groups: [CallID: [Row]] = [:]
        for row in rows { groups[try row.id("call_id"), default: []].append(row) }
        return groups
    }
}
