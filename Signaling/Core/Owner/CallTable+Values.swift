public import Primitives

// The inputs and outputs of the table.
extension CallTable {
    /// The inputs of the owner of calls.
    public enum Input: Sendable, Equatable {
        /// A user calls: a new call is placed, or the open call of the same place takes the invite.
        case invite(Invitation, Asked)
        /// A command of a device to a call.
        case command(CallCommand, CallID, Asked)
        /// A device of a user has a socket again.
        case deviceReturned(CallOrigin)
        /// The last socket of a device is gone.
        case deviceLost(CallOrigin)
        /// The answer to `Output.recheck` when the device is gone.
        case deviceGone(CallOrigin, CallID)
        /// The answer to `Output.resync`: which of the devices have a socket.
        case devicesNow(CallID, present: [CallOrigin], gone: [CallOrigin])
        /// A device of a user who must not know of a call would ring by now.
        case ringingFeigned(UserID, CallID)
        /// The answer to `Output.commit`.
        case committed(CommitID, CallID, CommitOutcome)
        /// The answer to `Output.lookUp`.
        case lookedUp(CommitID, CallID, LookUp)
        /// The lease was taken, renewed, lost or given up.
        case lease(Lease)
        /// This node now owns a stored call. `present` are those of its people's devices that have a socket.
        indirect case adopted(CallView, lastSeen: Instant, present: [CallOrigin])
        /// Other nodes have taken calls over.
        case takenOver([CallID])
        /// A later process runs as this node.
        case superseded
        /// A user no longer belongs to a conversation; the number is nil when it is not known when that was.
        case membershipEnded(MembershipEnding, number: UInt64?)
        /// Devices of a user were logged out; `isLast` when no other is left.
        case loggedOut(UserID, [DeviceID], isLast: Bool)
        /// The answer to `Output.drain`.
        case drainDue(CallID)
        /// The answer to `Output.rest`: other calls have had their turn.
        case rested(CallID)
        /// The requested time (`nextWake`) has come.
        case timePassed
    }

    /// What the owner of calls wants done, in this order. Most outputs carry a call, which is large: so an output is
    /// passed on as one reference.
    public indirect enum Output: Sendable, Equatable {
        /// Write a change, and report the outcome.
        case commit(CommitID, RecordedChange, over: Int64, by: CallOwner)
        /// A commit of unknown outcome turned out to be on disk; its recorders are told before anybody else.
        case foundStored(RecordedChange)
        /// Answer a command.
        case reply(ReplyTo, CallReply)
        /// Send an event to devices.
        case deliver(CallEvent, CallView, [Address])
        /// Read the stored revision and owner of a call, to learn whether the commit was carried out.
        case lookUp(CommitID, CallID)
        /// The call is not open here: answer from what is stored of it.
        case answerFromArchive(CallCommand, CallID, ReplyTo)
        /// The same invite was placed before, or the pair has an open call that this node does not own.
        case answerRepeatedInvite(by: UserID, as: RequestID, ReplyTo)
        /// Report if the device has no socket: it may have disconnected while its command waited for the database.
        case recheck(CallOrigin, CallID)
        /// Report which of the devices have a socket.
        case resync(CallID, [CallOrigin])
        /// A device that is told of a call reports after a moment that it rings. For a user who must not know of it and
        /// has a device with a socket, report this after a realistic delay, or the caller would notice.
        case feignRinging(UserID, CallID)
        /// The call has another owner: send its people its stored state.
        case letGo(CallID)
        /// Inputs are waiting that can be handled now, one at a time, so that the cost of each can be measured.
        case drain(CallID)
        /// The call has worked long enough: give others their turn.
        case rest(CallID)
        /// A call is open here.
        case opened(CallID, ConversationID)
        /// A call is no longer open here; with those who were in it.
        case closed(CallID, connected: [UserID])
        /// A user is in a call with a device, or no longer is.
        case connection(UserID, CallID, isConnected: Bool)
    }

    /// Where a command's answer goes, and what was looked up for the command.
    public struct Asked: Sendable, Equatable {
        /// Where the answer goes.
        public let replyTo: ReplyTo
        /// Who may enter the call through it, including the sender.
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

    /// Identifies a commit of this table.
    public struct CommitID: Sendable, Hashable {
        let number: UInt64
    }

    /// A step of a call.
    public indirect enum Step: Sendable, Equatable {
        /// A call is placed; it exists unless its commit fails.
        case placed(Invitation, CallTransition)
        /// The call was given an input.
        case handled(Call, CallInput, CallStep)
        /// A transition has been applied.
        case applied(CallTransition)
    }

    /// The result of a commit.
    public enum CommitOutcome: Sendable, Equatable {
        /// It is on disk.
        case stored
        /// It was not carried out: the database is unreachable.
        case unavailable
        /// The connection broke during the commit: it may or may not have been carried out.
        case unknown
        /// The stored call has changed: another node has written it.
        case overtaken
        /// A unique key is already in use.
        case duplicate
        /// The database rejects it.
        case invalid
    }

    /// The result of a look-up.
    public enum LookUp: Sendable, Equatable {
        /// The stored call is at this revision and has this owner.
        case found(revision: Int64, owner: CallOwner?)
        /// There is no such call.
        case missing
        /// The database is unreachable.
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
