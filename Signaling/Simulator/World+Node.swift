import Primitives
import SignalingCore

// The lives of the nodes: leases, calls that are taken over, crashes, suspended processes. The rules are those of the
// service's `Node`.
extension World {
    /// How long a lease lasts without being renewed. Once nothing fails any more it need not be renewed.
    private var leaseDuration: Instant.Span { isCalm && areAllCallsOwned ? .seconds(48 * 3600) : .seconds(12) }
    private static let third = Instant.Span.seconds(4)

    static func nodeID(_ node: Int) -> NodeID { NodeID(high: 0x10DE, low: UInt64(node) + 1) }

    /// Whether there is nothing to take over, now or later.
    private var areAllCallsOwned: Bool {
        guard unitsToCome == 0, servers.allSatisfy({ !$0.isPaused }), nodesToStart == 0 else { return false }
        return database.calls.indices.allSatisfy { index in
            guard database.calls[index].isOpen else { return true }
            let stored = database.calls[index]
            guard let owner = servers.first(where: { $0.isUp && $0.owner == stored.owner }),
                let open = owner.table.inspect(stored.id)
            else { return false }
            // The call of a commit of unknown outcome may be let go.
            if open.isUncertain { return false }
            return !stored.isOutOfSight || open.storedRevision == stored.revision
        }
    }

    // MARK: Beginning

    func start(_ node: Int) {
        // A server that can't read the database when it starts waits for it.
        guard isReadable else { return queue.put(.starts(node: node), at: now + .seconds(1)) }
        nodesToStart -= 1
        let server = ModelServer(
            number: servers.count, node: node, clockError: clockError(), rules: schedule.rules)
        servers.append(server)
        if !self.server.isUp { front = server.number }
        server.ownLastSeen = database.node(World.nodeID(node))?.renewedAt
        let owner = database.takeLease(World.nodeID(node), at: now, until: now + leaseDuration)
        server.owner = owner
        server.knowsMembers = false
        note("server \(server.number) starts as node \(node), its clock is off by \(server.clockError)")
        hold(owner, until: clockTime(of: server) + leaseDuration, server)
        takeOver(server)
        renewLater(server)
    }

    /// How far off a process's clock is: usually little.
    private func clockError() -> Instant.Span {
        switch random.below(8) {
        case 0: .init(microseconds: random.microseconds(upTo: 7_200_000_000) - 3_600_000_000)
        case 1: .init(microseconds: random.microseconds(upTo: 120_000_000) - 60_000_000)
        case 2, 3: .init(microseconds: random.microseconds(upTo: 20_000) - 10_000)
        default: .milliseconds(0)
        }
    }

    // MARK: The lease

    private func hold(_ owner: CallOwner, until: Instant, _ server: ModelServer) {
        server.lease = Lease(holder: owner, until: until)
        give(.lease(server.lease), to: server)
    }

    private func renewLater(_ server: ModelServer) {
        if isCalm, areAllCallsOwned, server.lease.until - clockTime(of: server) > .seconds(24 * 3600) { return }
        queue.put(.renews(server: server.number), at: now + World.third)
    }

    func renew(_ server: ModelServer) {
        guard server.lease.holder != nil else { return }
        let slowness = random.isOne(in: 20) && !isCalm ? 8_000_000 : 2_000
        let asked = Renewal(server: server.number, began: clockTime(of: server), present: now, duration: leaseDuration)
        queue.put(
            .renewalIsCarriedOut(asked), at: now + .init(microseconds: random.microseconds(upTo: slowness)))
    }

    func carryOut(_ asked: Renewal) {
        var renewal = asked
        guard let owner = servers[asked.server].lease.holder else { return }
        if !isCalm, now < unrenewableUntil || !isReadable {
            renewal.outcome = .failed
        } else if database.renewLease(of: owner, at: asked.present, until: asked.present + asked.duration) {
            renewal.outcome = .renewed
        } else {
            renewal.outcome = .superseded
        }
        queue.put(.renewalIsAnswered(renewal), at: now + .init(microseconds: random.microseconds(upTo: 2_000)))
    }

