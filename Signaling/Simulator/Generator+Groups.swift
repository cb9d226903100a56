import Primitives
import SignalingCore

// What devices ask for in group calls.
extension World {
    /// Whether a device turns to the group now: its user belongs to it, or tries to.
    func isForGroup(_ device: Int) -> Bool {
        guard schedule.memberCount > 0, random.isOne(in: 2) else { return false }
        return !clients[device].calls.contains {
            !$0.isEnded && $0.participant(clients[device].user)?.isRinging ?? false
        }
    }

    /// The group call that goes on is joined, as the conversation shows it; where there is none, one is placed. Nil for
    /// one who is in it.
    func groupBody(_ device: Int) -> ClientFrame.Body? {
        let user = clients[device].user
        let live = server.calls.filter { $0.call.mode == .group }
        if live.isEmpty { return members.contains(user) ? .invite(.group, request()) : nil }
        let call = random.pick(live).call
        if call.participant(user)?.connection?.device == clients[device].device { return nil }
        if call.joinRequests.contains(where: { $0.origin.user == user }), random.isOne(in: 3) {
            return .call(call.id, .hangUp(request(), mediaFailed: false))
        }
        if members.contains(user), random.isOne(in: 6) { return .invite(.group, request()) }
        return .call(call.id, .join(request(), media(), isMember: false))
    }

    /// With the device that is in the group call.
    func commandInGroup(_ call: Call, _ device: Int) -> CallCommand {
        if let asking = call.joinRequests.first, random.isOne(in: 2) {
            return .control(request(), .admit(asking.origin.user, isAdmitted: random.isOne(in: 2)))
        }
        return switch random.below(20) {
        case 0..<4: .add(request(), (0...random.below(2)).map { _ in Callee(anybody()) })
        case 4..<6: .hangUp(request(), mediaFailed: random.isOne(in: 6))
        case 6: .raiseHand(random.isOne(in: 2), of: anybody())
        case 7: .hold(random.isOne(in: 2))
        case 8: .startScreenShare(request())
        case 9..<11: .control(request(), .lock(true))
        default: .control(request(), control(of: random.isOne(in: 8) ? anybody() : other(in: call, device)))
        }
    }

    /// Something that hosts may do to somebody.
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

    /// One of the people of the schedule.
    func anybody() -> UserID {
        World.user(of: random.below(schedule.userCount) * World.devicesPerUser)
    }
}
