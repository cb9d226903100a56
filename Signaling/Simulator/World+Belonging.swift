import Primitives
import SignalingCore

// Who belongs to the group, and which devices are logged in: what the calls hear of it.
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
        if server.isUp { expel(user, by: .membershipEnded(user)) { $0.conversation == ModelServer.group } }
    }

    func logOut(_ device: Int) {
        guard loggedOut.insert(device).inserted else { return }
        note("\(Describe.device(device)) is logged out")
        if server.isUp { tellOfLogOut(device) }
        if let connection = server.sessions[device]?.connection { serverNoticesLoss(connection) }
        switchOff(device)
    }

    /// What a server hears of after its start that happened while there was none.
    func catchUp() {
        for call in server.calls.map(\.call) where call.conversation == ModelServer.group {
            for participant in call.participants
            where participant.standing == .member && !members.contains(participant.user) {
                expel(participant.user, by: .membershipEnded(participant.user)) { $0.id == call.id }
            }
        }
        for device in loggedOut.sorted() { tellOfLogOut(device) }
    }

    /// The members as they are when the command comes to its call, and not when it was looked up.
    func upToDate(_ input: CallInput, _ conversation: ConversationID) -> CallInput {
        switch input {
        case .command(.join(let request, let media, isMember: true), from: let origin):
            let isMember = belongs(origin.user, to: conversation)
            return .command(.join(request, media, isMember: isMember), from: origin)
        case .command(.add(let request, var callees), from: let origin):
            for index in callees.indices where !belongs(callees[index].user, to: conversation) {
                callees[index].isMember = false
            }
            return .command(.add(request, callees), from: origin)
        default: return input
        }
    }

    private func tellOfLogOut(_ device: Int) {
        let origin = World.origin(of: device)
        expel(origin.user, by: .deviceLoggedOut(origin.user, origin.device)) { _ in true }
        if World.devices(of: origin.user).allSatisfy(loggedOut.contains) {
            expel(origin.user, by: .userLoggedOut(origin.user)) { _ in true }
        }
    }

    /// Gives an input to the calls that a user is known to, or may be by what is on its way to disk. It is owed until it has come
    /// about.
    private func expel(_ user: UserID, by input: CallInput, from isMeant: (Call) -> Bool) {
        for live in server.calls where isMeant(live.call) {
            if case .settled = live.standing, !live.call.concerns(user) { continue }
            guard let index = index(of: live.call.id) else { continue }
            if !server.calls[index].owed.contains(input) { server.calls[index].owed.append(input) }
            receive(.input(input, nil), for: live.call.id)
        }
    }
}
