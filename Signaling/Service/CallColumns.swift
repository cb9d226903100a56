import Primitives
package import SignalingCore
package import Storage

/// The columns of `calls`, in the order of the parameters of `insertCall`.
package enum CallColumn: String, CaseIterable {
    case id
    case conversation = "conversation_id"
    case initiator = "initiator_id"
    case clientCallID = "client_call_id"
    case mode
    case type
    case status
    case mediaPath = "media_path"
    case revision
    case startedAt = "started_at"
    case answeredAt = "answered_at"
    case endedAt = "ended_at"
    case ringExpiresAt = "ring_expires_at"
    case endReason = "end_reason"
    case isLocked = "locked"
    case ownerNode = "owner_id"
    case ownerEpoch = "owner_epoch"

    /// Those that `updateCall` writes or compares, in the order of its parameters, after the call and the new revision.
    static let updated: [CallColumn] = [
        .revision, .mode, .status, .mediaPath, .answeredAt, .endedAt, .ringExpiresAt, .endReason, .isLocked, .ownerNode,
        .ownerEpoch,
    ]

    /// The column's value for a call of an owner.
    package func value(of call: Call, by owner: CallOwner) -> SQLValue {
        switch self {
        case .id: .id(call.id)
        case .conversation: .id(call.conversation)
        case .initiator: .id(call.initiator)
        case .clientCallID: .id(call.clientCallID)
        case .mode: .text(call.mode.rawValue)
        case .type: .text(call.type.rawValue)
        case .status: .text(call.phase.status.rawValue)
        case .mediaPath: .text("peer")
        case .revision: .integer(call.revision)
        case .startedAt: .instant(call.startedAt)
        case .answeredAt: .instant(call.answeredAt)
        case .endedAt: .instant(call.endedAt)
        case .ringExpiresAt: .instant(call.ringExpiresAt)
        case .endReason: .text(call.endReason?.rawValue)
        case .isLocked: .boolean(call.isLocked)
        case .ownerNode: .id(owner.node)
        case .ownerEpoch: .integer(owner.epoch)
        }
    }
}

/// The columns of `call_participants` that describe a participant, in the order of the parameters of
/// `putCallParticipants`, after the call.
package enum ParticipantColumn: String, CaseIterable {
    case user = "user_id"
    case status
    case joinedAt = "joined_at"
    case leftAt = "left_at"
    case reason = "leave_reason"
    case device = "device_id"
    case ringExpiresAt = "ring_expires_at"
    case isPolite = "polite"
    case role
    case rungAt = "rung_at"
    case isHidden = "hidden"
    case standing

    /// The column's value for a participant.
    package func value(of record: Participant.Record) -> SQLValue {
        switch self {
        case .user: .id(record.user)
        case .status: .text(record.status.rawValue)
        case .joinedAt: .instant(record.joinedAt)
        case .leftAt: .instant(record.leftAt)
        case .reason: .text(record.reason?.rawValue)
        case .device: .id(record.device)
        case .ringExpiresAt: .instant(record.ringExpiresAt)
        case .isPolite: .boolean(record.isPolite)
        case .role: .text(record.role.rawValue)
        case .rungAt: .instant(record.rungAt)
        case .isHidden: .boolean(record.isHidden)
        case .standing: .text(record.standing.rawValue)
        }
    }
}

extension Participant.Record {
    /// Reads what `ParticipantColumn.value` has written.
    init(_ row: Row) throws(DatabaseError) {
        func name(_ column: ParticipantColumn) -> String { column.rawValue }
        self.init(
            user: try row.id(name(.user)), status: try row.name(name(.status)),
            joinedAt: try row.instantIfAny(name(.joinedAt)), leftAt: try row.instantIfAny(name(.leftAt)),
            reason: try row.nameIfAny(name(.reason)), device: try row.idIfAny(name(.device)),
            ringExpiresAt: try row.instantIfAny(name(.ringExpiresAt)), isPolite: try row.boolean(name(.isPolite)),
            role: try row.name(name(.role)), rungAt: try row.instantIfAny(name(.rungAt)),
            isHidden: try row.boolean(name(.isHidden)), standing: try row.name(name(.standing)))
    }
}
