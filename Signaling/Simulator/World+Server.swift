import Primitives
import SignalingCore

// The sockets of a server: they pass commands of devices to the table, and its outputs to devices.
extension World {
    // MARK: Devices

    func admit(_ connection: Int, of device: Int, to server: ModelServer) {
        guard !loggedOut.contains(device) else { return refuse(connection) }
        if let older = server.sessions[device]?.connection {
            connections[older].isOpenAtServer = false
            queue.put(.clientNoticesLoss(connection: older), at: now + .milliseconds(1))
        }
        server.sessions[device] = .init(connection: connection)
        let origin = World.origin(of: device)
        give(.deviceReturned(origin), to: server)
        guard !server.isDying, let held = server.sessions[device]?.held else { return }
        server.sessions[device]?.held = nil
        say(.welcome(server.table.openCalls(of: origin.user).map(\.call)), to: device, from: server)
        for event in held { say(event, to: device, from: server) }
        checkWelcome(of: device, nil, server)
    }

    func connectedDevices(of user: UserID, _ server: ModelServer) -> Set<DeviceID> {
        var connected: Set<DeviceID> = []
        for device in World.devices(of: user) where server.sessions[device] != nil {
            connected.insert(World.origin(of: device).device)
        }
        return connected
    }

    // MARK: Commands

    func receive(_ frame: ClientFrame, from device: Int, by connection: Int, _ server: ModelServer) {
        let origin = World.origin(of: device)
        let replyTo = ReplyTo(origin, socket: UInt64(connection), request: UInt32(frame.id))
        switch frame.body {
        case .hello: break
        case .invite(let target, let name):
            // The callees are looked up first, and other inputs may overtake the invite.
            server.invites.append(.init(target: target, name: name, replyTo: replyTo, isPrompt: frame.isPrompt))
            let ready = now + lookUpTime(5_000, isPrompt: frame.isPrompt)
            queue.put(.inviteIsReady(server.invites.count - 1, server: server.number), at: ready)
        case .call(let id, let command):
            let conversation =
                server.openCalls[id] ?? database.index(of: id).map { database.calls[$0].conversation }
            let (completed, newcomers, takesLookUp) = self.completed(
                command, from: origin.user, in: conversation, server)
            let asked = CallTable.Asked(replyTo, newcomers: newcomers, endings: server.endings)
            let input = CallTable.Input.command(completed, id, asked)
            guard takesLookUp else { return hand(input, to: server) }
            let ready = now + lookUpTime(5_000, isPrompt: frame.isPrompt)
            queue.put(.isLookedUp(input, server: server.number), at: ready)
            endMembership(of: completed, from: device, frame.id, at: ready)
        }
    }

    /// Now and then somebody who was looked up as a member no longer is one when the command reaches its call, or
    /// before it is on disk.
    private func endMembership(of command: CallCommand, from device: Int, _ frame: Int, at ready: Instant) {
        let turn = (frame + device) % 16
        guard !isCalm, turn == 0 || turn == 8 else { return }
        let member: UserID? =
            switch command {
            case .join(_, _, isMember: true): World.user(of: device)
            case .add(_, let callees): callees.first(where: \.isMember)?.user
            default: nil
            }
        guard let member, members.contains(member) else { return }
        queue.put(.membershipEnds(member), at: turn == 0 ? now : ready + .milliseconds(1))
    }

    private func lookUpTime(_ limit: Int, isPrompt: Bool) -> Instant.Span {
        let longest = random.isOne(in: 20) ? 100 * limit : limit
        return .init(microseconds: random.microseconds(upTo: isPrompt ? 0 : longest))
    }

    /// Gives a complete command to the call that it names, or to the archive.
    func hand(_ input: CallTable.Input, to server: ModelServer) {
        guard case .command(let command, let id, let asked) = input, server.openCalls[id] == nil,
            // It may have been open when it was looked up.
            !random.isOne(in: 8)
        else { return give(input, to: server) }
        answerFromArchive(command, id, asked.replyTo, server)
    }

