public import Primitives

/// A call as its owner knows it: a plain value that only `handle(_:at:)` advances.
///
/// The rows `calls`, `call_participants` and `screen_share_logs` (seed 003) are stored; the rest (the mailbox,
/// reachability, who is muted) lives as long as the process and is negotiated again after a restart.
public struct Call: Sendable, Equatable {
    /// Names the call.
    public let id: CallID
    /// The conversation that the call belongs to.
    public let conversation: ConversationID
    /// Whether it is between two people or among many. A direct call becomes a group call when somebody is added.
    public internal(set) var mode: Mode
    /// Who placed the call.
    public let initiator: UserID
    /// The caller's own name for the call: an invite that repeats it gets this call again.
    public let clientCallID: RequestID
    /// What the call was placed as; the media in it may change freely.
    public let type: MediaType
    /// When the call was placed.
    public let startedAt: Instant
    /// When the call stops ringing by itself, unless it is answered before. Kept after the answer, for the record.
    public internal(set) var ringExpiresAt: Instant
    /// How long the call waits for things, and what is allowed in it.
    public let rules: CallRules
    /// Where the call is in its life.
    public internal(set) var phase: Phase
    /// Everybody who was ever in the call or rung for it; the caller first.
    public internal(set) var participants: [Participant]
    /// Screens shared right now, the oldest first.
    public internal(set) var screenShares: [ScreenShare] = []
    /// Whether newcomers have to be admitted by a host. A locked call stays locked over a restart.
    public internal(set) var isLocked = false
    /// Who asks to be admitted to the locked call, oldest first. Lost with the process: clients ask again.
    public internal(set) var joinRequests: [JoinRequest] = []
    /// Counts the changes that people can see.
    public internal(set) var revision: Int64 = 1
    /// When the previous owner was last alive; nil unless the call was adopted.
    var ownerLastSeen: Instant?
    /// How far the clock that wrote the call is ahead of the owner's; never negative. The call continues by that clock.
    var lead = Instant.Span(microseconds: 0)
    /// Devices of rung participants that have said that they are in another call.
    var busyDevices: Set<CallOrigin> = []
    /// Signals that wait for their recipient's device.
    var mailbox = Mailbox()
    /// Offers that were handed over and are not answered yet.
    var negotiations = Negotiations()
    /// The latest commands that were carried out, so that a repeat changes nothing.
    var carriedOut = CarriedOutCommands()

    /// The kinds of calls.
    public enum Mode: String, Sendable, CaseIterable {
        /// Between two people; ends when one leaves.
        case direct
        /// Among many; people come and go.
        case group
    }

    /// What a call is placed as (seed 003, `calls.type`).
    public enum MediaType: String, Sendable, CaseIterable {
        case voice
        case video
    }

    /// Where a call is in its life. The names are the stored statuses (seed 003, `calls.status`).
    public enum Phase: Sendable, Equatable {
        /// Ringing. Can go to: ongoing, missed.
        case initiated
        /// At least one callee has answered. Can go to: completed.
        case ongoing(answeredAt: Instant)
        /// Over, after an answer. Can go to: nothing.
        case completed(answeredAt: Instant, endedAt: Instant, EndReason)
        /// Over, without an answer. Can go to: nothing.
        case missed(endedAt: Instant, EndReason)
    }

    /// Why a call is over.
    public enum EndReason: String, Sendable, CaseIterable {
        case noAnswer = "no_answer"
        case declined
        case busy
        case cancelled
        case callerDisconnected = "caller_disconnected"
        case hangup
        case disconnected
        case iceFailed = "ice_failed"
        case alone
        case empty
        case endedByHost = "ended_by_host"
        case maxDuration = "max_duration"
        case serverRestart = "server_restart"
    }

    /// A screen that is being shared.
    public struct ScreenShare: Sendable, Equatable {
        /// Whose screen it is.
        public let sharer: UserID
        /// Since when.
        public let startedAt: Instant
    }

    /// Somebody who asks to be admitted to a locked call.
    public struct JoinRequest: Sendable, Equatable {
        /// The device that waits.
        public let origin: CallOrigin
        /// What it will send.
        public let media: MediaState
    }

    /// Why a screen is no longer shared (`screen_share_logs.end_reason`).
    public enum ShareEndReason: String, Sendable, CaseIterable {
        case stopped
        case left
        case kicked
        case disconnected
        case replaced
        case callEnded = "call_ended"
        case serverRestart = "server_restart"
    }
}

extension Call {
    /// When the call was answered, if it ever was.
    public var answeredAt: Instant? {
        switch phase {
        case .initiated, .missed: nil
        case .ongoing(let answeredAt), .completed(let answeredAt, _, _): answeredAt
        }
    }

    /// When the call ended, if it did.
    public var endedAt: Instant? {
        switch phase {
        case .initiated, .ongoing: nil
        case .completed(_, let endedAt, _), .missed(let endedAt, _): endedAt
        }
    }

    /// Why the call ended, if it did.
    public var endReason: EndReason? {
        switch phase {
        case .initiated, .ongoing: nil
        case .completed(_, _, let reason), .missed(_, let reason): reason
        }
    }

    /// Whether the call is over.
    public var isEnded: Bool { endedAt != nil }

    /// The participant for this user, if the user was ever in the call.
    public func participant(_ user: UserID) -> Participant? {
        participants.first { $0.user == user }
    }

    func index(of user: UserID) -> Int? {
        participants.firstIndex { $0.user == user }
    }
}
