import Primitives
package import SignalingCore
package import Storage

/// Converts calls to the rows that store them (seed 003), and back.
package enum CallRows {
    /// The statements that carry out a transition's changes.
    ///
    /// - Parameters:
    ///   - storedRevision: The revision that the stored row must have; with a different one the unit fails.
    ///   - owner: Who writes. If the stored row has a different owner, the unit fails.
    package static func steps(for transition: CallTransition, storedRevision: Int64, by owner: CallOwner) -> [Step] {
        let call = transition.call
        var steps: [Step] = []
        /// Participants whose rows follow the steps, in one statement.
        var waiting: [Participant] = []
        func putWaiting() {
            guard !waiting.isEmpty else { return }
            steps.append(put(waiting, in: call))
            waiting.removeAll(keepingCapacity: true)
        }
        for change in transition.changes {
            if case .putParticipant(let participant) = change {
                if waiting.count == Statement.callParticipantsBatch { putWaiting() }
                waiting.append(participant)
                continue
            }
            putWaiting()
            switch change {
            case .insertCall: steps += [owner.fence, insert(call, by: owner)]
            case .updateCall: steps.append(update(call, storedRevision: storedRevision, by: owner))
            case .putParticipant: break
            case .openShare(let share):
                steps.append(Step(.insertScreenShare, [.id(call.id), .id(share.sharer), .instant(share.startedAt)]))
            case .closeShare(let sharer, let at, let reason):
                steps.append(
                    Step(
                        .closeScreenShare, [.id(call.id), .id(sharer), .instant(at), .text(reason.rawValue)],
                        expectedRows: 1))
            }
        }
        putWaiting()
        return steps
    }

    /// Who owns a stored call; nil for a call of an earlier schema.
    package static func owner(_ row: Row) throws(DatabaseError) -> CallOwner? {
        guard let node: NodeID = try row.idIfAny(name(.ownerNode)) else { return nil }
        return CallOwner(node: node, epoch: try row.integer(name(.ownerEpoch)))
    }

    private static func insert(_ call: Call, by owner: CallOwner) -> Step {
        Step(.insertCall, CallColumn.allCases.map { $0.value(of: call, by: owner) })
    }

    private static func update(_ call: Call, storedRevision: Int64, by owner: CallOwner) -> Step {
        let values = CallColumn.updated.map { $0.value(of: call, by: owner) }
        return Step(.updateCall, [.id(call.id), .integer(storedRevision)] + values, expectedRows: 1)
    }

    /// - Parameter participants: At least one, at most `callParticipantsBatch`.
    private static func put(_ participants: [Participant], in call: Call) -> Step {
        var values: [SQLValue] = [.id(call.id), .instant(call.startedAt)]
        for participant in participants {
            let record = participant.record
            values += ParticipantColumn.allCases.lazy.map { $0.value(of: record) }
        }
        return Step(Statement.putCallParticipants[participants.count - 1], values)
    }

    /// Makes a call from its rows.
    package static func view(
        _ row: Row, participants: [Row], shares: [Row], rules: CallRules
    ) throws(DatabaseError) -> CallView {
        let initiator: UserID = try row.id(name(.initiator))
        var members: [Participant] = []
        var people: [UserID: Profile] = [:]
        for participant in participants {
            let member = try self.participant(participant)
            // The caller comes first, as in a call that has not been stored.
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
        let startedAt = try row.instant(name(.startedAt))
        let call = Call(
            id: try row.id(name(.id)), conversation: try row.id(name(.conversation)),
            mode: try row.name(name(.mode)), initiator: initiator,
            clientCallID: try row.id(name(.clientCallID)), type: try row.name(name(.type)), startedAt: startedAt,
            ringExpiresAt: try row.instantIfAny(name(.ringExpiresAt)) ?? startedAt, rules: rules,
            storedPhase: try phase(row), storedParticipants: members, openShares: openShares,
            isLocked: try row.boolean(name(.isLocked)), revision: try row.integer(name(.revision)))
        return CallView(call: call, people: people)
    }

    /// Makes calls from their rows and the rows of all their participants and open shares.
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
        let status: Call.Status = try row.name(name(.status))
        let phase = Call.Phase.stored(
            status, answeredAt: try row.instantIfAny(name(.answeredAt)),
            endedAt: try row.instantIfAny(name(.endedAt)), try row.nameIfAny(name(.endReason)))
        guard let phase else { throw DatabaseError(.invalid, "a call lacks what one has that is \(status)") }
        return phase
    }

    private static func participant(_ row: Row) throws(DatabaseError) -> Participant {
        let record = try Participant.Record(row)
        guard let participant = record.participant else {
            throw DatabaseError(.invalid, "a call's participant lacks what one has who is \(record.status)")
        }
        return participant
    }

    private static func name(_ column: CallColumn) -> String { column.rawValue }
}
