import Primitives
import SignalingCore

// Who belongs to the group, and which devices are logged in: what the calls are told of it.
extension World {
    /// Whether a user is in a conversation now.
    func belongs(_ user: UserID, to conversation: ConversationID?) -> Bool {
        guard let conversation else { return false }
        return conversation == ModelServer.group
            ? members.contains(user) : ModelServer.isDirect(conversation, of: user)
    }

    func changeMembership(of user: UserID) {
        guard members.remove(user) != nil else {
            note("\(Describe.user(user)) is a member of the group")
            members.insert(user)
            return
        }
        note("\(Describe.user(user)) is no member of the group any more")
        let ending = MembershipEnding(user: user, conversation: ModelServer.group)
        for other in servers where other !== server { other.knowsMembers = false }
        server.endings += 1
        tell(server, .membershipEnded(ending, number: server.endings))
    }

    func logOut(_ device: Int) {
        guard loggedOut.insert(device).inserted else { return }
        note("\(Describe.device(device)) is logged out")
        let origin = World.origin(of: device)
        let isLast = World.devices(of: origin.user).allSatisfy(loggedOut.contains)
        tell(server, .loggedOut(origin.user, [origin.device], isLast: isLast))
        if let connection = server.sessions[device]?.connection {
            queue.put(.serverNoticesLoss(connection: connection), at: now)
        }
        switchOff(device)
    }

    /// Tells a server; a suspended one is told when it goes on.
    private func tell(_ server: ModelServer, _ input: CallTable.Input) {
        guard server.isUp else { return }
        if server.isPaused {
            server.putOff.append(.hands(input, server: server.number))
            server.knowsMembers = false
        } else {
            give(input, to: server)
        }
    }
}
