import Primitives

// Users who no longer belong to the call are taken out at once, and told that they were removed.
extension CallTurn {
    /// A user no longer belongs to the conversation, and can return only as a member again or by being rung.
    mutating func membershipEnded(_ user: UserID) {
        guard !call.isEnded else { return }
        expel(user)
        guard let index = call.index(of: user) else { return }
        call.participants[index].standing = .former
        // If rung as a guest later, this user is not a host.
        call.participants[index].role = .participant
    }

    /// A device was logged out. What the user does with other devices goes on.
    mutating func loggedOut(_ origin: CallOrigin) {
        guard !call.isEnded else { return }
        withdrawJoinRequest(of: origin)
        if isActive(origin) { leave(origin.user, .removed) }
    }

    /// Every device of a user was logged out. A user who logs in again may come back.
    mutating func loggedOut(_ user: UserID) {
        guard !call.isEnded else { return }
        expel(user)
    }

    private mutating func expel(_ user: UserID) {
        if let request = call.joinRequest(of: user) { turnAway(request) }
        switch call.participant(user)?.state {
        case .ringing:
            set(user, .left(joinedAt: nil, at: now, .removed))
            endIfNobodyIsRung()
        case .connected: leave(user, .removed)
        case .declined, .left, nil: break
        }
    }
}
