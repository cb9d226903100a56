import Primitives
import SignalingCore
public import SignalingService
public import Storage

/// Lets a direct conversation begin for those who hear of a call in it.
public struct CallBeginnings: CallRecorder {
    /// Makes the recorder.
    public init() {}

    /// Something for each who hears of the call by the change: whom a direct call rings, or who was not to hear of it before.
    public func steps(for change: RecordedChange) -> [Step] {
        let call = change.transition.call
        return call.participants.filter { participant in
            guard !participant.isHidden, participant.user != call.initiator else { return false }
            guard let old = change.old else { return call.mode == .direct }
            return old.participant(participant.user)?.isHidden == true
        }.map { participant in
            Step(
                .beginConversationWithCall, [.id(call.conversation), .id(participant.user), .instant(change.at)])
        }
    }

    /// Nobody is told.
    public func recorded(_ change: RecordedChange, results: ArraySlice<StepResult>) {}
}
