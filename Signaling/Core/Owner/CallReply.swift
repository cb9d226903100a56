public import Primitives

/// A call, and the profiles of the people in it.
public struct CallView: Sendable, Equatable {
    /// The call.
    public let call: Call
    /// A profile for each participant.
    public let people: [UserID: Profile]

    /// Makes a view.
    public init(call: Call, people: [UserID: Profile]) {
        self.call = call
        self.people = people
    }

    /// The call as visible to a user who was in it or is a member of its conversation: a user who may no longer see it
    /// as it is sees its state from when they left.
    public func shown(to user: UserID) -> CallView {
        guard let past = call.past(of: user) else { return self }
        let known = Set(past.participants.map(\.user))
        return CallView(call: past, people: people.filter { known.contains($0.key) })
    }
}

/// Where the answer to a command goes: a value, so that it can wait, be compared, and cross to another thread or node.
public struct ReplyTo: Sendable, Hashable {
    /// The device that sent the command.
    public let origin: CallOrigin
    /// The socket that it came by, in the numbering of the part that delivers answers.
    public let socket: UInt64
    /// The client's number of the command on that socket; 0 when it wants to be told only of a failure.
    public let request: UInt32
    /// Whether the command may change its call. The others are told what has changed; the device that asked has to know
    /// the call's state before the next change, even when it wants no answer.
    public let mayChangeCall: Bool

    /// Identifies a command that waits for its answer.
    public init(_ origin: CallOrigin, socket: UInt64, request: UInt32, mayChangeCall: Bool = true) {
        self.origin = origin
        self.socket = socket
        self.request = request
        self.mayChangeCall = mayChangeCall
    }
}

/// The result of a command.
public enum CallReply: Sendable, Equatable {
    /// Carried out, and on disk.
    case done(CallView)
    /// Not carried out, and why; with the call if the sender may see it.
    case refused(CallRefusal, CallView?)
    /// Too many invites or commands; retry after this time.
    case limited(retryAfter: Instant.Span)
    /// The user has rung as many people today as allowed in a day; retry after this time.
    case usedUp(retryAfter: Instant.Span)
    /// The database is unreachable or the server is stopping: retry.
    case unavailable
    /// An error in the server.
    case failed

    /// The answer to a command of a user. A refusal carries the call if the user may see it: users without a part in it
    /// are members of its conversation, or are told that there is no such call.
    public init(_ transition: CallTransition, people: [UserID: Profile], to user: UserID) {
        let view = CallView(call: transition.call, people: people)
        let isShown = transition.call.participant(user)?.maySeeCall ?? true
        self =
            switch transition.refusal {
            case nil: .done(view)
            case .notFound: .refused(.notFound, nil)
            case let refusal?: .refused(refusal, isShown ? view : nil)
            }
    }
}