    func renewalIsAnswered(_ renewal: Renewal) {
        let server = servers[renewal.server]
        guard server.isUp, let owner = server.lease.holder else { return }
        switch renewal.outcome {
        case .failed: break
        case .superseded:
            note("server \(server.number) learns that its node was started again")
            server.lease = .none
            give(.lease(.none), to: server)
            give(.superseded, to: server)
            return queue.put(.ends(server: server.number), at: now + .milliseconds(100))
        case .renewed:
            let hasRunOut = server.lease.owner(at: clockTime(of: server)) == nil
            if hasRunOut {
                guard isReadable else { break }
                letGoOfLostCalls(owner, server)
            }
            hold(owner, until: renewal.began + renewal.duration, server)
            takeOver(server)
        }
        renewLater(server)
    }

    /// Lets go of calls that other nodes have taken over while the lease had expired.
    private func letGoOfLostCalls(_ owner: CallOwner, _ server: ModelServer) {
        let held = server.table.settledCalls
        let lost = held.filter { id in database.call(id).map { !$0.isOpen || $0.owner != owner } ?? true }
        note("server \(server.number) renews its lease, which had run out, and has lost \(lost.map(\.low))")
        give(.takenOver(lost), to: server)
    }

    // MARK: Taking over

    /// Makes a node the owner of the calls that it may have: its own that nobody has, and those of nodes that are gone.
    private func takeOver(_ server: ModelServer) {
        guard let owner = server.lease.owner(at: clockTime(of: server)), server.isUp, isReadable else { return }
        database.compareCallsToAdopt(by: owner, at: now)
        for index in database.calls.indices where database.calls[index].isOpen {
            let stored = database.calls[index]
            if stored.owner == owner {
                if server.openCalls[stored.id] != nil || server.toAdopt.contains(where: { $0.id == stored.id }) {
                    continue
                }
                database.adopt(stored.id, by: owner, at: now)
                server.toAdopt.append((stored.id, clockTime(of: server)))
            } else if database.mayAdopt(stored, owner, at: now) {
                let lastSeen =
                    stored.owner.node == owner.node ? server.ownLastSeen : database.node(stored.owner.node)?.renewedAt
                database.adopt(stored.id, by: owner, at: now)
                server.toAdopt.append((stored.id, lastSeen ?? Instant(microseconds: 0)))
                checkOwners(of: database.calls[index])
            }
        }
        if server.toAdopt.isEmpty { return findFormerMembers(owner, server) }
        queue.put(.handsOver(server: server.number), at: now + .init(microseconds: random.microseconds(upTo: 2_000)))
    }

    /// Reads what a node has taken over, now that nobody else can change it, and gives it to its table.
    func handOver(_ server: ModelServer) {
        guard isReadable, server.isUp, let owner = server.lease.owner(at: clockTime(of: server)) else { return }
        database.compareOpenCalls(of: owner)
        let toAdopt = server.toAdopt
        server.toAdopt = []
        for (id, lastSeen) in toAdopt {
            guard let stored = database.call(id), stored.isOpen, stored.owner == owner else { continue }
            guard server.table.mayAdopt(id) else {
                server.toAdopt.append((id, lastSeen))
                continue
            }
            adopt(stored, lastSeen, server)
        }
        findFormerMembers(owner, server)
    }

    private func adopt(_ stored: ModelDatabase.StoredCall, _ lastSeen: Instant, _ server: ModelServer) {
        let view = stored.view(rules: schedule.rules)
        if let told = newestTold[stored.id], stored.revision <= told {
            fail(.revisionsNeverGoBack, "\(Describe.call(view.call)) is at \(stored.revision), and \(told) was told")
        }
        var reference = stored.reference
        reference.restart(at: clockTime(of: server), lastSeen: lastSeen, &coverage)
        server.lost.remove(stored.id)
        server.knowsMembers = false
        server.followed.removeAll { $0.id == stored.id }
        server.followed.append(.init(view.call, reference, isPlaced: true, isFresh: true))
        let present = view.call.participants.flatMap { participant in
            World.devices(of: participant.user).filter { server.sessions[$0] != nil }.map(World.origin(of:))
        }
        give(.adopted(view, lastSeen: lastSeen, present: present), to: server)
        for origin in present { checkWelcome(of: World.device(origin.device), stored.id, server) }
    }

