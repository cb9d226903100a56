import Primitives
public import SignalingCore
public import SignalingService
public import Storage

/// Lets a direct conversation begin for those who learn of a call in it.
public struct CallBeginnings: CallRecorder {
    /// Makes the recorder.
    public init() {}

    /// One step for each user who learns of the call by the change: those whom a direct call rings, or from whom it was
    /// hidden before.
    public func steps(for change: RecordedChange) -> [Step] {
        let (call, happenings) = (change.transition.call, change.transition.happenings)
        var steps: [Step] = []
        for happening in happenings {
            switch happening {
            case .placed where call.mode == .direct:
                for callee in call.participants where callee.user != call.initiator && !callee.isHidden {
                    steps.append(beginning(for: callee, in: call, at: change.at))
                }
            case .revealed(let place) where call.participants[place].user != call.initiator:
                steps.append(beginning(for: call.participants[place], in: call, at: change.at))
            case .placed, .revealed, .answered, .rang, .stoppedRinging, .joined, .moved, .declined, .left, .roleChanged,
                .shutOut, .shown, .amended, .awaited, .shareEnded, .shareBegan, .grew, .lockChanged, .ringProlonged,
                .lobbyChanged, .askedAgain, .ended:
                break
            }
        }
        return steps
    }

    private func beginning(for participant: Participant, in call: Call, at now: Instant) -> Step {
        Step(.beginConversationWithCall, [.id(call.conversation), .id(participant.user), .instant(now)])
    }

    /// Nobody is told.
    public func recorded(_ change: RecordedChange, results: ArraySlice<StepResult>) {}
}
