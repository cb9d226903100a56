import Logging
import NIOConcurrencyHelpers
import NIOCore
import Primitives
import SignalingCore
import Storage

/// This process among those that share the database: how it gets, keeps and loses calls.
///
/// It holds the lease and renews it every third of its duration. With each renewal it takes over the open calls that
/// have no owner, or whose owner's lease has expired; if two nodes try, the database lets one have a call. It also
/// adopts those of its own calls again that no shard has.
///
/// Times that nodes compare with each other are of the lease clock, which they share. How long this process holds its
/// own lease is measured by its own clock, from before it asked for the time: so it never holds it for longer than
/// others think.
final class Node: Sendable {
    /// How many calls are taken over at once.
    private static let adoptionPage = 500
    /// How long the row of a node that has gone is kept.
    private static let memory = Instant.Span.seconds(30 * 24 * 3600)

    private let lease: NodeLease
    private let database: any Database
    private let archive: CallArchive
    private let shards: [CallShard]
    private let openCalls: OpenCalls
    private let metrics: CallMetrics
    private let now: @Sendable () -> Instant
    private let leaseClock: CallService.LeaseClock
    private let logger: Logger
    private let state = NIOLockedValueBox(State())
    private let superseded = AsyncStream.makeStream(of: Void.self)

    private struct State {
        var nextRenewal: Scheduled<Void>?
        /// The latest renewal that has begun.
        var renewing: Task<CallOwner?, Never>?
        var isStopped = false
        /// When the process that ran as this node before was last alive.
        var ownLastSeen: Instant?
        /// Calls that this node has taken over, or may have, and that no shard has yet, with the last sign of life of
        /// their previous owner.
        var toAdopt: [CallID: Instant] = [:]
        /// Whether calls are being taken over, which may take longer than the time until the next renewal.
        var isTakingOver = false
        /// Leases that end later than any can, and since when, by this process's clock, they have not been renewed.
        var leasesAhead: [NodeID: (renewedAt: Instant, since: Instant)] = [:]
    }

    init(
        lease: NodeLease, database: any Database, archive: CallArchive, shards: [CallShard],
        openCalls: OpenCalls, metrics: CallMetrics, now: @escaping @Sendable () -> Instant,
        leaseClock: @escaping CallService.LeaseClock, logger: Logger
    ) {
        self.lease = lease
        self.database = database
        self.archive = archive
        self.shards = shards
        self.openCalls = openCalls
        self.metrics = metrics
        self.now = now
        self.leaseClock = leaseClock
        self.logger = logger
    }

    /// Begins a new epoch, adopts calls, and keeps doing so.
    ///
    /// - Returns: How many calls were adopted.
    func start() async throws(DatabaseError) -> Int {
        let before = try await database.query(.nodeByID, [.id(lease.node)]).first
        let lastSeen = try before?.instant("renewed_at")
        state.withLockedValue { $0.ownLastSeen = lastSeen }
        let began = now()
        let present = try await leaseClock()
        let start = CallOwner.beginning(of: lease.node, at: present, until: present + lease.duration)
        let owner = try CallOwner(lease.node, begunBy: await database.commit(start))
        lease.take(epoch: owner.epoch, until: began + lease.duration)
        for shard in shards { shard.leaseChanged() }
        metrics.leaseHeld.set(1)
        logger.info("a new epoch begins", metadata: ["node": "\(lease.node)", "epoch": "\(owner.epoch)"])
        // Adopting many calls must not cost the lease.
        state.withLockedValue { $0.isTakingOver = true }
        defer { state.withLockedValue { $0.isTakingOver = false } }
        scheduleRenewal()
        let count = try await adoptCalls()
        if let owner = lease.owner(at: now()) { try await findFormerMembers(owner) }
        await forgetNodes(before: present - Self.memory)
        return count
    }

    /// Whether calls may be written now.
    var holdsLease: Bool { lease.owner(at: now()) != nil }

    /// Deletes old rows of nodes, as each start may add one.
    private func forgetNodes(before moment: Instant) async {
        do throws(DatabaseError) {
            _ = try await database.commit(WriteUnit([Step(.forgetNodes, [.instant(moment)])]))
        } catch {
            logger.warning("gone nodes could not be deleted", metadata: ["error": "\(error)"])
        }
    }

    /// Gives the lease up, so that other nodes need not wait until it expires.
    func stop() async {
        let (next, renewing) = state.withLockedValue { state in
            state.isStopped = true
            return (state.nextRenewal.take(), state.renewing.take())
        }
        next?.cancel()
        superseded.continuation.finish()
        // Renewals do not wait for other writes: one under way could reach the database after the release.
        _ = await renewing?.value
        let owner = lease.giveUp()
        for shard in shards { await shard.leaseTaken() }
        metrics.leaseHeld.set(0)
        guard let owner else { return }
        do throws(DatabaseError) {
            let present = try await leaseClock()
            // Units keep their order: earlier commits reach the disk first.
            _ = try await database.commit(owner.renewal(at: present, until: present))
        } catch {
            logger.warning(
                "the lease was not released and has to expire",
                metadata: ["node": "\(owner.node)", "error": "\(error)"])
        }
    }

