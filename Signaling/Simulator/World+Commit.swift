import Primitives
import SignalingCore

// The way of an input through a call: core, commit, reply, fan out.
extension World {
    /// How long after a failed commit a due deadline is tried again, and an uncertain outcome looked up.
    private static let retryDelay = Instant.Span.milliseconds(500)

    func index(of call: CallID) -> Int? {
        server.calls.firstIndex { $0.call.id == call }
    }

    func receive(_ waiting: ModelServer.Waiting, for id: CallID) {
        guard !server.isDying, let index = index(of: id) else { return }
        guard case .settled = server.calls[index].standing else {
            server.calls[index].waiting.append(waiting)
            return
        }
        carryOut(waiting, index)
        goOn(id)
    }

    private func carryOut(_ waiting: ModelServer.Waiting, _ index: Int) {
        let live = server.calls[index]
        if live.call.isOverdue(at: now), !waiting.isPassageOfTime { return carryOutDeadlines(index, before: waiting) }
        var reference = live.reference
        switch waiting {
        case .input(let given, let asker):
            let input = upToDate(given, live.call.conversation)
            let transition = live.call.handle(input, at: now)
            let outcome = reference.handle(input, at: now, &coverage)
            let turn = ModelServer.Turn(
                transition: transition, reference: reference, outcome: outcome, input: input)
            check(transition, from: live.call, reference, outcome)
            checkAnswer(to: input, transition, from: live.call)
            commit(turn, index, asker)
        case .invite(let invite):
            let origin = World.origin(of: invite.asker.device)
            let media = MediaState(microphone: true)
            let transition: CallTransition
            let outcome: Reference.Outcome
            switch invite.target {
            case .user:
                transition = live.call.handleInvite(from: origin, as: invite.name, media: media, at: now)
                outcome = reference.handleInvite(from: origin, as: invite.name, media: media, at: now, &coverage)
            case .group:
                guard members.contains(origin.user) else {
                    return reply(.refused(.notFound, nil), to: invite.asker)
                }
                let callees = groupCallees(calledBy: origin.user)
                transition = live.call.handleGroupInvite(
                    from: origin, as: invite.name, media: media, callees: callees, at: now)
                outcome = reference.handleGroupInvite(
                    from: origin, as: invite.name, media: media, callees: callees, at: now, &coverage)
            }
            check(transition, from: live.call, reference, outcome)
            let turn = ModelServer.Turn(transition: transition, reference: reference, outcome: outcome)
            commit(turn, index, invite.asker)
            noticeIfGone(invite.asker.device, live.call.id)
        }
    }

    /// Writes down and tells what is due; then comes the input, which may find the call over.
    private func carryOutDeadlines(_ index: Int, before waiting: ModelServer.Waiting) {
        let live = server.calls[index]
        var reference = live.reference
        server.calls[index].waiting.insert(waiting, at: 0)
        let transition = live.call.handle(.timePassed, at: now)
        let outcome = reference.handle(.timePassed, at: now, &coverage)
        check(transition, from: live.call, reference, outcome)
        let turn = ModelServer.Turn(transition: transition, reference: reference, outcome: outcome)
        commit(turn, index, nil, isBeforeInput: true)
    }

    /// The input that waits first can't be carried out: what is due before it could not be written.
    private func giveUpNext(_ index: Int) {
        guard !server.calls[index].waiting.isEmpty else { return }
        switch server.calls[index].waiting.removeFirst() {
        case .input(let input, let asker):
            if case .deviceLost = input { server.calls[index].hasMissedDevices = true }
            if case .deviceReturned = input { server.calls[index].hasMissedDevices = true }
            reply(.unavailable, to: asker)
        case .invite(let invite): reply(.unavailable, to: invite.asker)
        }
    }

    func place(_ invite: ModelServer.PendingInvite) {
        let origin = World.origin(of: invite.asker.device)
        let callees: [Callee]
        switch invite.target {
        case .user(let user): callees = [callee(user, calledBy: origin.user, isMember: true)]
        case .group:
            callees = Array(groupCallees(calledBy: origin.user).prefix(schedule.rules.participantLimit - 1))
            guard members.contains(origin.user), !callees.isEmpty else {
                return reply(.refused(.notFound, nil), to: invite.asker)
            }
        }
        server.lastCall += 1
        let id = ModelServer.callID(Int(server.lastCall))
        let standing = self.place(of: invite)
        let invitation = Invitation(
            call: id, conversation: standing.conversation, mode: standing.mode, caller: origin, callees: callees,
            type: .voice, media: MediaState(microphone: true), clientCallID: invite.name)
        let transition = Call.place(invitation, rules: schedule.rules, at: now)
        let reference = Reference(invitation, rules: schedule.rules, at: now, &coverage)
        let turn = ModelServer.Turn(transition: transition, reference: reference, outcome: .init())
        checkPlaced(transition, reference)
        server.calls.append(.init(call: transition.call, reference: reference, storedRevision: 0))
        commit(turn, server.calls.count - 1, invite.asker)
        noticeIfGone(invite.asker.device, id)
    }