    /// Finds people whom a call records as members of its conversation and who no longer are.
    private func findFormerMembers(_ owner: CallOwner, _ server: ModelServer) {
        for index in database.calls.indices where database.calls[index].isOpen {
            let stored = database.calls[index]
            guard stored.owner == owner, stored.conversation == ModelServer.group else { continue }
            for participant in stored.participants
            where participant.standing == .member && !members.contains(participant.user) {
                let ending = MembershipEnding(user: participant.user, conversation: stored.conversation)
                give(.membershipEnded(ending, number: nil), to: server)
            }
        }
        if server.toAdopt.isEmpty { server.knowsMembers = true }
    }

    // MARK: Ending

    /// Kills a server. Commits in flight reach the disk or not; everything else is lost.
    func crash(_ server: ModelServer) {
        guard server.isUp else { return }
        note("server \(server.number) dies")
        server.isUp = false
        server.isPaused = false
        server.putOff = []
        for index in units.indices where units[index].server == server.number && units[index].outcome == nil {
            switch random.below(3) {
            case 0: units[index].outcome = store(index)
            case 1: units[index].outcome = .unavailable
            // It is carried out later, or finds that the next owner was faster.
            default: break
            }
        }
        cutAllConnections(of: server)
        let seconds = random.pick([0, 0, 0, 1, 10, 40, 100])
        startLater(server.node, after: .init(microseconds: 50_000 + random.microseconds(upTo: seconds * 1_000_000)))
    }

    /// A process ends by itself when a later one runs as its node.
    func end(_ server: ModelServer) {
        server.isUp = false
        cutAllConnections(of: server)
        guard front == server.number else { return }
        if let other = servers.last(where: { $0.isUp && $0.lease.holder != nil }) { front = other.number }
    }

    private func startLater(_ node: Int, after pause: Instant.Span) {
        nodesToStart += 1
        queue.put(.starts(node: node), at: now + pause)
    }

    /// Suspends a process: its events are postponed.
    func pause(_ server: ModelServer, for span: Instant.Span) {
        guard server.isUp, !server.isPaused else { return }
        note("server \(server.number) stands still")
        server.isPaused = true
        queue.put(.goesOn(server: server.number), at: now + span)
    }

    func drain(_ server: ModelServer) {
        guard server.isPaused else { return }
        note("server \(server.number) goes on")
        server.isPaused = false
        for event in server.putOff { queue.put(event, at: now) }
        server.putOff = []
    }

    /// From now on clients connect to the other node.
    func failOver() {
        let old = server
        let node = 1 - old.node
        note("clients turn to node \(node)")
        for (index, connection) in connections.enumerated()
        where connection.server == old.number && (connection.isOpenAtClient || connection.isOpenAtServer) {
            let notice = now + .init(microseconds: random.microseconds(upTo: 2_000_000))
            queue.put(.clientNoticesLoss(connection: index), at: notice)
            queue.put(.serverNoticesLoss(connection: index), at: notice + .milliseconds(1))
        }
        if let running = servers.last(where: { $0.node == node && $0.isUp && $0.lease.holder != nil }) {
            front = running.number
        } else {
            nodesToStart += 1
            start(node)
            if let started = servers.last, started.node == node, started.isUp { front = started.number }
        }
    }

    /// Starts the node that clients connect to a second time: an earlier process of it may still be running.
    func startAgain() {
        let node = server.node
        let old = server
        nodesToStart += 1
        start(node)
        guard let started = servers.last, started !== old, started.node == node else { return }
        front = started.number
        cutAllConnections(of: old)
    }
}

/// A renewal of a lease in flight.
struct Renewal {
    enum Outcome {
        case renewed
        case superseded
        case failed
    }

    let server: Int
    /// When it was requested, by the clock of the process.
    let began: Instant
    /// The same by the lease clock.
    let present: Instant
    let duration: Instant.Span
    var outcome = Outcome.failed
}