    /// Returns when a later epoch of this node has begun, so that this process has to end.
    ///
    /// - Returns: True in that case; false when the node was stopped or the task cancelled.
    func isSuperseded() async -> Bool {
        for await _ in superseded.stream { return true }
        return false
    }

    // MARK: The lease

    private func scheduleRenewal() {
        let third = TimeAmount.microseconds(lease.duration.microseconds / 3)
        state.withLockedValue { state in
            guard !state.isStopped else { return }
            // A service without references stops; its lease expires.
            state.nextRenewal = shards[0].loop.scheduleTask(in: third) { [weak self] in self?.beginRenewal() }
        }
    }

    private func beginRenewal() {
        state.withLockedValue { state in
            guard !state.isStopped else { return }
            let renewing = Task { [weak self] in await self?.renewLease() }
            state.renewing = renewing
            Task { [weak self] in
                let owner = await renewing.value
                self?.scheduleRenewal()
                if let owner { await self?.takeOverCalls(owner) }
            }
        }
    }

    /// Renews the lease, and takes over calls that have lost their owner.
    func renew() async {
        if let owner = await renewLease() { await takeOverCalls(owner) }
    }

    /// Renews the lease. It does not wait for other writes: a slow message insert must not cost the node its calls.
    ///
    /// - Returns: The owner that has it; nil when it was not renewed.
    private func renewLease() async -> CallOwner? {
        guard let owner = lease.renewable else { return nil }
        let began = now()
        do throws(DatabaseError) {
            let present = try await leaseClock()
            _ = try await database.commitApart(owner.renewal(at: present, until: present + lease.duration))
            let hasRunOut = lease.owner(at: now()) == nil
            if hasRunOut { try await letGoOfLostCalls(owner) }
            lease.extend(until: began + lease.duration)
            for shard in shards { shard.leaseChanged() }
            metrics.leaseHeld.set(1)
            if hasRunOut {
                logger.notice("the lease is renewed after it had expired", metadata: ["node": "\(owner.node)"])
            }
        } catch  where error.code == .expectationFailed(step: 0) {
            await supersede(owner)
            return nil
        } catch {
            renewalFailed(error)
            return nil
        }
        return owner
    }

    private func takeOverCalls(_ owner: CallOwner) async {
        let isUnderWay = state.withLockedValue { state in
            defer { state.isTakingOver = true }
            return state.isTakingOver
        }
        guard !isUnderWay else { return }
        defer { state.withLockedValue { $0.isTakingOver = false } }
        do throws(DatabaseError) {
            try await findMissingCalls(owner)
            try await endLeasesAhead()
            let count = try await adoptCalls()
            if count > 0 { logger.notice("took over open calls", metadata: ["calls": "\(count)"]) }
            try await findFormerMembers(owner)
        } catch {
            logger.warning("calls could not be taken over", metadata: ["error": "\(error)"])
        }
    }

    private func renewalFailed(_ error: DatabaseError) {
        metrics.failedRenewals.add()
        let isHeld = lease.owner(at: now()) != nil
        metrics.leaseHeld.set(isHeld ? 1 : 0)
        logger.warning(
            isHeld ? "the lease was not renewed" : "the lease has expired: calls have to wait",
            metadata: ["node": "\(lease.node)", "error": "\(error)"])
    }

    private func supersede(_ owner: CallOwner) async {
        logger.error(
            "this node was started again elsewhere: its calls are let go",
            metadata: ["node": "\(owner.node)", "epoch": "\(owner.epoch)"])
        lease.supersede()
        metrics.leaseHeld.set(0)
        for shard in shards {
            await shard.leaseTaken()
            await shard.taken(.superseded)
        }
        superseded.continuation.yield()
    }

    /// Lets go of calls that other nodes have taken over while the lease had expired. While it has, nothing is sent to
    /// the database, so the answer covers what was settled before the question.
    private func letGoOfLostCalls(_ owner: CallOwner) async throws(DatabaseError) {
        var held: [(shard: CallShard, calls: [CallID])] = []
        for shard in shards {
            held.append((shard, await shard.settledCalls()))
        }
        let own = Set(try await archive.openCalls(of: owner).map(\.call.id))
        for (shard, calls) in held {
            await shard.taken(.takenOver(calls.filter { !own.contains($0) }))
        }
    }

    // MARK: Adoption

    /// Takes over every open call that was this node's, is nobody's, or is of a node that is gone.
    private func adoptCalls() async throws(DatabaseError) -> Int {
        var count = 0
        while let owner = lease.owner(at: now()) {
            let present = try await leaseClock()
            let page = try await archive.adoptableCalls(owner, at: present, limit: Self.adoptionPage)
            state.withLockedValue { state in
                for call in page {
                    let lastSeen = call.owner == owner.node ? state.ownLastSeen : call.ownerLastSeen
                    // For a call without an owner only what is stored is known.
                    state.toAdopt[call.id] = lastSeen ?? Instant(microseconds: 0)
                }
            }
            let taken = try await takeOver(page.map(\.id), owner, at: present)
            count += try await handToShards(owner)
            if page.count < Self.adoptionPage || taken == 0 { break }
        }
        return count
    }

