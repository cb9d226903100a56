public import Primitives

// What goes into the table, and what comes out of it.
extension CallTable {
    /// What the owner of calls hears of.
    public enum Input: Sendable, Equatable {
        /// Somebody wants to call: a new call is placed, or the open one of its place takes the invite.
        case invite(Invitation, Asked)
        /// A device wants something of a call.
        case command(CallCommand, CallID, Asked)
        /// A device of a user has a socket again.
        case deviceReturned(CallOrigin)
        /// The last socket of a device is gone.
        case deviceLost(CallOrigin)
        /// The answer to `Output.recheck` when the device is gone.
        case deviceGone(CallOrigin, CallID)
        /// The answer to `Output.resync`: which of the devices have a socket.
        case devicesNow(CallID, present: [CallOrigin], gone: [CallOrigin])
        /// A device that must not hear of a call would ring by now.
        case ringingFeigned(UserID, CallID)
        /// The answer to `Output.commit`.
        case committed(CommitID, CallID, CommitOutcome)
        /// The answer to `Output.lookUp`.
        case lookedUp(CommitID, CallID, LookUp)
        /// The lease was taken, renewed, lost or given up.
        case lease(Lease)
        /// A stored call is this node's now. `present` are those of its people's devices that have a socket.
        indirect case adopted(CallView, lastSeen: Instant, present: [CallOrigin])
        /// Other nodes have taken calls over.
        case takenOver([CallID])
        /// A later process runs as this node.
        case superseded
        /// A user does not belong to a conversation any more; the number is nil when it is not known when that was.
        case membershipEnded(MembershipEnding, number: UInt64?)
        /// Devices of a user were logged out; `isLast` when no other is left.
        case loggedOut(UserID, [DeviceID], isLast: Bool)
        /// The answer to `Output.drain`.
        case drainDue(CallID)
        /// The answer to `Output.rest`: others have had their turn.
        case rested(CallID)
        /// The moment that was asked for (`nextWake`) has come.
        case timePassed
    }

    /// What the owner of calls wants done, in this order. Most of it carries a call, which is large: an output is handed on
    /// as one reference.
    public indirect enum Output: Sendable, Equatable {
        /// Write a change down, and say what became of it.
        case commit(CommitID, RecordedChange, over: Int64, by: CallOwner)
        /// A commit of unknown outcome is on disk, after all; its recorders hear of it before anybody else.
        case foundStored(RecordedChange)
        /// Answer a command.
        case reply(ReplyTo, CallReply)
        /// Tell devices.
        case deliver(CallEvent, CallView, [Address])
        /// Read the stored revision and owner of a call, to learn whether the commit was carried out.
        case lookUp(CommitID, CallID)
        /// The call is not open here: what is stored of it answers.
        case answerFromArchive(CallCommand, CallID, ReplyTo)
        /// The same invite was placed before, or the pair has an open call that this node does not own.
        case answerRepeatedInvite(by: UserID, as: RequestID, ReplyTo)
        /// Say so if the device has no socket: it may have gone while its command waited for the database.
        case recheck(CallOrigin, CallID)
        /// Say which of the devices have a socket.
        case resync(CallID, [CallOrigin])
        /// A device that hears of a call says after a moment that it rings. For a user who must not hear of it, and has a
        /// device with a socket, that is to be said after as long as it may take, or the caller would know.
        case feignRinging(UserID, CallID)
        /// The call has another owner: its people learn from what is stored how it stands.
        case letGo(CallID)
        /// Inputs wait that can be taken up now, one at a time, so that what each costs is seen.
        case drain(CallID)
        /// The call has worked long enough: others have their turn.
        case rest(CallID)
        /// A call is open here.
        case opened(CallID, ConversationID)
        /// A call is not open here any more, with those who were in it.
        case closed(CallID, connected: [UserID])
        /// A user is in a call with a device, or no longer.
        case connection(UserID, CallID, isConnected: Bool)
    }

    /// Who waits for a command's answer, and what was looked up for the command.
    public struct Asked: Sendable, Equatable {
        /// Where the answer goes.
        public let replyTo: ReplyTo
        /// Who may come into the call by it, the sender among them.
        public let newcomers: [Profile]
        /// How many memberships had ended when members were looked up for it.
        public let endings: UInt64

        /// Describes who asks.
        public init(_ replyTo: ReplyTo, newcomers: [Profile] = [], endings: UInt64 = 0) {
            self.replyTo = replyTo
            self.newcomers = newcomers
            self.endings = endings
        }
    }

    /// Names a commit of this table.
    public struct CommitID: Sendable, Hashable {
        let number: UInt64
    }

    /// A step of a call.
    public indirect enum Step: Sendable, Equatable {
        /// A call is placed; it is there unless its commit fails.
        case placed(Invitation, CallTransition)
        /// The call was given an input.
        case handled(Call, CallInput, CallStep)
        /// A transition has come about.
        case applied(CallTransition)
    }

    /// What became of a commit.
    public enum CommitOutcome: Sendable, Equatable {
        /// It is on disk.
        case stored
        /// It was not carried out: the database is away.
        case unavailable
        /// The connection broke meanwhile: nobody knows.
        case unknown
        /// The stored call is not as it was: another node has written it.
        case overtaken
        /// A unique key is taken.
        case duplicate
        /// The database does not accept it.
        case invalid
    }

    /// What a look-up found.
    public enum LookUp: Sendable, Equatable {
        /// The stored call is at this revision and has this owner.
        case found(revision: Int64, owner: CallOwner?)
        /// There is no such call.
        case missing
        /// The database is away.
        case failed
    }
}

/// A change of a call on its way to disk.
public struct RecordedChange: Sendable, Equatable {
    /// What happens to the call.
    public let transition: CallTransition
    /// A profile for each participant.
    public let people: [UserID: Profile]
    /// When it happens, by the wall clock. What was due earlier has its own times in the call.
    public let at: Instant

    /// Describes a change.
    public init(transition: CallTransition, people: [UserID: Profile], at: Instant) {
        self.transition = transition
        self.people = people
        self.at = at
    }
}
