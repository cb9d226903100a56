import Primitives

// Whoever has no business in the call any more is out of it at once, and told to be removed.
extension CallTurn {
    /// A user does not belong to the conversation any more: there is no coming back but as a member again, or by being rung.
    mutating func membershipEnded(_ user: UserID) {
        guard !call.isEnded else { return }
        expel(user)
        guard let index = call.index(of: user) else { return }
        call.participants[index].standing = .former
        // Whoever is rung as a guest later is nobody's host.
        call.participants[index].role = .participant
    }

    /// A device was logged out. What the user does with others goes on.
    mutating func loggedOut(_ origin: CallOrigin) {
        guard !call.isEnded else { return }
        withdrawJoinRequest(of: origin)
        if isActive(origin) { leave(origin.user, .removed) }
    }

    /// Every device of a user was logged out. Whoever logs in again may come back.
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
