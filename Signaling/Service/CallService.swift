public import Logging
import NIOConcurrencyHelpers
public import NIOCore
public import Primitives
public import SignalingCore
public import Storage
import Synchronization

/// Owns every open call: takes commands to the call they name, commits what follows, answers and tells.
///
/// Each call lives on one shard, and each shard on one event loop, so nothing here locks a call. Commands that one
/// thread hands in keep their order.
public final class CallService: Sendable {
    /// What the service is told once, at the start.
    public struct Settings: Sendable {
        /// How long calls wait for what, and what is allowed in them.
        public var rules = CallRules()
        /// How many people a user may ring in a minute.
        public var invitesPerMinute = 30
        /// How much one user may have stored in a day.
        public var quotas = QuotaLimits()
        /// Names this server among those that share the database, and is the same after a restart; a new name when nil.
        public var node: NodeID?
        /// How long other nodes wait for this one's sign of life before they take over its calls; at least a millisecond.
        public var lease = Instant.Span.seconds(10)

        /// The settings a server has when it is told no others.
        public init() {}
    }

    /// The present by the clock that the nodes compare their leases by. Asking for it may take a while.
    public typealias LeaseClock = @Sendable () async throws(DatabaseError) -> Instant

    /// What the service counts.
    public let metrics = CallMetrics()

    private let shards: [CallShard]
    private let directory: any CallDirectory
    let archive: CallArchive
    private let people: any CallPeople
    private let settings: Settings
    let now: @Sendable () -> Instant
    private let node: Node
    private let inviteLimits = NIOLockedValueBox(InviteLimits())
    private let quotas: DailyQuotas
    private let commandLimits = NIOLockedValueBox(CallCommandLimits())
    private let isStopping = Atomic(false)
    /// Counts the memberships that have ended: what was looked up before the latest one may be no longer true.
    private let endings = Atomic<UInt64>(0)

    /// Makes a service that knows no call yet; `start()` comes before the first command.
    ///
    /// - Parameters:
    ///   - database: Where calls are durable.
    ///   - events: Who delivers events to devices.
    ///   - presence: Who knows which devices have a socket.
    ///   - people: Who knows users and their conversations.
    ///   - recorders: Who writes something of its own with each change.
    ///   - loops: One shard is made for each loop.
    ///   - now: The present, by a clock that never jumps and that is near the wall clock: deadlines outlive the process.
    ///   - leaseClock: The present, by a clock that all nodes share; `now` when nil.
    public init(
        database: any Database, events: any CallEvents, presence: any DevicePresence, people: any CallPeople,
        recorders: [any CallRecorder] = [], loops: [any EventLoop], settings: Settings,
        now: @escaping @Sendable () -> Instant, leaseClock: LeaseClock? = nil, logger: Logger
    ) {
        let directory = LocalCallDirectory(shardCount: loops.count)
        let archive = CallArchive(database: database, rules: settings.rules, logger: logger)
        self.directory = directory
        self.archive = archive
        self.people = people
        self.settings = settings
        self.now = now
        quotas = DailyQuotas(database: database, limits: settings.quotas, now: now)
        let metrics = metrics
        let lease = NodeLease(node: settings.node ?? .random(at: now()), duration: settings.lease)
        let shards = loops.map { loop in
            CallShard(
                loop: loop,
                surroundings: .init(
                    database: database, archive: archive, lease: lease, directory: directory, events: events,
                    presence: presence, recorders: recorders, rules: settings.rules, metrics: metrics, now: now,
                    logger: logger))
        }
        self.shards = shards
        node = Node(
            lease: lease, database: database, archive: archive, shards: shards, directory: directory,
            metrics: metrics, now: now, leaseClock: leaseClock ?? Self.leaseClock(by: now), logger: logger)
    }

    private static func leaseClock(by now: @escaping @Sendable () -> Instant) -> LeaseClock {
        @Sendable func clock() async throws(DatabaseError) -> Instant { now() }
        return clock
    }

