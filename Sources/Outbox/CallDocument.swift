import Primitives
import SignalingCore

/// A call as the operator's services are told it: everything that is stored, under the names of the schema.
struct CallDocument: Codable, Equatable {
    var id: String
    var conversationID: String
    var mode: String
    var type: String
    var status: String
    var initiatorID: String
    var revision: Int64
    var startedAt: String
    var ringExpiresAt: String
    var answeredAt: String?
    var endedAt: String?
    var endReason: String?
    /// From the answer to the end; 0 when there was no answer, nil while the call is open.
    var durationMilliseconds: Int64?
    var participants: [ParticipantDocument]
    var screenShares: [ScreenShareDocument]

    private enum CodingKeys: String, CodingKey {
        case id, mode, type, status, revision, participants
        case conversationID = "conversation_id"
        case initiatorID = "initiator_id"
        case startedAt = "started_at"
        case ringExpiresAt = "ring_expires_at"
        case answeredAt = "answered_at"
        case endedAt = "ended_at"
        case endReason = "end_reason"
        case durationMilliseconds = "duration_ms"
        case screenShares = "screen_shares"
    }

    init(_ call: Call, people: [UserID: Profile]) {
        id = call.id.description
        conversationID = call.conversation.description
        mode = call.mode.rawValue
        type = call.type.rawValue
        status = call.phase.status.rawValue
        initiatorID = call.initiator.description
        revision = call.revision
        startedAt = call.startedAt.description
        ringExpiresAt = call.ringExpiresAt.description
        answeredAt = call.answeredAt?.description
        endedAt = call.endedAt?.description
        endReason = call.endReason?.rawValue
        durationMilliseconds = call.endedAt.map { ended in
            call.answeredAt.map { max(0, (ended - $0).milliseconds) } ?? 0
        }
        participants = call.participants.map { ParticipantDocument($0, profile: people[$0.user]) }
        screenShares = call.screenShares.map {
            ScreenShareDocument(sharerID: $0.sharer.description, startedAt: $0.startedAt.description)
        }
    }
}

/// A participant of the reported call.
struct ParticipantDocument: Codable, Equatable {
    var user: ProfileDocument
    var status: String
    var joinedAt: String?
    var leftAt: String?
    var leaveReason: String?
    var deviceID: String?

    private enum CodingKeys: String, CodingKey {
        case user, status
        case joinedAt = "joined_at"
        case leftAt = "left_at"
        case leaveReason = "leave_reason"
        case deviceID = "device_id"
    }

    init(_ participant: Participant, profile: Profile?) {
        let record = participant.record
        user = ProfileDocument(record.user, profile)
        status = record.status.rawValue
        joinedAt = record.joinedAt?.description
        leftAt = record.leftAt?.description
        leaveReason = record.reason?.rawValue
        deviceID = record.device?.description
    }
}

/// A screen that is being shared in the reported call.
struct ScreenShareDocument: Codable, Equatable {
    var sharerID: String
    var startedAt: String

    private enum CodingKeys: String, CodingKey {
        case sharerID = "sharer_id"
        case startedAt = "started_at"
    }
}

/// A user as services are told it.
struct ProfileDocument: Codable, Equatable {
    var id: String
    var username: String?
    var displayName: String?
    var avatarURL: String?

    private enum CodingKeys: String, CodingKey {
        case id, username
        case displayName = "display_name"
        case avatarURL = "avatar_url"
    }

    /// Only the id is left of a deleted account.
    init(_ user: UserID, _ profile: Profile?) {
        id = user.description
        username = profile?.username
        displayName = profile?.displayName
        avatarURL = profile?.avatarURL
    }
}
