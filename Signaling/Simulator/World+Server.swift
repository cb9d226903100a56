import Primitives
import SignalingCore

// The server's life: sockets, commands, crashes.
extension World {
    // MARK: Devices

    func admit(_ connection: Int, of device: Int) {
        guard !loggedOut.contains(device) else { return refuse(connection) }
        if let older = server.sessions[device]?.connection {
            connections[older].isOpenAtServer = false
            agenda.put(.clientNoticesLoss(connection: older), at: now + .milliseconds(1))
        }
        server.sessions[device] = .init(connection: connection)
        let origin = World.origin(of: device)
        for id in callsOf(origin.user) {
            receive(.input(.deviceReturned(origin.user, origin.device), nil), for: id)
            receive(.input(.ringingFeigned(origin.user), nil), for: id)
        }
        let calls = server.calls.filter { $0.storedRevision != 0 && $0.call.isShown(to: origin.user) }
        let held = server.sessions[device]?.held ?? []
        server.sessions[device]?.held = nil
        say(.welcome(calls.map(\.call)), to: device)
        for event in held { say(event, to: device) }
        checkTold(device)
    }

    func tellCallsOfLoss(_ device: Int) {
        let origin = World.origin(of: device)
        for id in callsOf(origin.user) { receive(.input(.deviceLost(origin.user, origin.device), nil), for: id) }
    }

    private func callsOf(_ user: UserID) -> [CallID] {
        server.calls.filter { $0.call.concerns(user) }.map(\.call.id)
    }

    func connectedDevices(of user: UserID) -> Set<DeviceID> {
        var connected: Set<DeviceID> = []
        for device in World.devices(of: user) where server.sessions[device] != nil {
            connected.insert(World.origin(of: device).device)
        }
        return connected
    }

    // MARK: Commands

    func receive(_ frame: ClientFrame, from device: Int, by connection: Int) {
        let asker = ModelServer.Asker(device: device, connection: connection, frame: frame.id)
        let origin = World.origin(of: device)
        switch frame.body {
        case .hello: break
        case .invite(let target, let name):
            // The conversation is looked up first, and other inputs may overtake.
            server.invites.append(.init(target: target, name: name, asker: asker))
            let pause = Instant.Span(microseconds: random.microseconds(upTo: isPrompt ? 0 : 5_000))
            agenda.put(.inviteIsReady(server.invites.count - 1, life: server.life), at: now + pause)
        case .call(let id, let command):
            let conversation = server.calls.first { $0.call.id == id }?.call.conversation
            let call = conversation ?? database.call(id)?.conversation
            let input = CallInput.command(completed(command, from: origin.user, in: call), from: origin)
            if server.calls.contains(where: { $0.call.id == id }) {
                receive(.input(input, asker), for: id)
            } else {
                answerFromArchive(input, id, asker)
            }
        }
    }

    func inviteIsReady(_ index: Int) {
        let invite = server.invites[index]
        guard isReadable else { return reply(.unavailable, to: invite.asker) }
        let caller = World.user(of: invite.asker.device)
        if let earlier = database.call(placedBy: caller, as: invite.name), !earlier.isOpen {
            coverage.note(.inviteRepeated)
            return reply(.done(earlier.call(rules: schedule.rules)), to: invite.asker)
        }
        receive(invite)
    }

    func receive(_ invite: ModelServer.PendingInvite) {
        let standing = place(of: invite)
        if let live = server.calls.first(where: {
            $0.call.conversation == standing.conversation && $0.call.mode == standing.mode
        }) {
            receive(.invite(invite), for: live.call.id)
        } else {
            place(invite)
        }
    }