    /// The other people of the group, as the service describes them.
    private func groupCallees(calledBy caller: UserID) -> [Callee] {
        members.sorted().filter { $0 != caller }.map { callee($0, calledBy: caller, isMember: true) }
    }

    /// Somebody as the service describes them to the core.
    func callee(_ user: UserID, calledBy caller: UserID, isMember: Bool) -> Callee {
        let isBusy = server.calls.contains { $0.call.participant(user)?.connection != nil }
        let isHidden = schedule.blocks.contains { $0.caller == caller && $0.callee == user }
        return Callee(user, isBusy: isBusy, isHidden: isHidden, isMember: isMember)
    }

    /// Where the open call that an invite is about stands.
    func place(of invite: ModelServer.PendingInvite) -> (conversation: ConversationID, mode: Call.Mode) {
        switch invite.target {
        case .user(let user):
            (ModelServer.conversation(World.user(of: invite.asker.device), user), .direct)
        case .group: (ModelServer.group, .group)
        }
    }

    /// An invite waits for the database before it comes to its call; its device may have gone meanwhile.
    private func noticeIfGone(_ device: Int, _ id: CallID) {
        guard server.sessions[device] == nil else { return }
        let origin = World.origin(of: device)
        receive(.input(.deviceLost(origin.user, origin.device), nil), for: id)
    }

    // MARK: Commit

    private func commit(
        _ turn: ModelServer.Turn, _ index: Int, _ asker: ModelServer.Asker?, isBeforeInput: Bool = false
    ) {
        guard !turn.transition.changes.isEmpty else { return apply(turn, index, asker) }
        server.calls[index].standing = .committing
        units.append(
            Unit(
                turn: turn, storedRevision: server.calls[index].storedRevision, asker: asker,
                isBeforeInput: isBeforeInput))
        let limit = now < slowUntil && !isCalm ? 4_000_000 : random.isOne(in: 10) ? 200_000 : 3_000
        agenda.put(.unitIsCarriedOut(units.count - 1), at: now + .init(microseconds: random.microseconds(upTo: limit)))
    }

    func carryOutUnit(_ unit: Int) {
        guard units[unit].state == .underWay else { return }
        if failures.isEmpty {
            store(unit)
        } else {
            switch failures.removeFirst() {
            case .unavailable: units[unit].state = .unavailable
            case .unknownButDone:
                store(unit)
                units[unit].state = .unknown
            case .unknownAndUndone: units[unit].state = .unknown
            }
            note("a commit fails: \(units[unit].state)")
        }
        let answer = now + .init(microseconds: random.microseconds(upTo: 1_000))
        agenda.put(.unitIsAnswered(unit, life: server.life), at: answer)
    }

    func store(_ index: Int) {
        let unit = units[index]
        let turn = unit.turn
        do {
            try database.carryOut(
                turn.transition, storedRevision: unit.storedRevision, reference: turn.reference)
            units[index].state = .done
            note("on disk: \(Describe.call(turn.transition.call))")
            checkStored(turn)
        } catch .constraint("calls_initiator_id_client_call_id_key") where unit.storedRevision == 0 {
            // The same invite was placed before.
            units[index].state = .refused
        } catch {
            fail(.databaseAccepts, "the database refuses \(Describe.call(turn.transition.call)): \(error)")
        }
    }

    func unitIsAnswered(_ index: Int) {
        let unit = units[index]
        let id = unit.turn.transition.call.id
        guard let live = self.index(of: id) else { return }
        let isNew = unit.storedRevision == 0
        server.calls[live].standing = .settled
        switch unit.state {
        case .underWay: break
        case .done:
            server.calls[live].storedRevision = unit.turn.transition.call.revision
            apply(unit.turn, live, unit.asker)
            hearOfDevicesAgain(in: id)
        case .unavailable:
            if unit.isBeforeInput { giveUpNext(live) }
            reply(.unavailable, to: unit.asker)
            isNew ? forget(id) : lookAgainSoon(live)
        case .unknown:
            if unit.isBeforeInput { giveUpNext(live) }
            reply(.unavailable, to: unit.asker)
            server.calls[live].standing = .uncertain(unit.turn)
            agenda.put(.looksUp(id, life: server.life), at: now + .milliseconds(1))
        case .refused:
            forget(id)
            answerRepeatedInvite(unit)
        }
        goOn(id)
    }

    private func answerRepeatedInvite(_ unit: Unit) {
        let call = unit.turn.transition.call
        guard isReadable, let earlier = database.call(placedBy: call.initiator, as: call.clientCallID) else {
            return reply(.unavailable, to: unit.asker)
        }
        reply(.done(earlier.call(rules: schedule.rules)), to: unit.asker)
    }

