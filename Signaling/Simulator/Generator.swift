import Primitives
import SignalingCore

/// What devices request. A new command of the core needs one line in each of the two lists.
extension World {
    /// Lets a device send a command: one that suits the state that it knows, or any at all.
    func command(_ device: Int, isSensible: Bool) {
        let client = clients[device]
        guard client.isSwitchedOn else { return }
        guard isSensible else { return ask(anything(device), from: device) }
        if isForGroup(device), let body = groupBody(device) { return ask(body, from: device) }
        let open = client.calls.filter { !$0.isEnded }
        guard !open.isEmpty, !random.isOne(in: 15) else { return ask(inviteOfSomebody(device), from: device) }
        let call = random.pick(open)
        let command: CallCommand? =
            switch call.participant(client.user)?.state {
            case .ringing: commandWhileRung()
            case .connected(let connection):
                if connection.device == client.device {
                    commandInCall(call, device)
                } else {
                    commandBeside(call, device)
                }
            case .declined, .left, nil: random.isOne(in: 3) ? .fetch : .join(request(), media(), isMember: false)
            }
        guard let command else { return ask(.invite(.user(other(in: call, device)), request()), from: device) }
        ask(.call(call.id, command), from: device)
    }

    /// A command while the device rings.
    private func commandWhileRung() -> CallCommand {
        switch random.below(20) {
        case 0..<9: .accept(request(), media())
        case 9..<12: .decline(request(), isBusy: false, reachable: [])
        case 12..<15: .decline(request(), isBusy: true, reachable: [])
        case 15..<18: .ringing(wokenByPush: random.isOne(in: 2))
        default: .hangUp(request(), mediaFailed: false)
        }
    }

    /// A command from the device that is in the call.
    private func commandInCall(_ call: Call, _ device: Int) -> CallCommand {
        if call.mode == .group, random.isOne(in: 2) { return commandInGroup(call, device) }
        return switch random.below(43) {
        case 0..<3: .hangUp(request(), mediaFailed: random.isOne(in: 3))
        case 3..<5: .cancel(request())
        case 5..<9: .setMedia(media())
        case 9..<18: .startScreenShare(request())
        case 18..<20: .stopScreenShare(request())
        case 40: .add(request(), [Callee(anybody())])
        case 41: .hold(random.isOne(in: 2))
        case 42: .raiseHand(random.isOne(in: 2), of: random.isOne(in: 4) ? anybody() : clients[device].user)
        case 20..<28: .signal(description(device), to: other(in: call, device))
        default: .signal(candidate(device), to: other(in: call, device))
        }
    }

    /// A command from a device whose user is in the call with another one; nil to invite once more.
    private func commandBeside(_ call: Call, _ device: Int) -> CallCommand? {
        switch random.below(12) {
        case 0..<4: .move(request(), media())
        case 4: .accept(request(), media())
        case 5: .decline(request(), isBusy: random.isOne(in: 2), reachable: [])
        case 6: .hangUp(request(), mediaFailed: false)
        case 7: .stopScreenShare(request())
        case 8: .fetch
        case 9: .signal(candidate(device), to: other(in: call, device))
        default: nil
        }
    }

    /// Any command, to any call or none.
    private func anything(_ device: Int) -> ClientFrame.Body {
        let call = ModelServer.callID(1 + random.below(Int(lastCall) + 1))
        let anybody = anybody()
        let command: CallCommand
        switch random.below(schedule.memberCount == 0 ? 17 : 21) {
        case 0: return inviteOfSomebody(device)
        case 1: command = .ringing(wokenByPush: random.isOne(in: 2))
        case 2: command = .accept(request(), media())
        case 3: command = .decline(request(), isBusy: false, reachable: [])
        case 4: command = .decline(request(), isBusy: true, reachable: [])
        case 5: command = .cancel(request())
        case 6: command = .hangUp(request(), mediaFailed: random.isOne(in: 2))
        case 7: command = .move(request(), media())
        case 8: command = .fetch
        case 9: command = .setMedia(media())
        case 10: command = .signal(random.isOne(in: 2) ? description(device) : candidate(device), to: anybody)
        case 11: command = .startScreenShare(request())
        case 12: command = .stopScreenShare(request())
        case 13: command = .hold(random.isOne(in: 2))
        case 14: command = .raiseHand(random.isOne(in: 2), of: anybody)
        case 15: command = .add(request(), [Callee(anybody)])
        case 16, 17: command = .join(request(), media(), isMember: false)
        default: command = .control(request(), control(of: anybody))
        }
        return .call(call, command)
    }

