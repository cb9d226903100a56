public import Primitives

/// One user's part in a call.
public struct Participant: Sendable, Equatable {
    /// Who it is.
    public let user: UserID
    /// The role in perfect negotiation: when two offers collide, the polite side gives way.
    public let isPolite: Bool
    /// What the participant may do to the others.
    public internal(set) var role: Role
    /// When the participant was last rung; nil for one that never was.
    public internal(set) var rungAt: Instant?
    /// Whether the participant must not know of the call, because the caller is blocked or not welcome: everybody else
    /// sees the participant ringing until the deadline.
    public internal(set) var isHidden = false
    /// Why the participant has a part in the call.
    public internal(set) var standing = Standing.member
    /// Where the participant is.
    public internal(set) var state: State

    /// What a participant of a group call may do to the others (`call_participants.role`).
    public enum Role: String, Sendable, CaseIterable {
        /// Everything. There is one host at a time among those who are in the call; when the host leaves, another
        /// participant becomes host.
        case host
        /// Everything except to end the call for all, to give roles, and to act against the host.
        case coHost = "co_host"
        /// Nothing.
        case participant
    }

    /// Why somebody has a part in a call (`call_participants.standing`).
    public enum Standing: String, Sendable, CaseIterable {
        /// Belongs to the call's conversation.
        case member
        /// Was rung by somebody in the call, and belongs only to the call. Goes and comes back as a member does.
        case guest
        /// No longer belongs to the conversation: may return only as a member again or when rung as a guest.
        case former
    }

    /// Where a participant is. The names are the stored statuses (seed 003, `call_participants.status`).
    public enum State: Sendable, Equatable {
        /// Rung on all devices. Can go to: connected, declined, left.
        case ringing(Ringing)
        /// In the call with one device. Can go to: left.
        case connected(Connection)
        /// Declined the call. Can go to: ringing, connected and left (barred) in a group call, else nothing.
        case declined(at: Instant, LeaveReason)
        /// Out of the call, whether ever in it or not. Can go to: ringing and connected in a group call, else nothing.
        case left(joinedAt: Instant?, at: Instant, LeaveReason)
    }

    /// The state of a ringing participant.
    public struct Ringing: Sendable, Equatable {
        /// When ringing stops by itself.
        public internal(set) var until: Instant
        /// Whether one of the devices has said that it rings.
        public internal(set) var isAlerted = false
    }

    /// The state of a connected participant.
    public struct Connection: Sendable, Equatable {
        /// When the participant joined.
        public let joinedAt: Instant
        /// The device that is in the call.
        public internal(set) var device: DeviceID
        /// Whether that device can be reached.
        public internal(set) var reachability: Reachability = .reachable
        /// What the participant reports about the microphone and the camera.
        public internal(set) var media = MediaState()
        /// Whether the participant has put the call on hold.
        public internal(set) var isOnHold = false
        /// Since when the participant has a hand raised; nil when it is lowered.
        public internal(set) var handRaisedAt: Instant?
    }

    /// Whether a device that is in a call has a socket.
    public enum Reachability: Sendable, Equatable {
        /// It has. Can go to: lost.
        case reachable
        /// Its socket is gone; it has until then to come back. Can go to: reachable.
        case lost(until: Instant)
        /// The server was restarted and has not seen the device since. Can go to: reachable.
        case adopted(until: Instant)
    }

    /// Why somebody is not, or no longer, in a call (`call_participants.leave_reason`).
    public enum LeaveReason: String, Sendable, CaseIterable {
        case declined
        case busy
        case noAnswer = "no_answer"
        case cancelled
        case callEnded = "call_ended"
        case removed
        case hangup
        case disconnected
        /// Removed and barred: can return only by being added again.
        case kicked
        case iceFailed = "ice_failed"
    }
}

extension Participant {
    /// The connection, while the participant is in the call.
    public var connection: Connection? {
        if case .connected(let connection) = state { connection } else { nil }
    }

    /// Whether the participant is being rung.
    public var isRinging: Bool { ringing != nil }

    /// The state of ringing; nil when the participant is not rung.
    public var ringing: Ringing? {
        if case .ringing(let ringing) = state { ringing } else { nil }
    }
}

extension Participant {
    /// Whether the participant is in the call.
    public var isConnected: Bool { connection != nil }

    /// Whether the participant was removed and may not rejoin on their own.
    public var isBarred: Bool {
        if case .left(_, _, .kicked) = state { true } else { false }
    }

    /// Whether the participant may see the call as it is now: the one rule for all ways of asking. Those who must not
    /// know of it, who are barred, or who no longer belong to it may not.
    public var maySeeCall: Bool { !isHidden && !isBarred && standing != .former }

    /// Whether the participant may admit and remove people.
    public var isHostOrCoHost: Bool { role != .participant }
}

/// What a participant reports about its own microphone and camera; shown to the others, never stored.
public struct MediaState: Sendable, Equatable {
    /// Whether sound is sent.
    public var microphone: Bool
    /// Whether video is sent.
    public var camera: Bool

    /// Makes a state; everything is off by default.
    public init(microphone: Bool = false, camera: Bool = false) {
        self.microphone = microphone
        self.camera = camera
    }
}