    /// Answers a command to a call that is over, or never was.
    func answerFromArchive(_ input: CallInput, _ id: CallID, _ asker: ModelServer.Asker?) {
        guard let asker else { return }
        guard isReadable else { return reply(.unavailable, to: asker) }
        let isJoin = if case .command(.join, from: _) = input { true } else { false }
        guard let stored = database.call(id),
            isJoin || stored.participants.contains(where: { $0.user == World.user(of: asker.device) })
        else {
            coverage.note(.commandOfAStranger)
            return reply(.refused(.notFound, nil), to: asker)
        }
        guard !stored.isOpen else { return reply(.unavailable, to: asker) }
        let call = stored.call(rules: schedule.rules)
        var reference = stored.reference
        reference.forgetMemory()
        let transition = call.handle(input, at: now)
        let outcome = reference.handle(input, at: now, &coverage)
        check(transition, from: call, reference, outcome)
        checkAnswer(to: input, transition, from: call)
        if !transition.changes.isEmpty { fail(.endedCallRests, "a command to an ended call changes it") }
        reply(Reply(transition, to: World.user(of: asker.device)), to: asker)
    }

    var isReadable: Bool { isCalm || now >= unreadableUntil }

    // MARK: Saying

    func reply(_ reply: Reply, to asker: ModelServer.Asker?) {
        guard let asker, !server.isDying else { return }
        if let call = reply.call { checkDurable(call) }
        let frame = ServerFrame.reply(to: asker.frame, reply)
        if server.sessions[asker.device]?.connection == asker.connection {
            say(frame, to: asker.device)
        } else if let call = reply.call {
            // The device has another socket by now, whose welcome may have gone out before the change.
            tell(.event(.updated, call), asker.device)
        }
    }

    /// Delivers in the order in which the server does: each event to all whom it goes to.
    func deliver(_ deliveries: [CallDelivery], of call: Call) {
        for broadcast in CallBroadcast.gathered(from: deliveries) {
            for address in broadcast.addresses { deliver(CallDelivery(to: address, broadcast.event), of: call) }
        }
    }

    func deliver(_ delivery: CallDelivery, of call: Call) {
        guard !server.isDying else { return }
        checkDurable(call)
        let frame = ServerFrame.event(delivery.event, call)
        switch delivery.address {
        case .user(let user): for device in World.devices(of: user) { tell(frame, device) }
        case .others(let user, than: let left):
            for device in World.devices(of: user) where device != World.device(left) { tell(frame, device) }
        case .device(_, let device): tell(frame, World.device(device))
        }
    }

    private func tell(_ frame: ServerFrame, _ device: Int) {
        guard let session = server.sessions[device] else { return }
        if session.held == nil { say(frame, to: device) } else { server.sessions[device]?.held?.append(frame) }
    }

    /// Sends to the socket of a device, and writes down what the device knows now.
    private func say(_ frame: ServerFrame, to device: Int) {
        guard !server.isDying, let connection = server.sessions[device]?.connection else { return }
        switch frame {
        case .welcome(let calls):
            let user = World.user(of: device)
            for call in calls { noteTold(call) }
            server.sessions[device]?.told = calls.map {
                .init(call: $0.id, revision: $0.revision, rings: $0.participant(user)?.isRinging ?? false)
            }
        case .reply(_, let reply):
            if let call = reply.call { told(device, call, rings: call.rings(device) ? nil : false) }
        case .event(let event, let call):
            switch event {
            case .incoming: told(device, call, rings: true)
            case .ringStopped, .updated, .changed, .moved, .signal, .offerUnanswered, .mediaStopped, .joinDenied:
                told(device, call, rings: call.rings(device) ? nil : false)
            }
        }
        send(frame, by: connection)
    }

    private func told(_ device: Int, _ call: Call, rings: Bool?) {
        noteTold(call)
        guard var told = server.sessions[device]?.told else { return }
        if let index = told.firstIndex(where: { $0.call == call.id }) {
            if call.revision < told[index].revision {
                fail(.picturesGoOn, "\(Describe.device(device)) is told \(Describe.call(call)) after a newer one")
            }
            told[index].revision = max(told[index].revision, call.revision)
            if let rings { told[index].rings = rings }
        } else {
            told.append(.init(call: call.id, revision: call.revision, rings: rings ?? false))
        }
        server.sessions[device]?.told = told
    }

