import Primitives
import SignalingCore

// What devices request in group calls.
extension World {
    /// Whether a device now acts in the group: its user belongs to it, or tries to.
    func isForGroup(_ device: Int) -> Bool {
        guard schedule.memberCount > 0, random.isOne(in: 2) else { return false }
        return !clients[device].calls.contains {
            !$0.isEnded && $0.participant(clients[device].user)?.isRinging ?? false
        }
    }

    /// Joins the open group call, as shown in the conversation; places one if there is none. Nil for those in it.
    func groupBody(_ device: Int) -> ClientFrame.Body? {
        let user = clients[device].user
        let live = server.followed.filter { $0.call.mode == .group }
        if live.isEmpty { return members.contains(user) ? .invite(.group, request()) : nil }
        let call = random.pick(live).call
        if call.participant(user)?.connection?.device == clients[device].device { return nil }
        if call.joinRequests.contains(where: { $0.origin.user == user }), random.isOne(in: 3) {
            return .call(call.id, .hangUp(request(), mediaFailed: false))
        }
        if members.contains(user), random.isOne(in: 6) { return .invite(.group, request()) }
        return .call(call.id, .join(request(), media(), isMember: false))
    }

    /// A command from a device that is in the group call.
    func commandInGroup(_ call: Call, _ device: Int) -> CallCommand {
        if let asking = call.joinRequests.first, random.isOne(in: 2) {
            return .control(request(), .admit(asking.origin.user, isAdmitted: random.isOne(in: 2)))
        }
        // Bars are rare, and lifting them has rules of its own.
        if let barred = call.participants.first(where: \.isBarred), random.isOne(in: 3) {
            return .add(request(), [Callee(barred.user)])
        }
        if !call.isLocked, random.isOne(in: 6), call.participant(clients[device].user)?.isHostOrCoHost ?? false {
            return .control(request(), .lock(true))
        }
        return switch random.below(20) {
        case 0..<4:
            .add(
                request(),
                (0...random.below(2)).map { _ in Callee(random.isOne(in: 2) ? former(of: call) : anybody()) })
        case 4..<6: .hangUp(request(), mediaFailed: random.isOne(in: 6))
        case 6: .raiseHand(random.isOne(in: 2), of: anybody())
        case 7: .hold(random.isOne(in: 2))
        case 8: .startScreenShare(request())
        case 9..<11: .control(request(), .lock(true))
        default: .control(request(), control(of: random.isOne(in: 8) ? anybody() : other(in: call, device)))
        }
    }

    /// A host control against somebody.
    func control(of user: UserID) -> HostControl {
        switch random.below(20) {
        case 0..<4: .setRole(user, random.pick(Participant.Role.allCases))
        case 4..<7: .stopMedia(random.pick(Medium.allCases), of: random.isOne(in: 3) ? nil : user)
        case 7..<12: .remove(user, isBarred: random.isOne(in: 2))
        case 12..<16: .lock(!random.isOne(in: 3))
        case 16..<19: .admit(user, isAdmitted: random.isOne(in: 2))
        default: .end
        }
    }

    /// Who can next be rung again in an open group call, and when.
    var nextRungAgain: (call: Call, user: UserID, at: Instant)? {
        var next: (call: Call, user: UserID, at: Instant)?
        let error = server.clockError
        for call in server.followed.map(\.call) where call.mode == .group {
            for participant in call.participants where !participant.isConnected {
                guard let rungAt = participant.rungAt else { continue }
                let at = (participant.ringing?.until ?? rungAt + call.rules.timings.ringAgain) - error
                // A microsecond ago counts, too: an act may deliberately come that late.
                if at >= now - Instant.Span(microseconds: 1), next.map({ at < $0.at }) ?? true {
                    next = (call, participant.user, at)
                }
            }
        }
        return next
    }

    /// Lets somebody who is in the call ring the user who can next be rung again.
    func ringAgain() {
        guard let (call, user, _) = nextRungAgain else { return }
        guard let device = device(in: call, where: { _ in true }) else { return }
        ask(.call(call.id, .add(request(), [Callee(user)])), from: device)
    }

    /// Lets a host answer those who ask to be admitted, or lock the call if nobody does.
    func answerDoor() {
        let live = server.followed.map(\.call).filter { $0.mode == .group && !$0.isEnded }
        guard let call = live.first(where: { !$0.joinRequests.isEmpty }) ?? live.first,
            let device = device(in: call, where: \.isHostOrCoHost)
        else { return }
        guard let asking = call.joinRequests.first?.origin.user else {
            return ask(.call(call.id, .control(request(), .lock(true))), from: device)
        }
        let isFull = call.participants.count(where: \.isInvolved) >= call.rules.participantLimit
        let command: CallCommand =
            switch random.below(isFull ? 4 : 8) {
            case 0..<2: .control(request(), .lock(false))
            case 2..<4: .add(request(), [Callee(anybody())])
            default: .control(request(), .admit(asking, isAdmitted: random.isOne(in: 2)))
            }
        ask(.call(call.id, command), from: device)
    }

    /// The device of one of those participants that is in a call.
    private func device(in call: Call, where isMeant: (Participant) -> Bool) -> Int? {
        let devices = clients.indices.filter { device in
            guard clients[device].isWelcome, let participant = call.participant(clients[device].user) else {
                return false
            }
            return participant.connection?.device == clients[device].device && isMeant(participant)
        }
        return devices.isEmpty ? nil : random.pick(devices)
    }

    /// Somebody who was in the call or rung for it and no longer is; anybody when there is nobody like that.
    private func former(of call: Call) -> UserID {
        let former = call.participants.filter { !$0.isInvolved || $0.isHidden }
        return former.isEmpty ? anybody() : random.pick(former).user
    }

    /// One of the people of the schedule.
    func anybody() -> UserID {
        World.user(of: random.below(schedule.userCount) * World.devicesPerUser)
    }
}
