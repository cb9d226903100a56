public import Primitives

/// A call, and who the people in it are.
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

    /// The call as a user may see it who was in it, or who is a member of its conversation: somebody who may not see it as
    /// it is sees what it was until they left.
    public func shown(to user: UserID) -> CallView {
        guard let past = call.past(of: user) else { return self }
        let known = Set(past.participants.map(\.user))
        return CallView(call: past, people: people.filter { known.contains($0.key) })
    }
}

/// Where the answer to a command goes: a value, so that it can wait, be compared, and be carried to another thread or node.
public struct ReplyTo: Sendable, Hashable {
    /// The device that sent the command.
    public let origin: CallOrigin
    /// The socket that it came by, as the one who delivers answers numbers them.
    public let socket: UInt64
    /// The client's number of the command on that socket; 0 when it wants to hear of a failure alone.
    public let request: UInt32
    /// Whether the command may change its call. The others are told what has changed; the device that asked has to know how
    /// the call was before the next change, even when it wants no answer.
    public let mayChangeCall: Bool

    /// Names a command that waits for its answer.
    public init(_ origin: CallOrigin, socket: UInt64, request: UInt32, mayChangeCall: Bool = true) {
        self.origin = origin
        self.socket = socket
        self.request = request
        self.mayChangeCall = mayChangeCall
    }
}

/// What becomes of a command.
public enum CallReply: Sendable, Equatable {
    /// Carried out, and on disk.
    case done(CallView)
    /// Not carried out, and why; the call goes with it where the sender may see it.
    case refused(CallRefusal, CallView?)
    /// Too many invites or commands; after this time another one is taken.
    case limited(retryAfter: Instant.Span)
    /// As many people were rung today as one user may ring in a day; after this time another one is.
    case usedUp(retryAfter: Instant.Span)
    /// The database is away or the server is stopping: to be tried again.
    case unavailable
    /// A fault of the server.
    case failed

    /// The answer to a command of a user. The call goes with a refusal where the user may see it: somebody who has no part
    /// in it is a member of its conversation, or told that there is no such call.
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
