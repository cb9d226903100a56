import Primitives
import SignalingCore

// Invariants of the owner of calls.
extension World {
    /// The state of the call of an input, before the input.
    struct Standing {
        let id: CallID?
        let open: Open?
        /// Whether the table holds a lease, as far as it has been told.
        let mayWrite: Bool

        /// What is of interest of an open call. To keep the call itself would make the table copy it on its next change.
        struct Open {
            let storedRevision: Int64
            let isSettled: Bool
            let isUncertain: Bool
            let isDueUnderWay: Bool
            let isResting: Bool
            let waitingCount: Int
            /// The inputs that wait; empty when they are so many that to compare them each time would take too long.
            let waiting: [CallInput]
        }

        init(of input: CallTable.Input, _ server: ModelServer, at clock: Instant) {
            id = input.call ?? server.openCall(of: input)
            open = id.flatMap { server.table.inspect($0) }.map(Open.init)
            mayWrite = server.lastLease.owner(at: clock) != nil
        }
    }

    /// A command that the table has to answer, once.
    func noteAsked(_ input: CallTable.Input, _ server: ModelServer) {
        switch input {
        case .invite(_, let asked), .command(_, _, let asked): server.unanswered[asked.replyTo, default: 0] += 1
        default: break
        }
    }

    /// An outcome that the table has waited for.
    func noteAnswered(_ input: CallTable.Input, _ server: ModelServer) {
        switch input {
        case .committed(let commit, let id, let outcome):
            guard let followed = server.followedCall(id), followed.underWay == commit else { return }
            if outcome == .unknown { return }
            followed.underWay = nil
            if outcome != .stored { followed.failedAt = clock }
        case .lookedUp(let commit, let id, let found):
            guard let followed = server.followedCall(id), followed.underWay == commit, found != .failed else { return }
            followed.underWay = nil
            if case .found(let revision, owner: _) = found, revision == followed.turn?.transition.call.revision {
                return
            }
            followed.failedAt = clock
        case .rested(let id): server.followedCall(id)?.isResting = false
        default: break
        }
    }

    /// A call gets an input only when no commit of it is in flight, and no sooner than it may.
    func checkMayBeGivenInput(_ followed: ModelServer.Followed, _ call: Call, _ cause: CallTable.Input) {
        if followed.underWay != nil { fail(.inputsWaitTheirTurn, "a commit is under way: \(Describe.call(call))") }
        if followed.isResting { fail(.inputsWaitTheirTurn, "it rests: \(Describe.call(call))") }
        if call != followed.call {
            fail(.changesOnlyOwnedCalls, "\(Describe.call(call)) is moved on, and not what it was")
        }
        guard cause == .timePassed, let failedAt = followed.failedAt, let due = call.nextDeadline else { return }
        if due <= failedAt, clock < failedAt + CallTable.retryDelay {
            fail(.retriesSoon, "too soon: \(Describe.call(call))")
        }
    }

    /// A stored change takes effect when the database has confirmed it, or a look-up has found it, and not before.
    func checkIsStored(_ turn: ModelServer.Turn, _ input: CallTable.Input, _ server: ModelServer) {
        guard !turn.transition.changes.isEmpty else { return }
        let call = turn.transition.call
        switch input {
        case .committed(let commit, call.id, .stored) where commit == turn.commit: break
        case .lookedUp(let commit, call.id, .found(revision: call.revision, owner: server.lease.holder))
        where commit == turn.commit: break
        default: fail(.nothingHappensBeforeItIsStored, "\(Describe.call(call))")
        }
    }

    // MARK: After each input

    func checkStep(
        _ input: CallTable.Input, _ before: Standing, _ steps: [CallTable.Step], _ server: ModelServer, from mark: Int
    ) {
        var told: [CallID] = []
        var isClosed = false
        for output in server.outputs[mark...] {
            switch output {
            case .commit(_, let change, over: _, by: let owner):
                if server.lease.owner(at: clock) != owner {
                    fail(.writesOnlyByItsLease, "\(Describe.call(change.transition.call)) goes to disk")
                }
            case .reply(let replyTo, let reply):
                checkReply(reply, replyTo, input, server)
                guard let call = reply.call else { continue }
                if told.contains(call.id) { fail(.answersFirst, "events come first: \(Describe.call(call))") }
                checkIsKnown(call, server)
            case .deliver(_, let view, _):
                if told.last != view.call.id { checkPeople(of: view) }
                told.append(view.call.id)
                checkIsKnown(view.call, server)
            case .answerFromArchive(_, _, let replyTo), .answerRepeatedInvite(by: _, as: _, let replyTo):
                checkIsAsked(replyTo, server)
            case .rest(let id): noteRest(of: id, server)
            case .closed: isClosed = true
            case .foundStored, .lookUp, .recheck, .resync, .feignRinging, .letGo, .drain, .opened, .connection: break
            }
        }
        checkOrder(before, steps, server)
        switch input {
        case .timePassed:
            checkOwed(steps, server)
            if let due = server.table.nextWake, due <= clock {
                fail(.wakesWhenItIsTime, "what was due at \(Describe.time(due)) is left")
            }
        case .superseded:
            if !server.table.settledCalls.isEmpty { fail(.oneOwner, "a process that was superseded keeps its calls") }
        default: break
        }
        note(input, before, steps, server, from: mark)
        if isClosed { server.followed.removeAll { !server.table.holds($0.id) } }
    }