    /// Takes the node's lease, and takes up every open call that is this node's own, nobody's, or of a node whose lease has
    /// run out. What came due while no server ran is carried out with the time at which it was due. From then on the lease
    /// is renewed and calls that lose their owner are taken up, until `stop()`.
    ///
    /// - Returns: How many calls were taken up.
    @discardableResult
    public func start() async throws(DatabaseError) -> Int {
        try await node.start()
    }

    /// Comes back when another process was started as this node, so that this one has to end.
    ///
    /// - Returns: Whether that is why; false when the service was stopped or the task cancelled.
    public func isSuperseded() async -> Bool {
        await node.isSuperseded()
    }

    /// Whether this server may answer for its calls. While it may not, commands fail as unavailable, and calls wait.
    public var holdsLease: Bool { node.holdsLease }

    /// Renews the lease now, as happens by itself every third of its duration.
    func renewLease() async {
        await node.renew()
    }

    /// Calls another user, or the members of a group. Counts as an invite for each who is rung.
    ///
    /// - Parameter reply: Called once, on a thread of the service, after the call is on disk.
    public func invite(
        _ invite: Invite, from caller: Profile, device: DeviceID, reply: @escaping @Sendable (CallReply) -> Void
    ) {
        guard !isStopping.load(ordering: .relaxed) else { return reply(.unavailable) }
        guard invite.target != .user(caller.id) else { return reply(.refused(.forbidden, nil)) }
        // Whoever asks pays for one at once; how many more there are is known only later.
        if let refusal = takeInvites(1, of: caller.id) { return reply(refusal) }
        metrics.invites.add()
        let endings = endings.load(ordering: .acquiring)
        Task {
            do throws(CallPeopleError) {
                if let earlier = try await placedEarlier(invite, by: caller.id) {
                    return reply(.done(earlier.shown(to: caller.id)))
                }
                let (conversation, mode, users, nominal) = try await callees(of: invite.target, for: caller.id)
                if let refusal = takeInvites(users.count, of: caller.id, paid: 1) { return reply(refusal) }
                var policies = try await people.calleePolicies(of: users, calledBy: caller.id)
                for user in nominal { policies[user]?.isReachable = false }
                let callees = users.compactMap { policies[$0] }.filter { !$0.isBlockedByCaller }
                guard !callees.isEmpty else {
                    return reply(.refused(policies.isEmpty ? .notFound : .forbidden, nil))
                }
                shards[directory.shard(for: conversation)].invite(
                    PendingInvite(
                        invite: invite, caller: caller, device: device, callees: callees,
                        conversation: conversation, mode: mode, endings: endings, reply: reply))
            } catch {
                reply(CallReply(error))
            }
        }
    }

    /// Gives a command to the call that it names.
    ///
    /// - Parameter reply: Called once, on a thread of the service, after what the command changed is on disk.
    public func submit(
        _ command: CallCommand, to call: CallID, from origin: CallOrigin,
        reply: @escaping @Sendable (CallReply) -> Void
    ) {
        if let retryAfter = takeCommand(command.kind, of: origin.user) {
            return reply(.limited(retryAfter: retryAfter))
        }
        submit(command, to: call, from: origin, newcomers: [], endings: 0, reply: reply)
    }

    /// Brings a user into a group call without being rung, or again.
    ///
    /// - Parameter reply: As with `submit`.
    public func join(
        _ call: CallID, as request: RequestID, from user: Profile, device: DeviceID, media: MediaState,
        reply: @escaping @Sendable (CallReply) -> Void
    ) {
        if let retryAfter = takeCommand(.told, of: user.id) { return reply(.limited(retryAfter: retryAfter)) }
        let endings = endings.load(ordering: .acquiring)
        Task {
            do throws(CallPeopleError) {
                let isMember = try await members(ofConversationOf: call).contains(user.id)
                submit(
                    .join(request, media, isMember: isMember), to: call,
                    from: CallOrigin(user: user.id, device: device), newcomers: [user], endings: endings, reply: reply)
            } catch {
                reply(CallReply(error))
            }
        }
    }

