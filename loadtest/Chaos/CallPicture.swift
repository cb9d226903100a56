import Primitives
import SwiftProtobuf
import Wire

/// A call as seen by a client or the database, reduced to what is stored. Times are whole milliseconds, as on the wire.
struct CallPicture: Sendable, Equatable {
    /// Somebody in the call.
    struct Member: Sendable, Equatable {
        var user: String
        /// As in the database: `ringing`, `connected`, `declined`, `left`.
        var status: String
        /// Why a member is out of the call, as in the database; empty while it is not.
        var leaveReason = ""
        var joinedAt: Int64?
        var leftAt: Int64?
        var device = ""
    }

    var id: String
    /// As in the database: `initiated`, `ongoing`, `completed`, `missed`.
    var status: String
    /// As in the database; empty while the call is open.
    var endReason = ""
    var revision: Int64 = 0
    var initiator = ""
    var clientCallID = ""
    var isGroup = false
    var answeredAt: Int64?
    var endedAt: Int64?
    var members: [Member] = []
    /// Who shares a screen, and since when.
    var shares: [String: Int64] = [:]

    var isEnded: Bool { status == "completed" || status == "missed" }

    func member(_ user: String) -> Member? { members.first { $0.user == user } }

    /// Whether the two show the same of what a client and the database both know.
    func shows(sameAs other: CallPicture) -> Bool {
        status == other.status && endReason == other.endReason && members.count == other.members.count
            && members.allSatisfy { member in
                guard let counterpart = other.member(member.user) else { return false }
                return member.status == counterpart.status && member.leaveReason == counterpart.leaveReason
            }
    }
}

extension CallPicture {
    /// What a client sees.
    init(_ call: WireCall) {
        id = call.id
        status = Self.word(call.status)
        endReason = Self.word(call.endReason)
        revision = Int64(clamping: call.revision)
        initiator = call.initiatorID
        clientCallID = call.clientCallID
        isGroup = call.mode == .group
        answeredAt = call.hasAnsweredAt ? call.answeredAt.milliseconds : nil
        endedAt = call.hasEndedAt ? call.endedAt.milliseconds : nil
        members = call.participants.map(Self.member)
        shares = Self.shares(call.screenShares)
    }

    /// The call after a change that applies to it. Fields that only show are not kept here.
    func changed(by change: WireCallChanged) -> CallPicture {
        var picture = self
        picture.revision = Int64(clamping: change.revision)
        if change.hasState {
            picture.status = Self.word(change.state.status)
            picture.endReason = Self.word(change.state.endReason)
            picture.isGroup = change.state.mode == .group
            picture.answeredAt = change.state.hasAnsweredAt ? change.state.answeredAt.milliseconds : nil
            picture.endedAt = change.state.hasEndedAt ? change.state.endedAt.milliseconds : nil
        }
        for member in change.participants.map(Self.member) {
            if let index = picture.members.firstIndex(where: { $0.user == member.user }) {
                picture.members[index] = member
            } else {
                picture.members.append(member)
            }
        }
        if change.hasScreenShares { picture.shares = Self.shares(change.screenShares.shares) }
        return picture
    }

    private static func member(_ participant: WireCallParticipant) -> Member {
        Member(
            user: participant.user.id, status: word(participant.status), leaveReason: word(participant.leaveReason),
            joinedAt: participant.hasJoinedAt ? participant.joinedAt.milliseconds : nil,
            leftAt: participant.hasLeftAt ? participant.leftAt.milliseconds : nil, device: participant.deviceID)
    }

    private static func shares(_ shares: [WireScreenShare]) -> [String: Int64] {
        Dictionary(shares.map { ($0.sharerID, $0.startedAt.milliseconds) }) { first, _ in first }
    }

    private static func word(_ status: WireCallStatus) -> String {
        switch status {
        case .initiated: "initiated"
        case .ongoing: "ongoing"
        case .completed: "completed"
        case .missed: "missed"
        case .unspecified, .UNRECOGNIZED: "unknown"
        }
    }

    private static func word(_ status: WireParticipantStatus) -> String {
        switch status {
        case .ringing: "ringing"
        case .connected: "connected"
        case .declined: "declined"
        case .left: "left"
        case .unspecified, .UNRECOGNIZED: "unknown"
        }
    }

    private static func word(_ reason: WireCallEndReason) -> String {
        switch reason {
        case .unspecified: ""
        case .noAnswer: "no_answer"
        case .declined: "declined"
        case .busy: "busy"
        case .cancelled: "cancelled"
        case .callerDisconnected: "caller_disconnected"
        case .hangup: "hangup"
        case .disconnected: "disconnected"
        case .iceFailed: "ice_failed"
        case .maxDuration: "max_duration"
        case .serverRestart: "server_restart"
        case .alone: "alone"
        case .empty: "empty"
        case .endedByHost: "ended_by_host"
        case .UNRECOGNIZED: "unknown"
        }
    }

    private static func word(_ reason: WireLeaveReason) -> String {
        switch reason {
        case .unspecified: ""
        case .declined: "declined"
        case .busy: "busy"
        case .noAnswer: "no_answer"
        case .cancelled: "cancelled"
        case .callEnded: "call_ended"
        case .hangup: "hangup"
        case .disconnected: "disconnected"
        case .iceFailed: "ice_failed"
        case .removed: "removed"
        case .kicked: "kicked"
        case .UNRECOGNIZED: "unknown"
        }
    }
}

extension CallPicture: CustomStringConvertible {
    var description: String {
        let members = members.map { member in
            "\(member.user.suffix(6)) \(member.status)\(member.leaveReason.isEmpty ? "" : "/" + member.leaveReason)"
        }
        let reason = endReason.isEmpty ? "" : "/" + endReason
        return "\(status)\(reason) revision \(revision), \(members.joined(separator: ", "))"
    }
}

extension Google_Protobuf_Timestamp {
    /// Whole milliseconds since the Unix epoch.
    fileprivate var milliseconds: Int64 { seconds * 1000 + Int64(nanos) / 1_000_000 }
}