    /// Ends leases that were taken before the lease clock was set back, and that nobody has renewed for a lease's
    /// duration: their nodes are gone, and the calls would wait until the clock is where it was.
    private func endLeasesAhead() async throws(DatabaseError) {
        let (present, moment) = (try await leaseClock(), now())
        var ahead: [NodeID: (renewedAt: Instant, since: Instant)] = [:]
        let known = state.withLockedValue { $0.leasesAhead }
        for row in try await database.query(.leasesAhead, [.id(lease.node), .instant(present + lease.duration)]) {
            let (node, renewedAt): (NodeID, Instant) = (try row.id("id"), try row.instant("renewed_at"))
            let since = known[node].flatMap { $0.renewedAt == renewedAt ? $0.since : nil } ?? moment
            ahead[node] = (renewedAt, since)
            guard moment - since > lease.duration else { continue }
            let values: [SQLValue] = [.id(node), .instant(renewedAt), .instant(present)]
            _ = try await database.commit(WriteUnit([Step(.endLeaseAhead, values)]))
            logger.notice("a lease from before the clock was set back is ended", metadata: ["node": "\(node)"])
        }
        let found = ahead
        state.withLockedValue { $0.leasesAhead = found }
    }

    /// Finds open calls that are this node's own and that no shard has. A commit of unknown outcome can take effect
    /// after its outcome was looked up; the shard has then let go of the call, or never had it.
    private func findMissingCalls(_ owner: CallOwner) async throws(DatabaseError) {
        let present = now()
        for call in try await archive.openCallIDs(of: owner) where openCalls.conversation(of: call) == nil {
            do throws(DatabaseError) {
                _ = try await database.commit(owner.readoption(of: call))
            } catch  where error.code == .expectationFailed(step: 0) {
                // It has ended since.
                continue
            }
            logger.notice("a call of this node was missing and is adopted again", metadata: ["call": "\(call)"])
            state.withLockedValue { $0.toAdopt[call] = present }
        }
    }

    /// Finds people whom a call records as members of its conversation and who no longer are: another node has removed
    /// them, or this one ended before their call was told.
    private func findFormerMembers(_ owner: CallOwner) async throws(DatabaseError) {
        for former in try await archive.formerMembers(of: owner) {
            let ending = MembershipEnding(user: former.user, conversation: former.conversation)
            shards[openCalls.shard(for: former.conversation)].take(.membershipEnded(ending, number: nil))
        }
    }

    /// Writes this node into the calls as their owner, one unit for each call.
    ///
    /// - Returns: How many calls it got.
    private func takeOver(_ calls: [CallID], _ owner: CallOwner, at present: Instant) async throws(DatabaseError) -> Int
    {
        let database = database
        let outcomes = await withTaskGroup(of: (CallID, DatabaseError?).self) { group in
            for call in calls {
                group.addTask {
                    do throws(DatabaseError) {
                        _ = try await database.commit(owner.adoption(of: call, at: present))
                        return (call, nil)
                    } catch {
                        return (call, error)
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        var failure: DatabaseError?
        var taken = 0
        for (call, error) in outcomes {
            switch error?.code {
            case nil: taken += 1
            case .outcomeUnknown:
                // If it was carried out, the call is found among this node's own.
                failure = error
            case .expectationFailed: state.withLockedValue { $0.toAdopt[call] = nil }
            case .unavailable, .constraint, .invalid:
                state.withLockedValue { $0.toAdopt[call] = nil }
                failure = error
            }
        }
        if taken == 0, let failure { throw failure }
        return taken
    }

    /// Reads what this node has taken over, now that nobody else can change it, and gives it to the shards.
    private func handToShards(_ owner: CallOwner) async throws(DatabaseError) -> Int {
        let toAdopt = state.withLockedValue { $0.toAdopt }
        guard !toAdopt.isEmpty else { return 0 }
        let stored = try await archive.openCalls(of: owner)
        var found: Set<CallID> = []
        var count = 0
        for view in stored {
            guard let lastSeen = toAdopt[view.call.id] else { continue }
            found.insert(view.call.id)
            let shard = shards[openCalls.shard(for: view.call.conversation)]
            guard await shard.adopt(view, lastSeen: lastSeen) else { continue }
            count += 1
            state.withLockedValue { $0.toAdopt[view.call.id] = nil }
        }
        state.withLockedValue { state in
            // A take-over of unknown outcome that was not carried out.
            for call in toAdopt.keys where !found.contains(call) { state.toAdopt[call] = nil }
        }
        metrics.adopted.add(count)
        return count
    }
}
