public import Primitives

extension Participant {
    /// What is stored of a participant, flat: a row of `call_participants`.
    public struct Record: Sendable, Equatable {
        /// Who it is.
        public let user: UserID
        /// Where the participant is.
        public var status: Status
        /// When the participant entered the call, if ever.
        public var joinedAt: Instant?
        /// When the participant declined the call or left it.
        public var leftAt: Instant?
        /// Why.
        public var reason: LeaveReason?
        /// The device that is in the call.
        public var device: DeviceID?
        /// When ringing stops by itself.
        public var ringExpiresAt: Instant?
        /// The role in perfect negotiation.
        public var isPolite: Bool
        /// What the participant may do to the others.
        public var role: Role
        /// When the participant was last rung.
        public var rungAt: Instant?
        /// Whether the participant must not know of the call.
        public var isHidden: Bool
        /// Why the participant has a part in the call.
        public var standing: Standing

        /// Makes a record from a row.
        public init(
            user: UserID, status: Status, joinedAt: Instant?, leftAt: Instant?, reason: LeaveReason?,
            device: DeviceID?, ringExpiresAt: Instant?, isPolite: Bool, role: Role, rungAt: Instant?, isHidden: Bool,
            standing: Standing
        ) {
            self.user = user
            self.status = status
            self.joinedAt = joinedAt
            self.leftAt = leftAt
            self.reason = reason
            self.device = device
            self.ringExpiresAt = ringExpiresAt
            self.isPolite = isPolite
            self.role = role
            self.rungAt = rungAt
            self.isHidden = isHidden
            self.standing = standing
        }
    }

    /// The names of the states (seed 003, `call_participants.status`).
    public enum Status: String, Sendable, CaseIterable {
        case ringing
        case connected
        case declined
        case left
    }

    /// What is stored of the participant.
    public var record: Record {
        var record = Record(
            user: user, status: .ringing, joinedAt: nil, leftAt: nil, reason: nil, device: nil, ringExpiresAt: nil,
            isPolite: isPolite, role: role, rungAt: rungAt, isHidden: isHidden, standing: standing)
        switch state {
        case .ringing(let ringing): record.ringExpiresAt = ringing.until
        case .connected(let connection):
            record.status = .connected
            record.joinedAt = connection.joinedAt
            record.device = connection.device
        case .declined(let at, let reason):
            record.status = .declined
            record.leftAt = at
            record.reason = reason
        case .left(let joinedAt, let at, let reason):
            record.status = .left
            record.joinedAt = joinedAt
            record.leftAt = at
            record.reason = reason
        }
        return record
    }
}

extension Participant.Record {
    /// The participant from its stored fields; its device is unreachable until it connects. Nil when something that its
    /// status needs is missing.
    public var participant: Participant? {
        state.map {
            Participant(
                user: user, isPolite: isPolite, role: role, rungAt: rungAt, isHidden: isHidden, standing: standing,
                state: $0)
        }
    }

    private var state: Participant.State? {
        switch (status, leftAt, reason) {
        case (.ringing, _, _): ringExpiresAt.map { .ringing(.init(until: $0)) }
        case (.connected, _, _):
            if let joinedAt, let device { .connected(.init(joinedAt: joinedAt, device: device)) } else { nil }
        case (.declined, let leftAt?, let reason?): .declined(at: leftAt, reason)
        case (.left, let leftAt?, let reason?): .left(joinedAt: joinedAt, at: leftAt, reason)
        case (.declined, _, _), (.left, _, _): nil
        }
    }
}
