import Primitives
public import SignalingCore
public import SignalingService
public import Storage

/// Lets a direct conversation begin for those who learn of a call in it.
public struct CallBeginnings: CallRecorder {
    private struct Beginning: Hashable {
        var conversation: ConversationID
        var user: UserID
    }

    private let noted = NotedFacts<Beginning>()

    /// Makes the recorder.
    public init() {}

    /// One step for each user who learns of the call by the change, unless the conversation is known to have begun for
    /// them: those whom a direct call rings, or from whom it was hidden before.
    public func steps(for change: RecordedChange) -> [Step] {
        noted.news(among: Self.facts(of: change)).map { fact in
            Step(.beginConversationWithCall, [.id(fact.conversation), .id(fact.user), .instant(change.at)])
        }
    }

    /// They need not be noted again. Nobody is told.
    public func recorded(_ change: RecordedChange, results: ArraySlice<StepResult>) {
        noted.note(Self.facts(of: change))
    }

    private static func facts(of change: RecordedChange) -> [Beginning] {
        let (call, happenings) = (change.transition.call, change.transition.happenings)
        var facts: [Beginning] = []
        for happening in happenings {
            switch happening {
            case .placed where call.mode == .direct:
                for callee in call.participants where callee.user != call.initiator && !callee.isHidden {
                    facts.append(Beginning(conversation: call.conversation, user: callee.user))
                }
            case .revealed(let place) where call.participants[place].user != call.initiator:
                facts.append(Beginning(conversation: call.conversation, user: call.participants[place].user))
            case .placed, .revealed, .answered, .rang, .stoppedRinging, .joined, .moved, .declined, .left, .roleChanged,
                .shutOut, .shown, .amended, .awaited, .shareEnded, .shareBegan, .grew, .lockChanged, .ringProlonged,
                .lobbyChanged, .askedAgain, .ended:
                break
            }
        }
        return facts
    }
}
