public import Logging
public import NIOCore
public import Primitives
public import SignalingCore
public import Storage
import Synchronization

/// Owns every open call: passes commands to the calls they name, commits the results, answers and sends events.
///
/// Each call lives on one shard, and each shard on one event loop, so nothing here locks a call. Commands from one
/// thread keep their order.
public final class CallService: Sendable {
    /// The service's settings, fixed at the start.
    public struct Settings: Sendable {
        /// How long calls wait for things, and what is allowed in them.
        public var rules = CallRules()
        /// How many people a user may ring in a minute.
        public var invitesPerMinute = 30
        /// How much one user may have stored in a day.
        public var quotas = QuotaLimits()
        /// Identifies this server among those that share the database, also after a restart; a new id when nil.
        public var node: NodeID?
        /// How long other nodes wait for a sign of life before they take over its calls; at least a millisecond.
        public var lease = Instant.Span.seconds(10)

        /// A server's default settings.
        public init() {}
    }

    /// The current time by the clock with which the nodes compare their leases. Reading it may take a while.
    public typealias LeaseClock = @Sendable () async throws(DatabaseError) -> Instant

    /// What the service counts.
    public let metrics = CallMetrics()

    private let shards: [CallShard]
    private let openCalls: OpenCalls
    private let events: any CallEvents
    let archive: CallArchive
    let now: @Sendable () -> Instant
    private let node: Node
    private let requests: CallRequests
    private let isStopping = Atomic(false)
    /// Counts the memberships that have ended: a look-up from before the latest ending may be out of date.
    private let endings = Atomic<UInt64>(0)

    /// Makes a service without calls; `start()` must be called before the first command.
    ///
    /// - Parameters:
    ///   - database: Where calls are durable.
    ///   - events: Who delivers events to devices.
    ///   - presence: Who knows which devices have a socket.
    ///   - people: Who knows users and their conversations.
    ///   - recorders: Who writes something of its own with each change.
    ///   - loops: One shard is made for each loop.
    ///   - now: The current time, by a clock that never jumps and is near the wall clock: deadlines outlive the
    ///     process.
    ///   - leaseClock: The current time, by a clock that all nodes share; `now` when nil.
    public init(
        database: any Database, events: any CallEvents, presence: any DevicePresence, people: any CallPeople,
        recorders: [any CallRecorder] = [], loops: [any EventLoop], settings: Settings,
        now: @escaping @Sendable () -> Instant, leaseClock: LeaseClock? = nil, logger: Logger
    ) {
        let openCalls = OpenCalls(shardCount: loops.count)
        let archive = CallArchive(database: database, rules: settings.rules, logger: logger)
        self.openCalls = openCalls
        self.events = events
        self.archive = archive
        self.now = now
        let metrics = metrics
        requests = CallRequests(
            people: people, presence: presence, openCalls: openCalls, archive: archive, metrics: metrics,
            invitesPerMinute: settings.invitesPerMinute,
            quotas: DailyQuotas(database: database, limits: settings.quotas, now: now), now: now)
        let lease = NodeLease(node: settings.node ?? .random(at: now()), duration: settings.lease)
        let shards = loops.map { loop in
            CallShard(
                loop: loop,
                dependencies: .init(
                    database: database, archive: archive, lease: lease, openCalls: openCalls, events: events,
                    presence: presence, recorders: recorders, rules: settings.rules, metrics: metrics, now: now,
                    logger: logger))
        }
        self.shards = shards
        node = Node(
            lease: lease, database: database, archive: archive, shards: shards, openCalls: openCalls,
            metrics: metrics, now: now, leaseClock: leaseClock ?? Self.leaseClock(by: now), logger: logger)
    }

    private static func leaseClock(by now: @escaping @Sendable () -> Instant) -> LeaseClock {
        @Sendable func clock() async throws(DatabaseError) -> Instant { now() }
        return clock
    }