    /// Rings more people for a call. Counts as an invite for each.
    ///
    /// - Parameter reply: As with `submit`.
    public func add(
        _ users: [UserID], to call: CallID, as request: RequestID, from origin: CallOrigin,
        reply: @escaping @Sendable (CallReply) -> Void
    ) {
        if let retryAfter = takeCommand(.told, of: origin.user) {
            return reply(.limited(retryAfter: retryAfter))
        }
        if let refusal = takeInvites(users.count, of: origin.user) { return reply(refusal) }
        let endings = endings.load(ordering: .acquiring)
        Task {
            do throws(CallPeopleError) {
                let members = try await members(ofConversationOf: call)
                let policies = try await people.calleePolicies(of: users, calledBy: origin.user)
                let callees = users.compactMap { policies[$0] }.filter { !$0.isBlockedByCaller }
                guard !callees.isEmpty else {
                    return reply(.refused(policies.isEmpty ? .notFound : .forbidden, nil))
                }
                let rung = callees.map { policy in
                    let user = policy.profile.id
                    return policy.callee(isInCall: directory.isInCall(user), isMember: members.contains(user))
                }
                submit(
                    .add(request, rung), to: call, from: origin, newcomers: callees.map(\.profile), endings: endings,
                    reply: reply)
            } catch {
                reply(CallReply(error))
            }
        }
    }

    private func submit(
        _ command: CallCommand, to call: CallID, from origin: CallOrigin, newcomers: [Profile], endings: UInt64,
        reply: @escaping @Sendable (CallReply) -> Void
    ) {
        guard !isStopping.load(ordering: .relaxed) else { return reply(.unavailable) }
        guard let conversation = directory.conversation(of: call) else {
            return archive.answer(command, to: call, from: origin, at: now(), metrics: metrics, reply: reply)
        }
        let input = PendingInput(
            .command(command, from: origin), newcomers: newcomers, endings: endings, reply: reply)
        shards[directory.shard(for: conversation)].submit(input, to: call)
    }

    /// A device has a socket again: calls that wait for it go on, and the completion gets every open call of its user.
    public func deviceConnected(_ origin: CallOrigin, openCalls: @escaping @Sendable ([CallView]) -> Void) {
        let answers = shards.map { $0.deviceReturned(origin) }
        EventLoopFuture.whenAllSucceed(answers, on: shards[0].loop).whenComplete { result in
            openCalls((try? result.get())?.flatMap(\.self).sorted { $0.call.startedAt < $1.call.startedAt } ?? [])
        }
    }

    /// The last socket of a device is gone: the calls that it is in give it time to come back.
    public func deviceLost(_ origin: CallOrigin) {
        for shard in shards { shard.deviceLost(origin) }
    }

    /// A user does not belong to a conversation any more: its calls take the user out, and take nobody for a member by what
    /// was looked up before. Called once that is on disk; does not block. What another node does to the members, or this
    /// one before it was ended, the calls learn when the lease is renewed.
    public func membershipEnded(_ user: UserID, in conversation: ConversationID) {
        let number = endings.add(1, ordering: .acquiringAndReleasing).newValue
        shards[directory.shard(for: conversation)].membershipEnded(
            MembershipEnding(user: user, conversation: conversation), number: number)
    }

    /// Devices of a user were logged out: what they are in goes on without them. Does not block.
    ///
    /// - Parameter isLast: Whether no device is left, so that nobody is there to answer, either.
    public func loggedOut(_ user: UserID, devices: [DeviceID], isLast: Bool) {
        for shard in shards { shard.loggedOut(user, devices, isLast: isLast) }
    }

    /// Takes no more commands, and gives the lease up. Calls stay open in the database and are taken up by another node,
    /// or by this one when it starts again.
    public func stop() async {
        isStopping.store(true, ordering: .relaxed)
        await node.stop()
    }