    /// Puts the new state in the place of the old one, answers, and tells everybody.
    private func apply(
        _ turn: ModelServer.Turn, _ index: Int, _ asker: ModelServer.Asker?, wasUncertain: Bool = false
    ) {
        guard !server.isDying else { return }
        let before = server.calls[index].call
        let call = turn.transition.call
        server.calls[index].call = call
        server.calls[index].reference = turn.reference
        if let input = turn.input { server.calls[index].owed.removeAll { $0 == input } }
        let deliveries = server.calls[index].pace.tell(turn.transition, at: now)
        arm(index)
        armUpdates(index)
        reply(Reply(turn.transition, to: asker.map { World.user(of: $0.device) }), to: asker)
        deliver(deliveries, of: call)
        if wasUncertain {
            // The device that asked was told to come back; it has to learn what became of its command, too.
            for participant in call.participants where participant.maySeeCall {
                deliver(CallDelivery(to: .user(participant.user), .updated), of: call)
            }
        }
        checkTold(before, turn.transition, isKeptWaiting: server.calls[index].pace.due != nil)
        if call.isEnded { forget(call.id) }
    }

    /// Takes up the inputs that waited, for a commit or for what was due.
    private func goOn(_ id: CallID) {
        while !server.isDying, let index = index(of: id), case .settled = server.calls[index].standing,
            !server.calls[index].waiting.isEmpty
        {
            carryOut(server.calls[index].waiting.removeFirst(), index)
        }
    }

    /// Once the database takes changes again, the devices that are in the call are asked for.
    private func hearOfDevicesAgain(in id: CallID) {
        guard let index = index(of: id), server.calls[index].hasMissedDevices else { return }
        server.calls[index].hasMissedDevices = false
        let call = server.calls[index].call
        let connected = call.participants.compactMap { participant in
            participant.connection.map { CallOrigin(user: participant.user, device: $0.device) }
        }
        for origin in connected + call.joinRequests.map(\.origin) {
            let isHere = connectedDevices(of: origin.user).contains(origin.device)
            let input: CallInput =
                isHere ? .deviceReturned(origin.user, origin.device) : .deviceLost(origin.user, origin.device)
            receive(.input(input, nil), for: id)
        }
    }

    /// Drops a call that is over or was never placed. Whoever still waits for it is answered.
    private func forget(_ id: CallID) {
        guard let index = index(of: id) else { return }
        let live = server.calls.remove(at: index)
        for waiting in live.waiting {
            switch waiting {
            case .input(let input, let asker): answerFromArchive(input, id, asker)
            case .invite(let invite): receive(invite)
            }
        }
    }

    // MARK: Uncertain outcomes

    func lookUp(_ id: CallID) {
        guard let index = index(of: id), case .uncertain(let turn) = server.calls[index].standing else { return }
        guard isReadable else {
            return agenda.put(.looksUp(id, life: server.life), at: now + World.retryDelay)
        }
        server.calls[index].standing = .settled
        let stored = database.call(id)?.revision
        if stored == turn.transition.call.revision {
            server.calls[index].storedRevision = turn.transition.call.revision
            apply(turn, index, nil, wasUncertain: true)
            hearOfDevicesAgain(in: id)
        } else if stored == nil {
            forget(id)
        } else {
            lookAgainSoon(index)
        }
        goOn(id)
    }

    // MARK: Time

    private func arm(_ index: Int) {
        let live = server.calls[index]
        let due = live.owed.isEmpty ? live.call.nextDeadline : now + World.retryDelay
        guard due != live.armed else { return }
        server.calls[index].armed = due
        guard let due else { return }
        // A timer is never early, and sometimes late.
        let lateness = random.isOne(in: 6) ? random.microseconds(upTo: 500_000) : 0
        agenda.put(
            .deadline(live.call.id, due, life: server.life), at: max(now, due) + .init(microseconds: lateness))
    }

    private func armUpdates(_ index: Int) {
        let live = server.calls[index]
        guard let due = live.pace.due, due != live.updatesDue else { return }
        server.calls[index].updatesDue = due
        agenda.put(.updatesAreDue(live.call.id, due, life: server.life), at: max(now, due))
    }

    /// Tells those who were kept waiting what the call is like by now, whatever is under way to disk.
    func releaseUpdates(_ id: CallID, _ due: Instant) {
        guard let index = index(of: id), server.calls[index].pace.due == due else { return }
        let call = server.calls[index].call
        let deliveries = server.calls[index].pace.release(of: call, at: now)
        deliver(deliveries, of: call)
        checkTold(call, by: call)
    }

    private func lookAgainSoon(_ index: Int) {
        let soon = now + World.retryDelay
        let live = server.calls[index]
        server.calls[index].armed = live.owed.isEmpty ? live.call.nextDeadline.map { max($0, soon) } : soon
        guard let due = server.calls[index].armed else { return }
        agenda.put(.deadline(live.call.id, due, life: server.life), at: due)
    }

    func deadlineHasCome(_ id: CallID, _ due: Instant) {
        guard let index = index(of: id), server.calls[index].armed == due else { return }
        server.calls[index].armed = nil
        receive(.input(.timePassed, nil), for: id)
        guard let index = self.index(of: id), case .settled = server.calls[index].standing else { return }
        for input in server.calls[index].owed { receive(.input(input, nil), for: id) }
    }
}