    private func noteTold(_ call: Call) {
        if newestTold[call.id].map({ $0 < call.revision }) ?? true { newestTold[call.id] = call.revision }
    }

    // MARK: Dying and starting

    /// Takes the server down. What was on its way to disk gets there or not; everything else is lost.
    func crash() {
        note("the server dies")
        for index in units.indices where units[index].state == .underWay {
            if random.isOne(in: 2) { store(index) } else { units[index].state = .unavailable }
        }
        cutAllConnections()
        let life = server.life
        let lastCall = server.lastCall
        // A sign of life is written every few seconds.
        let lastSeen = max(server.lastSeen, now - .init(microseconds: random.microseconds(upTo: 3_000_000)))
        server = ModelServer()
        server.isUp = false
        server.life = life
        server.lastCall = lastCall
        server.lastSeen = lastSeen
        let seconds = random.pick([0, 0, 0, 1, 10, 40, 100])
        agenda.put(
            .serverStarts, at: now + .init(microseconds: 50_000 + random.microseconds(upTo: seconds * 1_000_000)))
    }

    func startServer() {
        // Whoever can't read the database on starting waits for it.
        guard isReadable else { return agenda.put(.serverStarts, at: now + .seconds(1)) }
        server.isUp = true
        server.life += 1
        note("the server starts")
        for stored in database.calls where stored.isOpen {
            database.adopt(stored.id)
            let adopted = database.call(stored.id) ?? stored
            let call = adopted.call(rules: schedule.rules).adopted(at: now, lastSeen: server.lastSeen)
            var reference = stored.reference
            reference.restart(at: now, lastSeen: server.lastSeen, &coverage)
            note("it adopts \(Describe.call(call))")
            checkAdopted(call, reference)
            if let told = newestTold[call.id], call.revision <= told {
                fail(.revisionsGoOn, "\(Describe.call(call)) is at \(call.revision), and \(told) was told")
            }
            server.calls.append(.init(call: call, reference: reference, storedRevision: adopted.revision))
        }
        for call in server.calls.map(\.call.id) { receive(.input(.timePassed, nil), for: call) }
        catchUp()
    }
}

extension Reply {
    init(_ transition: CallTransition, to user: UserID?) {
        let isShown = user.map { transition.call.participant($0)?.maySeeCall ?? true } ?? false
        self =
            switch transition.refusal {
            case nil: .done(transition.call)
            case let refusal?: .refused(refusal, isShown && refusal != .notFound ? transition.call : nil)
            }
    }
}

extension World {
    /// The command as the service makes it: it adds what only the server knows.
    private func completed(
        _ command: CallCommand, from user: UserID, in conversation: ConversationID?
    ) -> CallCommand {
        switch command {
        case .decline(let request, let isBusy, reachable: _):
            .decline(request, isBusy: isBusy, reachable: connectedDevices(of: user))
        case .join(let request, let media, isMember: _):
            .join(request, media, isMember: belongs(user, to: conversation))
        case .add(let request, let callees):
            .add(
                request,
                callees.map { callee($0.user, calledBy: user, isMember: belongs($0.user, to: conversation)) })
        default: command
        }
    }
}

extension Call {
    /// Whether a device's user is rung.
    func rings(_ device: Int) -> Bool {
        participant(World.user(of: device)).map { $0.isRinging && !$0.isHidden } ?? false
    }

    /// Whether a user may see the call among the open ones.
    func isShown(to user: UserID) -> Bool {
        maySeeCall(user)
    }

    /// Whether the call has to do with a user: as a participant, or as somebody who asks to be let in.
    func concerns(_ user: UserID) -> Bool {
        participant(user) != nil || joinRequests.contains { $0.origin.user == user }
    }
}