    private func inviteOfSomebody(_ device: Int) -> ClientFrame.Body {
        let own = device / World.devicesPerUser
        let callee = (own + 1 + random.below(schedule.userCount - 1)) % schedule.userCount
        return .invite(.user(World.user(of: callee * World.devicesPerUser)), request())
    }

    /// Sends more, or bigger, signals than a mailbox takes.
    func flood(_ device: Int) {
        let user = clients[device].user
        guard let call = clients[device].calls.first(where: { !$0.isEnded && $0.participant(user) != nil }) else {
            return
        }
        let recipient = other(in: call, device)
        if random.isOne(in: 8) {
            // More than can wait for one commit.
            slowUntil = now + .seconds(2)
            ask(.call(call.id, .startScreenShare(request())), from: device)
            for _ in 0..<600 { ask(.call(call.id, .fetch), from: device) }
        } else if random.isOne(in: 2) {
            for _ in 0..<130 { ask(.call(call.id, .signal(candidate(device), to: recipient)), from: device) }
        } else {
            let source = source(of: device)
            for _ in 0..<5 {
                let offer = Signal.description(.init(kind: .offer, sdp: World.longestDescription, source: source))
                ask(.call(call.id, .signal(offer, to: recipient)), from: device)
            }
        }
    }

    private static let longestDescription = String(repeating: "v", count: 64 * 1024)

    // MARK: Parts

    func request() -> RequestID {
        requests += 1
        return RequestID(high: 0xC, low: requests)
    }

    func media() -> MediaState {
        MediaState(microphone: random.isOne(in: 2), camera: random.isOne(in: 2))
    }

    func other(in call: Call, _ device: Int) -> UserID {
        let others = call.participants.filter { $0.user != clients[device].user }
        return others.isEmpty ? clients[device].user : random.pick(others).user
    }

    private func source(of device: Int) -> Signal.Source {
        Signal.Source(
            peerConnection: "\(device)-\(clients[device].peerConnections)", generation: clients[device].generation)
    }

    private func description(_ device: Int) -> Signal {
        switch random.below(6) {
        case 0:
            clients[device].peerConnections += 1
            clients[device].generation = 0
        case 1, 2: clients[device].generation += 1
        default: break
        }
        let kinds: [Signal.Description.Kind] = [.offer, .answer, .rollback]
        return .description(.init(kind: random.pick(kinds), sdp: serial(), source: source(of: device)))
    }

    private func candidate(_ device: Int) -> Signal {
        var source = source(of: device)
        // Some are outdated: gathered before the latest ICE restart, or for the previous peer connection.
        if random.isOne(in: 10), source.generation > 0 {
            source = .init(peerConnection: source.peerConnection, generation: source.generation - 1)
        } else if random.isOne(in: 20), clients[device].peerConnections > 0 {
            source = .init(peerConnection: "\(device)-\(clients[device].peerConnections - 1)", generation: 0)
        }
        return .candidate(
            .init(candidate: serial(), mid: "0", lineIndex: 0, usernameFragment: "u", source: source))
    }

    /// A unique body, so that signals can be told apart.
    private func serial() -> String {
        requests += 1
        return "\(requests)"
    }
}
