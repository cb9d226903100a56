import Primitives
package import SignalingCore
package import Storage

/// The rows that calls are stored in (seed 003), one way and the other.
package enum CallRows {
    /// The statements that carry out a transition's changes.
    ///
    /// - Parameters:
    ///   - storedRevision: The revision that the stored row must have; with another one the unit fails.
    ///   - owner: Who writes. With another one in the stored row the unit fails.
    package static func steps(for transition: CallTransition, storedRevision: Int64, by owner: CallOwner) -> [Step] {
        let call = transition.call
        return transition.changes.flatMap { change in
            switch change {
            case .insertCall: [owner.fence, insert(call, by: owner)]
            case .updateCall: [update(call, storedRevision: storedRevision, by: owner)]
            case .putParticipant(let participant): [put(participant, in: call)]
            case .openShare(let share):
                [Step(.insertScreenShare, [.id(call.id), .id(share.sharer), .instant(share.startedAt)])]
            case .closeShare(let sharer, let at, let reason):
                [
                    Step(
                        .closeScreenShare, [.id(call.id), .id(sharer), .instant(at), .text(reason.rawValue)],
                        expectedRows: 1)
                ]
            }
        }
    }

    /// Who owns a stored call; nil for a call of an earlier schema.
    package static func owner(_ row: Row) throws(DatabaseError) -> CallOwner? {
        guard let node: NodeID = try row.idIfAny("owner_id") else { return nil }
        return CallOwner(node: node, epoch: try row.integer("owner_epoch"))
    }

    private static func insert(_ call: Call, by owner: CallOwner) -> Step {
        Step(
            .insertCall,
            [
                .id(call.id), .id(call.conversation), .id(call.initiator), .id(call.clientCallID),
                .text(call.mode.rawValue), .text(call.type.rawValue), .text(call.phase.status), .text("peer"),
                .integer(call.revision), .instant(call.startedAt), .instant(call.answeredAt), .instant(call.endedAt),
                .instant(call.ringExpiresAt), .text(call.endReason?.rawValue), .boolean(call.isLocked), .id(owner.node),
                .integer(owner.epoch),
            ])
    }

    private static func update(_ call: Call, storedRevision: Int64, by owner: CallOwner) -> Step {
        Step(
            .updateCall,
            [
                .id(call.id), .integer(storedRevision), .integer(call.revision), .text(call.mode.rawValue),
                .text(call.phase.status), .text("peer"), .instant(call.answeredAt), .instant(call.endedAt),
                .instant(call.ringExpiresAt), .text(call.endReason?.rawValue), .boolean(call.isLocked), .id(owner.node),
                .integer(owner.epoch),
            ],
            expectedRows: 1)
    }

    private static func put(_ participant: Participant, in call: Call) -> Step {
        let stored: (status: String, joinedAt: Instant?, leftAt: Instant?, reason: String?, device: DeviceID?)
        var ringExpiresAt: Instant?
        switch participant.state {
        case .ringing(let ringing):
            stored = ("ringing", nil, nil, nil, nil)
            ringExpiresAt = ringing.until
        case .connected(let connection): stored = ("connected", connection.joinedAt, nil, nil, connection.device)
        case .declined(let at, let reason): stored = ("declined", nil, at, reason.rawValue, nil)
        case .left(let joinedAt, let at, let reason): stored = ("left", joinedAt, at, reason.rawValue, nil)
        }
        return Step(
            .upsertCallParticipant,
            [
                .id(call.id), .id(participant.user), .text(stored.status), .instant(stored.joinedAt),
                .instant(stored.leftAt), .text(stored.reason), .id(stored.device), .instant(ringExpiresAt),
                .boolean(participant.isPolite), .text(participant.role.rawValue), .instant(participant.rungAt),
                .boolean(participant.isHidden), .text(participant.standing.rawValue),
            ])
    }

    /// Makes a call of its rows.
    package static func view(
        _ row: Row, participants: [Row], shares: [Row], rules: CallRules
    ) throws(DatabaseError) -> CallView {
        let initiator: UserID = try row.id("initiator_id")
        var members: [Participant] = []
        var people: [UserID: Profile] = [:]
        for participant in participants {
            let member = try self.participant(participant)
            // The caller comes first, as in a call that never was stored.
            members.insert(member, at: member.user == initiator ? 0 : members.endIndex)
            people[member.user] = Profile(
                id: member.user, username: try participant.text("username"),
                displayName: try participant.text("display_name"), avatarURL: try participant.textIfAny("avatar_url"))
        }
        var openShares: [Call.ScreenShare] = []
        for share in shares {
            openShares.append(
                Call.ScreenShare(
                    storedSharer: try share.id("sharer_user_id"), startedAt: try share.instant("started_at")))
        }
        let startedAt = try row.instant("started_at")
        let call = Call(
            id: try row.id("id"), conversation: try row.id("conversation_id"), mode: try row.name("mode"),
            initiator: initiator, clientCallID: try row.id("client_call_id"), type: try row.name("type"),
            startedAt: startedAt, ringExpiresAt: try row.instantIfAny("ring_expires_at") ?? startedAt,
            rules: rules, storedPhase: try phase(row), storedParticipants: members, openShares: openShares,
            isLocked: try row.boolean("locked"), revision: try row.integer("revision"))
        return CallView(call: call, people: people)
    }

    /// Makes calls of their rows and of the rows of all their participants and open shares.
    package static func views(
        _ rows: [Row], participants: [Row], shares: [Row], rules: CallRules
    ) throws(DatabaseError) -> [CallView] {
        let (participants, shares) = (try byCall(participants), try byCall(shares))
        var views: [CallView] = []
        for row in rows {
            let id: CallID = try row.id("id")
            views.append(
                try view(row, participants: participants[id] ?? [], shares: shares[id] ?? [], rules: rules))
        }
        return views
    }

    static func byCall(_ rows: [Row]) throws(DatabaseError) -> [CallID: [Row]] {
        var groups: [CallID: [Row]] = [:]
        for row in rows { groups[try row.id("call_id"), default: []].append(row) }
        return groups
    }

    private static func phase(_ row: Row) throws(DatabaseError) -> Call.Phase {
        switch try row.text("status") {
        case "initiated": .initiated
        case "ongoing": .ongoing(answeredAt: try row.instant("answered_at"))
        case "completed":
            .completed(
                answeredAt: try row.instant("answered_at"), endedAt: try row.instant("ended_at"),
                try row.name("end_reason"))
        case "missed": .missed(endedAt: try row.instant("ended_at"), try row.name("end_reason"))
        case let status: throw DatabaseError(.invalid, "a call has the status \(status)")
        }
    }

    private static func participant(_ row: Row) throws(DatabaseError) -> Participant {
        let state: Participant.State
        switch try row.text("status") {
        case "ringing": state = .ringing(.init(storedUntil: try row.instant("ring_expires_at")))
        case "connected":
            state = .connected(
                .init(storedDevice: try row.id("device_id"), joinedAt: try row.instant("joined_at")))
        case "declined": state = .declined(at: try row.instant("left_at"), try row.name("leave_reason"))
        case "left":
            state = .left(
                joinedAt: try row.instantIfAny("joined_at"), at: try row.instant("left_at"),
                try row.name("leave_reason"))
        case let status: throw DatabaseError(.invalid, "a call's participant has the status \(status)")
        }
        return Participant(
            user: try row.id("user_id"), isPolite: try row.boolean("polite"), role: try row.name("role"),
            rungAt: try row.instantIfAny("rung_at"), isHidden: try row.boolean("hidden"),
            standing: try row.name("standing"), storedState: state)
    }
}

extension Call.Phase {
    /// The stored status (seed 003, `calls.status`).
    fileprivate var status: String {
        switch self {
        case .initiated: "initiated"
        case .ongoing: "ongoing"
        case .completed: "completed"
        case .missed: "missed"
        }
    }
}