    /// Takes the node's lease, and adopts every open call that is this node's own, nobody's, or of a node whose lease
    /// has expired. What came due while no server ran is carried out with the time at which it was due. From then on,
    /// until `stop()`, the lease is renewed and calls that lose their owner are adopted.
    ///
    /// - Returns: How many calls were adopted.
    @discardableResult
    public func start() async throws(DatabaseError) -> Int {
        try await node.start()
    }

    /// Returns when another process was started as this node, so that this one has to end.
    ///
    /// - Returns: True in that case; false when the service was stopped or the task cancelled.
    public func isSuperseded() async -> Bool {
        await node.isSuperseded()
    }

    /// Whether this server may answer for its calls. If not, commands fail as unavailable, and calls wait.
    public var holdsLease: Bool { node.holdsLease }

    /// Renews the lease now, as also happens automatically every third of its duration.
    func renewLease() async {
        await node.renew()
    }

    /// Passes a request to the call that it names, or places a call. The answer goes to `replyTo`.
    ///
    /// - Parameter sender: The user whose device asks.
    public func submit(_ request: CallRequest, from sender: Profile, replyTo: ReplyTo) {
        if isStopping.load(ordering: .relaxed) { return events.reply(.unavailable, to: replyTo) }
        if let refusal = requests.refusal(of: request, by: sender.id) { return events.reply(refusal, to: replyTo) }
        if let command = requests.complete(request, from: sender.id) {
            return hand(.command(command.command, command.call, .init(replyTo)))
        }
        let endings = endings.load(ordering: .acquiring)
        Task {
            do throws(CallRequests.Refusal) {
                hand(try await requests.complete(request, from: sender, replyTo: replyTo, endings: endings))
            } catch {
                events.reply(error.reply, to: replyTo)
            }
        }
    }

    /// Passes a complete request to the right shard. A call that is not open belongs to none: any shard has it answered
    /// from the archive.
    private func hand(_ input: CallTable.Input) {
        let conversation: ConversationID? =
            switch input {
            case .invite(let invitation, _): invitation.conversation
            case .command(_, let id, _): openCalls.conversation(of: id)
            default: nil
            }
        shards[conversation.map(openCalls.shard) ?? 0].take(input)
    }

    /// A device has a socket again: calls that wait for it continue. The completion gets every open call of its user.
    public func deviceConnected(_ origin: CallOrigin, openCalls: @escaping @Sendable ([CallView]) -> Void) {
        let answers = shards.map { $0.deviceReturned(origin) }
        EventLoopFuture.whenAllSucceed(answers, on: shards[0].loop).whenComplete { result in
            openCalls((try? result.get())?.flatMap(\.self).sorted { $0.call.startedAt < $1.call.startedAt } ?? [])
        }
    }

    /// The last socket of a device is gone: its calls give it time to come back.
    public func deviceLost(_ origin: CallOrigin) {
        for shard in shards { shard.take(.deviceLost(origin)) }
    }

    /// A user no longer belongs to a conversation: its calls take the user out, and ignore memberships that were looked
    /// up before. Called once that is on disk; does not block. If another node changes the members, or this one ended
    /// before its calls were told, the calls find out when the lease is renewed.
    public func membershipEnded(_ user: UserID, in conversation: ConversationID) {
        let number = endings.add(1, ordering: .acquiringAndReleasing).newValue
        let ending = MembershipEnding(user: user, conversation: conversation)
        shards[openCalls.shard(for: conversation)].take(.membershipEnded(ending, number: number))
    }

    /// Devices of a user were logged out: their calls go on without them. Does not block.
    ///
    /// - Parameter isLast: Whether no device is left, so that nobody is left to answer, either.
    public func loggedOut(_ user: UserID, devices: [DeviceID], isLast: Bool) {
        for shard in shards { shard.take(.loggedOut(user, devices, isLast: isLast)) }
    }

    /// Accepts no more commands, and gives the lease up. Calls stay open in the database and are adopted by another
    /// node, or by this one when it starts again.
    public func stop() async {
        isStopping.store(true, ordering: .relaxed)
        await node.stop()
    }
}
