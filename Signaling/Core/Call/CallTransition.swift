public import Primitives

/// The result of an input.
public enum CallStep: Sendable, Equatable {
    /// Something was due before the input: this is its effect on the call. Once it is on disk and sent, the input is
    /// given again; it may find the call over.
    case due(CallTransition)
    /// The input is carried out.
    case done(CallTransition)

    /// What happens to the call first.
    public var transition: CallTransition {
        switch self {
        case .due(let transition), .done(let transition): transition
        }
    }
}

/// What an input does to a call: the new state, and all that follows from it.
///
/// The owner commits `changes`. After that it replaces the old state by `call`, answers the sender and delivers
/// `deliveries` in their order.
public struct CallTransition: Sendable, Equatable {
    /// The call after the input.
    public let call: Call
    /// What has happened, derived once; everything else is derived from it, including records and metrics. Empty when
    /// nothing visible has changed.
    public let happenings: [CallHappening]
    /// What has to be on disk before anybody is told; empty when nothing durable changed.
    public let changes: [CallChange]
    /// What people see differently; nil when nothing.
    public let difference: CallDifference?
    /// Who is told what.
    public let deliveries: [CallDelivery]
    /// Why the command is refused; nil when it is carried out, now or before.
    public let refusal: CallRefusal?
    /// Signals that were dropped because the call or their generation is over.
    public let droppedSignals: Int
}

/// A change of the stored rows of a call.
public enum CallChange: Sendable, Equatable {
    /// A new row of `calls`.
    case insertCall
    /// The row of `calls` has other contents.
    case updateCall
    /// A row of `call_participants` is new or has other contents.
    case putParticipant(Participant)
    /// A new row of `screen_share_logs`.
    case openShare(Call.ScreenShare)
    /// The open row of a sharer in `screen_share_logs` ends.
    case closeShare(UserID, at: Instant, Call.ShareEndReason)
}

/// An event and its recipients.
public struct CallDelivery: Sendable, Equatable {
    /// The recipients.
    public let address: Address
    /// The event.
    public let event: CallEvent

    /// Makes a delivery.
    public init(to address: Address, _ event: CallEvent) {
        self.address = address
        self.event = event
    }
}

/// What devices are told. The whole call goes with rings, their ends, `updated` and `moved`.
public enum CallEvent: Sendable, Equatable {
    /// Ring.
    case incoming
    /// The state of the call: for those who do not know its earlier state, or who are told nothing more.
    case updated
    /// What has changed in the call: for those who know its earlier state.
    case changed(CallDifference)
    /// Stop ringing.
    case ringStopped(RingStopReason)
    /// Another device of the user took the call over.
    case moved
    /// The call is none of the user's open calls any more. It goes without the call, which the user may not see.
    case gone
    /// A signal from another participant.
    case signal(Signal, from: UserID)
    /// An offer to this participant was not answered in time: it may be made again.
    case offerUnanswered(by: UserID)
    /// A host asks for silence, or has switched something off.
    case mediaStopped(Medium, by: UserID)
    /// A host did not admit this device.
    case joinDenied
}

/// Why a device stops ringing.
public enum RingStopReason: Sendable, Equatable, CaseIterable {
    case answeredElsewhere
    case declinedElsewhere
    case cancelled
    case noAnswer
    case callerDisconnected
    case callEnded
    case removed
}