    func inviteIsReady(_ invite: ModelServer.PendingInvite, _ server: ModelServer) {
        let origin = invite.replyTo.origin
        guard isReadable else { return reply(.unavailable, to: invite.replyTo, from: server) }
        if let earlier = database.call(placedBy: origin.user, as: invite.name), !earlier.isOpen {
            coverage.note(.inviteRepeated)
            return reply(.done(earlier.view(rules: schedule.rules)), to: invite.replyTo, from: server)
        }
        guard let (callees, conversation, mode) = self.callees(of: invite.target, calledBy: origin.user, server) else {
            return reply(.refused(.notFound, nil), to: invite.replyTo, from: server)
        }
        lastCall += 1
        let invitation = Invitation(
            call: ModelServer.callID(Int(lastCall)), conversation: conversation, mode: mode, caller: origin,
            callees: callees, type: .voice, media: MediaState(microphone: true), clientCallID: invite.name)
        let newcomers = ([origin.user] + callees.map(\.user)).map(World.profile(of:))
        let asked = CallTable.Asked(invite.replyTo, newcomers: newcomers, endings: server.endings)
        // The members were read before the policies.
        let ready = now + lookUpTime(2_000, isPrompt: invite.isPrompt)
        queue.put(.isLookedUp(.invite(invitation, asked), server: server.number), at: ready)
    }

    /// The callees as the service describes them; nil when there are none.
    private func callees(
        of target: ModelServer.Target, calledBy caller: UserID, _ server: ModelServer
    ) -> ([Callee], ConversationID, Call.Mode)? {
        switch target {
        case .user(let user):
            return (
                [callee(user, calledBy: caller, isMember: true, server)], ModelServer.conversation(caller, user),
                .direct
            )
        case .group:
            let others = members.sorted().filter { $0 != caller }
            guard members.contains(caller), !others.isEmpty else { return nil }
            return (
                others.map { callee($0, calledBy: caller, isMember: true, server) }, ModelServer.group, .group
            )
        }
    }

    private func callee(_ user: UserID, calledBy caller: UserID, isMember: Bool, _ server: ModelServer) -> Callee {
        let isBusy = !server.connected[World.index(of: user)].isEmpty
        let isHidden = schedule.blocks.contains { $0.caller == caller && $0.callee == user }
        return Callee(user, isBusy: isBusy, isHidden: isHidden, isMember: isMember)
    }

    /// The command completed as by the service, with what only the server knows and may have to look up.
    private func completed(
        _ command: CallCommand, from user: UserID, in conversation: ConversationID?, _ server: ModelServer
    ) -> (CallCommand, newcomers: [Profile], takesLookUp: Bool) {
        switch command {
        case .decline(let request, let isBusy, reachable: _):
            let reachable = isBusy ? connectedDevices(of: user, server) : []
            return (.decline(request, isBusy: isBusy, reachable: reachable), [], false)
        case .join(let request, let media, isMember: _):
            let isMember = belongs(user, to: conversation)
            return (.join(request, media, isMember: isMember), [World.profile(of: user)], true)
        case .add(let request, let callees):
            let added = callees.map { added in
                callee(added.user, calledBy: user, isMember: belongs(added.user, to: conversation), server)
            }
            return (.add(request, added), added.map { World.profile(of: $0.user) }, true)
        default: return (command, [], false)
        }
    }

    // MARK: Sending

    func reply(_ reply: CallReply, to replyTo: ReplyTo, from server: ModelServer) {
        guard !server.isDying else { return }
        if let call = reply.call { checkDurable(call, server) }
        let device = World.device(replyTo.origin.device)
        if server.sessions[device]?.connection == Int(replyTo.socket) {
            say(.reply(to: Int(replyTo.request), reply), to: device, from: server)
        } else if let call = reply.call {
            // The device has another socket by now, and its welcome may have been sent before the change.
            tell(.event(.updated, call), device, from: server)
        }
    }