    /// Takes invites off what a user may send in a minute, and in a day.
    /// - Parameters:
    ///   - count: How many are rung.
    ///   - paid: How many of them are paid for already.
    /// - Returns: The answer when there are not so many left.
    private func takeInvites(_ count: Int, of user: UserID, paid: Int = 0) -> CallReply? {
        let present = now()
        // However many there are at once, a full bucket is enough.
        let cost = min(count, settings.invitesPerMinute) - paid
        if cost > 0 {
            let wait = inviteLimits.withLockedValue { $0.take(cost, user, settings.invitesPerMinute, now: present) }
            if let wait { return .limited(retryAfter: wait) }
        }
        guard count > paid else { return nil }
        return quotas.spend(.rings, count - paid, of: user).map { .usedUp(retryAfter: $0) }
    }

    /// Takes a command off what a user may give; what it returns, when it returns something, is how long to wait.
    private func takeCommand(_ kind: CallCommandLimits.Kind, of user: UserID) -> Instant.Span? {
        let present = now()
        let wait = commandLimits.withLockedValue { $0.take(kind, of: user, now: present) }
        if wait != nil { metrics.limitedCommands.add() }
        return wait
    }

    /// Where an invite calls whom.
    private func callees(
        of target: Invite.Target, for caller: UserID
    ) async throws(CallPeopleError) -> (
        conversation: ConversationID, mode: Call.Mode, users: [UserID], nominal: Set<UserID>
    ) {
        switch target {
        case .user(let user):
            return (try await people.directConversation(between: caller, and: user), .direct, [user], [])
        case .conversation(let id, ringing: let chosen):
            let (mode, members, nominal) = try await people.conversation(id, of: caller)
            let others = members.filter { $0 != caller }
            let isChosen = Set(chosen)
            guard isChosen.isSubset(of: others) else { throw .notFound }
            return (id, mode, isChosen.isEmpty ? others : others.filter(isChosen.contains), nominal)
        }
    }

    private func members(ofConversationOf call: CallID) async throws(CallPeopleError) -> Set<UserID> {
        guard let conversation = try await conversation(of: call) else { return [] }
        return try await people.members(of: conversation)
    }

    private func conversation(of call: CallID) async throws(CallPeopleError) -> ConversationID? {
        if let conversation = directory.conversation(of: call) { return conversation }
        do {
            return try await archive.conversation(of: call)
        } catch {
            throw .unavailable
        }
    }

    private func placedEarlier(_ invite: Invite, by caller: UserID) async throws(CallPeopleError) -> CallView? {
        let stored: CallView?
        do {
            stored = try await archive.call(placedBy: caller, as: invite.clientCallID)
        } catch {
            throw .unavailable
        }
        // An open call's owner knows more than what is stored, and answers for it.
        return stored?.call.isEnded == true ? stored : nil
    }
}

/// How often each user has called lately. Users whose bucket is full again are forgotten, so the table stays small.
private struct InviteLimits {
    private var buckets: [UserID: TokenBucket] = [:]
    private var forgetAt = 1024

    /// Takes invites; what it returns, when it returns something, is how long to wait.
    mutating func take(_ count: Int, _ user: UserID, _ perMinute: Int, now: Instant) -> Instant.Span? {
        if buckets.count >= forgetAt {
            buckets = buckets.filter { !$0.value.isFull(now: now) }
            forgetAt = max(1024, buckets.count * 2)
        }
        var bucket = buckets[user] ?? TokenBucket(perMinute, per: .seconds(60), now: now)
        let isTaken = bucket.take(count, now: now)
        buckets[user] = bucket
        return isTaken ? nil : bucket.wait(for: count, now: now)
    }
}

extension CalleePolicy {
    /// Whom to ring, when it is known whether the user is in a call now.
    func callee(isInCall: Bool, isMember: Bool = true) -> Callee {
        Callee(profile.id, isBusy: isInCall && !hasCallWaiting, isHidden: !isReachable, isMember: isMember)
    }
}

extension CallReply {
    init(_ error: CallPeopleError) {
        switch error {
        case .notFound: self = .refused(.notFound, nil)
        case .unavailable: self = .unavailable
        }
    }
}
