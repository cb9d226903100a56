import Logging
import NIOCore
import Primitives
import SignalingCore
import Storage

/// The door to the calls that live on one event loop. Whatever is handed in from one thread is taken in its order.
final class CallShard: Sendable {
    /// What the calls of a shard have around them.
    struct Surroundings: Sendable {
        let database: any Database
        let archive: CallArchive
        let lease: NodeLease
        let directory: any CallDirectory
        let events: any CallEvents
        let presence: any DevicePresence
        let recorders: [any CallRecorder]
        let rules: CallRules
        let metrics: CallMetrics
        let now: @Sendable () -> Instant
        let logger: Logger
    }

    let loop: any EventLoop
    private let calls: NIOLoopBoundBox<LiveCalls>

    init(loop: any EventLoop, surroundings: Surroundings) {
        self.loop = loop
        calls = LiveCalls.make(on: loop, surroundings)
    }

    func adopt(_ stored: CallView, lastSeen: Instant) -> EventLoopFuture<Bool> {
        loop.submit { self.calls.value.adopt(stored, lastSeen: lastSeen) }
    }

    func settledCalls() -> EventLoopFuture<[CallID]> {
        loop.submit { self.calls.value.settledCalls }
    }

    func letGo(of ids: [CallID]) -> EventLoopFuture<Void> {
        loop.submit { self.calls.value.letGo(of: ids) }
    }

    func letGoOfAll() -> EventLoopFuture<Void> {
        loop.submit { self.calls.value.letGoOfAll() }
    }

    func leaseReturned() {
        loop.execute { self.calls.value.leaseReturned() }
    }

    func invite(_ invite: PendingInvite) {
        loop.execute { self.calls.value.receive(invite) }
    }

    func submit(_ input: PendingInput, to call: CallID) {
        loop.execute { self.calls.value.receive(input, for: call) }
    }

    func deviceReturned(_ origin: CallOrigin) -> EventLoopFuture<[CallView]> {
        loop.submit { self.calls.value.deviceReturned(origin) }
    }

    func deviceLost(_ origin: CallOrigin) {
        loop.execute { self.calls.value.deviceLost(origin) }
    }

    func membershipEnded(_ ending: MembershipEnding, number: UInt64?) {
        loop.execute { self.calls.value.membershipEnded(ending, number: number) }
    }

    func loggedOut(_ user: UserID, _ devices: [DeviceID], isLast: Bool) {
        loop.execute { self.calls.value.loggedOut(user, devices, isLast: isLast) }
    }
}

/// An input on its way to a call, and who waits for the answer.
struct PendingInput: Sendable {
    let input: CallInput
    /// Who may come into the call by it.
    let newcomers: [Profile]
    /// How many memberships had ended when members were looked up for it.
    let endings: UInt64
    let reply: @Sendable (CallReply) -> Void

    init(
        _ input: CallInput, newcomers: [Profile] = [], endings: UInt64 = 0,
        reply: @escaping @Sendable (CallReply) -> Void = { _ in }
    ) {
        self.input = input
        self.newcomers = newcomers
        self.endings = endings
        self.reply = reply
    }
}

/// An invite on its way to its conversation's shard, and who waits for the answer.
struct PendingInvite: Sendable {
    let invite: Invite
    let caller: Profile
    let device: DeviceID
    let callees: [CalleePolicy]
    let conversation: ConversationID
    let mode: Call.Mode
    /// How many memberships had ended when the callees were looked up.
    let endings: UInt64
    let reply: @Sendable (CallReply) -> Void

    var origin: CallOrigin { CallOrigin(user: caller.id, device: device) }
}
