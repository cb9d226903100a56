import Primitives

/// The contents of the database, as the checker needs them. Ids are lower-case text.
struct StoredState: Sendable {
    /// A row of `calls` with all related rows.
    struct Call: Sendable, Equatable {
        var id: String
        var initiator: String
        var clientCallID: String
        var status: String
        var revision: Int64 = 1
        var startedAt: Instant
        var answeredAt: Instant?
        var endedAt: Instant?
        var endReason: String?
        var participants: [Participant] = []
        var shares: [Share] = []

        var isOpen: Bool { status == "initiated" || status == "ongoing" }

        func participant(_ user: String) -> Participant? { participants.first { $0.user == user } }
    }

    /// A row of `call_participants`.
    struct Participant: Sendable, Equatable {
        var user: String
        var status: String
        var joinedAt: Instant?
        var leftAt: Instant?
        var leaveReason: String?
        var ringExpiresAt: Instant?
        var rungAt: Instant?
    }

    /// A row of `screen_share_logs`.
    struct Share: Sendable, Equatable {
        var sharer: String
        var startedAt: Instant
        var endedAt: Instant?
    }

    var calls: [String: Call] = [:]
    var messages: [KnownMessage] = []
    /// `conversations.last_seq`.
    var lastSeqs: [String: Int64] = [:]
}

extension StoredState.Call: CustomStringConvertible {
    /// The rows, for people.
    var description: String {
        var lines = [
            "call \(id) by \(initiator.suffix(6)): \(status)\(endReason.map { "/" + $0 } ?? "") revision \(revision),"
                + " started \(startedAt), answered \(answeredAt.map { "\($0)" } ?? "-"),"
                + " ended \(endedAt.map { "\($0)" } ?? "-")"
        ]
        for participant in participants {
            lines.append(
                "participant \(participant.user.suffix(6)): \(participant.status)"
                    + "\(participant.leaveReason.map { "/" + $0 } ?? "")"
                    + ", joined \(participant.joinedAt.map { "\($0)" } ?? "-")"
                    + ", left \(participant.leftAt.map { "\($0)" } ?? "-")"
                    + ", rings until \(participant.ringExpiresAt.map { "\($0)" } ?? "-")")
        }
        for share in shares {
            lines.append(
                "share of \(share.sharer.suffix(6)): \(share.startedAt) to \(share.endedAt.map { "\($0)" } ?? "-")")
        }
        return lines.joined(separator: "\n")
    }

    /// What a client should see of it.
    var picture: CallPicture {
        CallPicture(
            id: id, status: status, endReason: endReason ?? "", revision: revision, initiator: initiator,
            clientCallID: clientCallID, answeredAt: answeredAt?.milliseconds, endedAt: endedAt?.milliseconds,
            members: participants.map { participant in
                CallPicture.Member(
                    user: participant.user, status: participant.status, leaveReason: participant.leaveReason ?? "",
                    joinedAt: participant.joinedAt?.milliseconds, leftAt: participant.leftAt?.milliseconds)
            })
    }
}