    /// A resting call is not told to rest again, since the end of a rest continues with a waiting input.
    private func noteRest(of id: CallID, _ server: ModelServer) {
        guard let followed = server.followedCall(id) else { return }
        if followed.isResting { fail(.inputsWaitTheirTurn, "it rests twice: \(Describe.call(followed.call))") }
        followed.isResting = true
    }

    private func checkReply(
        _ reply: CallReply, _ replyTo: ReplyTo, _ input: CallTable.Input, _ server: ModelServer
    ) {
        checkIsAsked(replyTo, server)
        guard case .done(let view) = reply else { return }
        checkPeople(of: view)
        if case .committed(_, _, .stored) = input { return }
        if server.lease.owner(at: clock) == nil {
            fail(.writesOnlyByItsLease, "a command is done, and the lease has run out: \(Describe.call(view.call))")
        }
    }

    /// Each command is answered once.
    private func checkIsAsked(_ replyTo: ReplyTo, _ server: ModelServer) {
        guard let count = server.unanswered[replyTo] else {
            return fail(.everyCommandIsAnswered, "frame \(replyTo.request) is answered twice")
        }
        server.unanswered[replyTo] = count == 1 ? nil : count - 1
    }

    /// Nobody is told of a change that has not taken effect.
    private func checkIsKnown(_ call: Call, _ server: ModelServer) {
        guard let followed = server.followedCall(call.id), followed.isPlaced, followed.call.revision >= call.revision
        else {
            return fail(.nothingHappensBeforeItIsStored, "\(Describe.call(call)) is told")
        }
    }

    private func checkPeople(of view: CallView) {
        if let stranger = view.call.participants.first(where: { view.people[$0.user]?.id != $0.user }) {
            fail(.everybodyHasAName, "\(Describe.user(stranger.user)) has none: \(Describe.call(view.call))")
        }
    }

    /// Waiting inputs keep their order: at most one is handled, the first; new ones go to the end.
    private func checkOrder(_ before: Standing, _ steps: [CallTable.Step], _ server: ModelServer) {
        guard let id = before.id, let waited = before.open?.waiting, !waited.isEmpty,
            let waiting = server.table.inspect(id)?.waiting
        else { return }
        if waiting.starts(with: waited) || waiting.starts(with: waited.dropFirst()) { return }
        fail(.inputsWaitTheirTurn, "what waits for call \(id.low) has another order")
    }

    // MARK: When all effects of an input are done

    func checkDrained(_ server: ModelServer) {
        if server.openCalls.count != server.table.count || server.followed.count != server.table.count {
            fail(.openCallsAreKnown, "\(server.openCalls.count) calls are said to be open, \(server.table.count) are")
        }
        let wake = server.table.nextWake ?? Instant(microseconds: .max)
        for followed in server.followed {
            guard let open = server.table.inspect(followed.id) else {
                fail(.openCallsAreKnown, "call \(followed.id.low) is not open any more")
                continue
            }
            checkConnected(open.call, server)
            if open.waitingCount > CallTable.waitingLimit + 64 {
                fail(.inputsWaitTheirTurn, "\(open.waitingCount) inputs wait for call \(followed.id.low)")
            }
            if let due = open.updatesDue, due < wake { fail(.wakesWhenItIsTime, "nobody will be told of the picture") }
            let soon = clock + CallTable.retryDelay
            guard open.isSettled else {
                if open.hasToBeLookedUp, soon < wake { fail(.wakesWhenItIsTime, "nobody will look it up") }
                continue
            }
            if open.isResting { continue }
            checkDevices(open, server)
            if open.waitingCount > 0 {
                fail(.inputsWaitTheirTurn, "what waits for call \(followed.id.low) is forgotten")
            }
            if !open.owed.isEmpty, soon < wake { fail(.wakesWhenItIsTime, "what is owed is not tried again") }
            if let due = open.call.nextDeadline, max(due, soon) < wake {
                fail(.wakesWhenItIsTime, "the deadline of \(Describe.call(open.call)) is forgotten")
            }
        }
        if schedule.memberCount > 0 { checkMembers(server) }
    }

