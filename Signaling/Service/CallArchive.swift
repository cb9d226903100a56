import Logging
import Primitives
import SignalingCore
import Storage

/// Reads calls from the database: those that are over, and those that a node adopts.
struct CallArchive: Sendable {
    let database: any Database
    let rules: CallRules
    let logger: Logger

    /// The open calls of an owner.
    func openCalls(of owner: CallOwner) async throws(DatabaseError) -> [CallView] {
        let values: [SQLValue] = [.id(owner.node), .integer(owner.epoch)]
        let calls = try await database.query(.openCalls, values)
        let participants = try await database.query(.participantsOfOpenCalls, values)
        let shares = try await database.query(.screenSharesOfOpenCalls, values)
        return try CallRows.views(calls, participants: participants, shares: shares, rules: rules)
    }

    /// Who is recorded as a member of the conversation of one of an owner's open group calls, and no longer is one.
    func formerMembers(of owner: CallOwner) async throws(DatabaseError) -> [(
        user: UserID, conversation: ConversationID
    )] {
        var former: [(user: UserID, conversation: ConversationID)] = []
        for row in try await database.query(.formerMembersOfOpenCalls, [.id(owner.node), .integer(owner.epoch)]) {
            former.append((try row.id("user_id"), try row.id("conversation_id")))
        }
        return former
    }

    /// The ids of the open calls of an owner.
    func openCallIDs(of owner: CallOwner) async throws(DatabaseError) -> [CallID] {
        var ids: [CallID] = []
        for row in try await database.query(.openCallIDs, [.id(owner.node), .integer(owner.epoch)]) {
            ids.append(try row.id("id"))
        }
        return ids
    }

    /// Open calls that an owner may take over: their ids, their previous owners, and when those were last alive.
    func adoptableCalls(
        _ owner: CallOwner, at now: Instant, limit: Int
    ) async throws(DatabaseError) -> [(id: CallID, owner: NodeID?, ownerLastSeen: Instant?)] {
        let values: [SQLValue] = [
            .id(owner.node), .integer(owner.epoch), .instant(now), .integer(Int64(limit)),
        ]
        var calls: [(id: CallID, owner: NodeID?, ownerLastSeen: Instant?)] = []
        for row in try await database.query(.callsToAdopt, values) {
            calls.append(
                (try row.id("id"), try row.idIfAny("owner_id"), try row.instantIfAny("owner_seen_at")))
        }
        return calls
    }

    /// The call of this id, as stored.
    func call(_ id: CallID) async throws(DatabaseError) -> CallView? {
        try await stored(database.query(.callByID, [.id(id)]).first)
    }

    /// The call that a user placed with this client id, as stored.
    func call(placedBy initiator: UserID, as name: RequestID) async throws(DatabaseError) -> CallView? {
        try await stored(database.query(.callByClientID, [.id(initiator), .id(name)]).first)
    }

    /// The revision and the owner of the stored call; nil when there is none.
    func standing(of id: CallID) async throws(DatabaseError) -> (revision: Int64, owner: CallOwner?)? {
        guard let row = try await database.query(.callByID, [.id(id)]).first else { return nil }
        return (try row.integer("revision"), try CallRows.owner(row))
    }

    /// The conversation of a stored call.
    func conversation(of id: CallID) async throws(DatabaseError) -> ConversationID? {
        try await database.query(.callByID, [.id(id)]).first?.id("conversation_id")
    }

    /// Answers a command to a call that is not open here: it is over, or there never was such a call.
    func answer(
        _ command: CallCommand, to id: CallID, from origin: CallOrigin, at now: Instant, _ metrics: CallMetrics
    ) async -> CallReply {
        do throws(DatabaseError) {
            guard let view = try await call(id), view.call.participant(origin.user) != nil || command.isJoinOfMember
            else { return .refused(.notFound, nil) }
            // It may be open after all, placed or ended this moment, or another node's: its owner will know.
            guard case .done(let transition) = view.call.handle(.command(command, from: origin), at: now),
                view.call.isEnded
            else { return .unavailable }
            if transition.droppedSignals > 0 { metrics.droppedSignals.add(transition.droppedSignals) }
            return CallReply(transition, people: view.people, to: origin.user)
        } catch {
            logger.warning("a call could not be read", metadata: ["call": "\(id)", "error": "\(error)"])
            return .unavailable
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
}

extension CallCommand {
    /// Whether a member who may join asks to, in the call or not.
    fileprivate var isJoinOfMember: Bool {
        if case .join(_, _, isMember: true) = self { true } else { false }
    }
}
