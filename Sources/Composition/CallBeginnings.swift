import Primitives
public import SignalingCore
public import SignalingService
public import Storage

/// Lets a direct conversation begin for those who hear of a call in it.
public struct CallBeginnings: CallRecorder {
    /// Makes the recorder.
    public init() {}

    /// Something for each who hears of the call by the change: whom a direct call rings, or who was not to hear of it before.
    public func steps(for change: RecordedChange) -> [Step] {
        let call = change.transition.call
        // Participants keep their places.
        return call.participants.indices.filter { place in
            let participant = call.participants[place]
            guard !participant.isHidden, participant.user != call.initiator else { return false }
            guard let before = change.old?.participants else { return call.mode == .direct }
            return place < before.count && before[place].isHidden
        }.map { place in
            let user = call.participants[place].user
            return Step(.beginConversationWithCall, [.id(call.conversation), .id(user), .instant(change.at)])
        }
    }

    /// Nobody is told.
    public func recorded(_ change: RecordedChange, results: ArraySlice<StepResult>) {}
}