    /// A call has been told of each device that connected or disconnected. A user who must not know of it seems to ring
    /// like anybody else.
    private func checkDevices(_ open: CallTable.Inspection, _ server: ModelServer) {
        guard !open.hasMissedDevices, open.waitingCount == 0 else { return }
        let call = open.call
        for participant in call.participants {
            if let connection = participant.connection,
                (connection.reachability == .reachable) != server.isHere(connection.device)
            {
                fail(.devicesAreKnown, "\(Describe.device(connection.device)): \(Describe.call(call))")
            }
            guard let ringing = participant.ringing, participant.isHidden, !ringing.isAlerted else { continue }
            let isHere = World.devices(of: participant.user).contains { server.sessions[$0] != nil }
            if isHere, !server.feigned.contains(.init(user: participant.user, call: call.id)) {
                fail(.hiddenSeemToRing, "\(Describe.user(participant.user)): \(Describe.call(call))")
            }
        }
        if let request = call.joinRequests.first(where: { !server.isHere($0.origin.device) }) {
            fail(.devicesAreKnown, "\(Describe.device(request.origin.device)) is gone: \(Describe.call(call))")
        }
    }

    /// Removals that a call has to carry out are retried whenever it is processed.
    private func checkOwed(_ steps: [CallTable.Step], _ server: ModelServer) {
        guard server.lastLease.owner(at: clock) != nil else { return }
        for step in steps {
            guard case .handled(let call, .timePassed, _) = step, let open = server.table.inspect(call.id),
                open.isSettled, !open.isResting, !open.owed.isEmpty
            else { continue }
            fail(.retriesSoon, "what is owed is not tried: \(Describe.call(open.call))")
        }
    }

    /// Who is in which call, as reported by the outputs.
    private func checkConnected(_ call: Call, _ server: ModelServer) {
        guard server.openCalls[call.id] == call.conversation else {
            return fail(.openCallsAreKnown, "\(Describe.call(call)) is not said to be open")
        }
        for participant in call.participants
        where server.isConnected(participant.user, to: call.id) != participant.isConnected {
            fail(.openCallsAreKnown, "\(Describe.user(participant.user)): \(Describe.call(call))")
        }
    }

    // MARK: Several nodes

    /// Of two nodes, only one considers itself the owner of a call and may write it.
    func checkOwners(of stored: ModelDatabase.StoredCall) {
        for server in servers where server.isUp && server.owner != stored.owner {
            // A later process of the same node does not wait until the earlier one's lease has expired.
            guard server.table.holds(stored.id), let owner = server.lease.owner(at: clockTime(of: server)),
                owner.node != stored.owner.node
            else { continue }
            fail(.oneOwner, "nodes \(owner.node.low) and \(stored.owner.node.low) have call \(stored.id.low)")
        }
    }
}

extension World.Standing.Open {
    init(_ open: CallTable.Inspection) {
        storedRevision = open.storedRevision
        isSettled = open.isSettled
        isUncertain = open.isUncertain
        isDueUnderWay = open.isDueUnderWay
        isResting = open.isResting
        waitingCount = open.waitingCount
        let isCompared = waitingCount > 0 && (waitingCount < 20 || waitingCount.isMultiple(of: 32))
        waiting = isCompared ? open.waiting : []
    }
}

extension CallReply {
    /// The call in the output.
    var call: Call? {
        switch self {
        case .done(let view): view.call
        case .refused(_, let view): view?.call
        case .limited, .usedUp, .unavailable, .failed: nil
        }
    }
}

extension CallTable.Input {
    /// The call that the input names.
    var call: CallID? {
        switch self {
        case .command(_, let id, _), .deviceGone(_, let id), .devicesNow(let id, present: _, gone: _),
            .ringingFeigned(_, let id), .committed(_, let id, _), .lookedUp(_, let id, _), .drainDue(let id),
            .rested(let id):
            id
        case .adopted(let view, lastSeen: _, present: _): view.call.id
        case .invite, .deviceReturned, .deviceLost, .lease, .takenOver, .superseded, .membershipEnded, .loggedOut,
            .timePassed:
            nil
        }
    }
}

extension ModelServer {
    /// Whether a device has a socket here.
    func isHere(_ device: DeviceID) -> Bool { sessions[World.device(device)] != nil }

    /// The open call that an invite reaches.
    fileprivate func openCall(of input: CallTable.Input) -> CallID? {
        guard case .invite(let invitation, _) = input else { return nil }
        return followed.first {
            $0.call.conversation == invitation.conversation && $0.call.mode == invitation.mode
        }?.id
    }
}
