public import Primitives

/// What becomes of an input.
public enum CallStep: Sendable, Equatable {
    /// Something was due before the input: this is what it does to the call. Once that is on disk and told, the input is
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
/// The owner commits `changes`, and only then puts `call` in the place of the old state, answers the sender and
/// delivers `deliveries` in their order.
public struct CallTransition: Sendable, Equatable {
    /// The call after the input.
    public let call: Call
    /// What has happened, derived once; the rest is read off it, and so is what is recorded and counted. Empty when nobody
    /// sees the call otherwise than before.
    public let happenings: [CallHappening]
    /// What has to be on disk before anybody hears of it; empty when nothing durable changed.
    public let changes: [CallChange]
    /// Where people see the call otherwise than before; nil when they don't.
    public let difference: CallDifference?
    /// What to tell whom.
    public let deliveries: [CallDelivery]
    /// Why the command is refused; nil when it is carried out, or was already.
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

/// An event and where it goes.
public struct CallDelivery: Sendable, Equatable {
    /// To whom.
    public let address: Address
    /// What.
    public let event: CallEvent

    /// Makes a delivery.
    public init(to address: Address, _ event: CallEvent) {
        self.address = address
        self.event = event
    }
}

/// What devices are told. The call goes whole with rings, their ends, `updated` and `moved`.
public enum CallEvent: Sendable, Equatable {
    /// Ring.
    case incoming
    /// How the call is: for those who do not know how it was before, or are told no more.
    case updated
    /// What of the call has changed: for those who know how it was.
    case changed(CallDifference)
    /// Stop ringing.
    case ringStopped(RingStopReason)
    /// Another device of the user took the call over.
    case moved
    /// A signal of another participant.
    case signal(Signal, from: UserID)
    /// An offer to this participant was not answered in time: it may be made again.
    case offerUnanswered(by: UserID)
    /// A host asks for silence, or has switched something off.
    case mediaStopped(Medium, by: UserID)
    /// A host did not let this device in.
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