    func deliver(_ event: CallEvent, of call: Call, to addresses: [Address], from server: ModelServer) {
        guard !server.isDying else { return }
        checkDurable(call, server)
        let frame = ServerFrame.event(event, call)
        for address in addresses {
            switch address {
            case .user(let user): for device in World.devices(of: user) { tell(frame, device, from: server) }
            case .others(let user, than: let left):
                for device in World.devices(of: user) where device != World.device(left) {
                    tell(frame, device, from: server)
                }
            case .device(_, let device): tell(frame, World.device(device), from: server)
            }
        }
        // Sending to many devices is most of a call's work.
        guard schedule.isBusy, random.isOne(in: 4) else { return }
        let present = clockTime(of: server)
        let work = Instant.Span(microseconds: random.microseconds(upTo: 8_000))
        server.table.noteWork(on: call.id, from: present - work, to: present)
    }

    private func tell(_ frame: ServerFrame, _ device: Int, from server: ModelServer) {
        guard let session = server.sessions[device] else { return }
        if session.held == nil {
            say(frame, to: device, from: server)
        } else {
            server.sessions[device]?.held?.append(frame)
        }
    }

    /// Sends to the socket of a device, and records what the device knows now.
    private func say(_ frame: ServerFrame, to device: Int, from server: ModelServer) {
        guard !server.isDying, let connection = server.sessions[device]?.connection else { return }
        switch frame {
        case .welcome(let calls):
            let user = World.user(of: device)
            for call in calls { noteTold(call) }
            server.sessions[device]?.told = calls.map {
                .init(call: $0.id, revision: $0.revision, rings: $0.participant(user)?.isRinging ?? false)
            }
        case .reply(_, let reply):
            if let call = reply.call { told(device, call, rings: call.rings(device) ? nil : false, server) }
        case .event(let event, let call):
            switch event {
            case .incoming: told(device, call, rings: true, server)
            case .gone: server.sessions[device]?.told.removeAll { $0.call == call.id }
            case .ringStopped, .updated, .changed, .moved, .signal, .offerUnanswered, .mediaStopped, .joinDenied:
                told(device, call, rings: call.rings(device) ? nil : false, server)
            }
        }
        send(frame, by: connection)
    }

    private func told(_ device: Int, _ call: Call, rings: Bool?, _ server: ModelServer) {
        noteTold(call)
        guard let index = server.sessions[device]?.told.firstIndex(where: { $0.call == call.id }) else {
            server.sessions[device]?.told.append(.init(call: call.id, revision: call.revision, rings: rings ?? false))
            return
        }
        let known = server.sessions[device]?.told[index].revision ?? 0
        if call.revision < known, !isTellingStored, !hasLost(call.id, server), !database.wasOutOfSight(call.id) {
            fail(.updatesNeverGoBack, "\(Describe.device(device)) is told \(Describe.call(call)) after a newer one")
        }
        server.sessions[device]?.told[index].revision = max(known, call.revision)
        if let rings { server.sessions[device]?.told[index].rings = rings }
    }

    /// Whether a call has another owner by now. A repeated invite is answered with what is stored, which a former owner
    /// does not know.
    func hasLost(_ id: CallID, _ server: ModelServer) -> Bool {
        database.index(of: id).map { database.calls[$0].owner != server.owner } ?? false
    }

    private func noteTold(_ call: Call) {
        if isTellingStored { return }
        if newestTold[call.id].map({ $0 < call.revision }) ?? true { newestTold[call.id] = call.revision }
    }
}

extension Call {
    /// Whether a device's user is rung.
    func rings(_ device: Int) -> Bool {
        participant(World.user(of: device)).map { $0.isRinging && !$0.isHidden } ?? false
    }
}
