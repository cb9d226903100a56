import Primitives
import SignalingCore

/// How a commit fails.
enum CommitFailure: CaseIterable {
    case unavailable
    case invalid
    /// It was carried out, but the outcome is unknown.
    case unknownButDone
    /// It was not carried out, but the outcome is unknown.
    case unknownAndUndone
    /// It is carried out later, perhaps after its outcome was looked up.
    case unknownAndLate
}

/// A change on its way to disk.
struct Unit {
    let server: Int
    let commit: CallTable.CommitID
    let change: RecordedChange
    let storedRevision: Int64
    let owner: CallOwner
    let reference: Reference
    /// Nil while it is in flight.
    var outcome: CallTable.CommitOutcome?

    var call: Call { change.transition.call }
}

// Writing changes to disk, and reading.
extension World {
    var isReadable: Bool { isCalm || now >= unreadableUntil }

    func send(
        _ commit: CallTable.CommitID, _ change: RecordedChange, over revision: Int64, by owner: CallOwner,
        from server: ModelServer
    ) {
        guard let turn = server.followedCall(change.transition.call.id)?.turn, turn.commit == commit else {
            return fail(.changesOnlyOwnedCalls, "\(Describe.call(change.transition.call)) is written, and was not next")
        }
        units.append(
            Unit(
                server: server.number, commit: commit, change: change, storedRevision: revision, owner: owner,
                reference: turn.reference))
        let limit = now < slowUntil && !isCalm ? 4_000_000 : random.isOne(in: 10) ? 200_000 : 3_000
        queue.put(.unitIsCarriedOut(units.count - 1), at: now + .init(microseconds: random.microseconds(upTo: limit)))
    }

    func carryOutUnit(_ index: Int) {
        guard units[index].outcome == nil else { return }
        let server = servers[units[index].server]
        // A process may be suspended between reading the clock and writing.
        if server.isPaused, server.isUp, random.isOne(in: 2) { return server.putOff.append(.unitIsCarriedOut(index)) }
        if failures.isEmpty {
            units[index].outcome = store(index)
        } else {
            let failure = failures.removeFirst()
            note("a commit fails: \(failure)")
            switch failure {
            case .unavailable: units[index].outcome = .unavailable
            case .invalid: units[index].outcome = .invalid
            case .unknownButDone:
                units[index].outcome = .unknown
                _ = store(index)
            case .unknownAndUndone: units[index].outcome = .unknown
            case .unknownAndLate:
                units[index].outcome = .unknown
                unitsToCome += 1
                let delay = Instant.Span(microseconds: random.microseconds(upTo: 4_000_000))
                queue.put(.unitComesLate(index), at: now + delay)
            }
        }
        let answer = now + .init(microseconds: random.microseconds(upTo: 1_000))
        queue.put(.unitIsAnswered(index), at: answer)
    }

    /// The connection is gone for the server, but its commit is still carried out.
    func unitComesLate(_ index: Int) {
        unitsToCome -= 1
        if store(index, isLate: true) == .stored { database.forgetSilently(of: units[index].call.id) }
    }

    func unitIsAnswered(_ index: Int) {
        guard let outcome = units[index].outcome else { return }
        give(.committed(units[index].commit, units[index].call.id, outcome), to: servers[units[index].server])
    }

    func store(_ index: Int, isLate: Bool = false) -> CallTable.CommitOutcome {
        let unit = units[index]
        let before = database.call(unit.call.id)
        do {
            try database.carryOut(
                unit.change.transition, storedRevision: unit.storedRevision, by: unit.owner, reference: unit.reference)
        } catch {
            switch error {
            case .constraint(let name):
                if !isLate { checkMayRefuse(unit, name) }
                return .duplicate
            case .expectation(let name):
                if !isLate { checkMayRefuse(unit, name) }
                return .overtaken
            }
        }
        note("on disk: \(Describe.call(unit.call))")
        checkStored(unit, over: before)
        return .stored
    }

    // MARK: Reading

    func lookUp(_ commit: CallTable.CommitID, _ id: CallID, _ server: ModelServer) {
        var found = CallTable.LookUp.failed
        if isReadable { found = database.call(id).map { .found(revision: $0.revision, owner: $0.owner) } ?? .missing }
        let limit = random.isOne(in: 10) ? 2_000_000 : 1_000
        let answer = now + .init(microseconds: random.microseconds(upTo: limit))
        queue.put(.hands(.lookedUp(commit, id, found), server: server.number), at: answer)
    }

    /// Answers a command to a call that is over, never existed, or is another node's.
    func answerFromArchive(_ command: CallCommand, _ id: CallID, _ replyTo: ReplyTo, _ server: ModelServer) {
        guard isReadable else { return reply(.unavailable, to: replyTo, from: server) }
        let user = replyTo.origin.user
        let isJoin = if case .join(_, _, isMember: true) = command { true } else { false }
        guard let stored = database.call(id), isJoin || stored.participants.contains(where: { $0.user == user }) else {
            coverage.note(.commandOfAStranger)
            return reply(.refused(.notFound, nil), to: replyTo, from: server)
        }
        guard !stored.isOpen else { return reply(.unavailable, to: replyTo, from: server) }
        clock = clockTime(of: server)
        let view = stored.view(rules: schedule.rules)
        let input = CallInput.command(command, from: replyTo.origin)
        var reference = stored.reference
        reference.forgetMemory()
        let transition = view.call.handle(input, at: clock).transition
        let outcome = reference.handle(input, at: clock, &coverage)
        check(transition, from: view.call, reference, outcome)
        checkAnswer(to: input, transition, from: view.call)
        if !transition.changes.isEmpty { fail(.endedCallIsInert, "a command to an ended call changes it") }
        reply(CallReply(transition, people: view.people, to: user), to: replyTo, from: server)
    }

    func answerRepeatedInvite(of caller: UserID, as name: RequestID, _ replyTo: ReplyTo, _ server: ModelServer) {
        guard isReadable, let earlier = database.call(placedBy: caller, as: name) else {
            return reply(.unavailable, to: replyTo, from: server)
        }
        if !earlier.isOpen {
            reply(.done(earlier.view(rules: schedule.rules)), to: replyTo, from: server)
        } else if server.openCalls[earlier.id] != nil {
            give(.command(.fetch, earlier.id, .init(replyTo)), to: server)
        } else {
            reply(.unavailable, to: replyTo, from: server)
        }
    }

    static func profiles(of users: [UserID]) -> [UserID: Profile] {
        Dictionary(uniqueKeysWithValues: users.map { ($0, profile(of: $0)) })
    }

    static func profile(of user: UserID) -> Profile {
        Profile(id: user, username: "", displayName: "")
    }
}
