import Primitives

// What follows from a change of state is read off the two states, in one place, so that no transition can forget a
// row or a listener.

extension CallChange {
    /// The rows that have to be written for a call to become what it is.
    static func between(
        _ old: Call, _ new: Call, closedShares: [(sharer: UserID, at: Instant, reason: Call.ShareEndReason)]
    ) -> [CallChange] {
        var changes: [CallChange] = []
        for (index, participant) in new.participants.enumerated() {
            let before = index < old.participants.count ? old.participants[index] : nil
            if before.map({ $0.isStored(differentlyFrom: participant) }) ?? true {
                changes.append(.putParticipant(participant))
            }
        }
        for share in closedShares {
            changes.append(.closeShare(share.sharer, at: share.at, share.reason))
        }
        for share in new.screenShares where !old.screenShares.contains(share) {
            changes.append(.openShare(share))
        }
        // The row of the call goes with every change: its revision is what keeps a late writer out.
        if old.revision == 0 { return [.insertCall] + changes }
        return changes.isEmpty && !old.isStored(differentlyFrom: new) ? [] : [.updateCall] + changes
    }
}

extension CallDelivery {
    /// Whom to tell what about a change. The device that asked for it learns it from its reply.
    ///
    /// - Parameter difference: What of the call has changed; nil when nobody is to be told.
    static func between(
        _ old: Call, _ new: Call, _ difference: CallDifference?, origin: CallOrigin?
    ) -> [CallDelivery] {
        guard let difference else { return [] }
        var deliveries: [CallDelivery] = []
        for (index, after) in new.participants.enumerated() where !after.isHidden {
            let before = index < old.participants.count ? old.participants[index] : nil
            // Whoever is sent out is told that much, and nothing after it.
            guard after.maySeeCall || before?.maySeeCall ?? false else { continue }
            let user = after.user
            let everyDevice: Address =
                origin.flatMap { $0.user == user ? Address.others(user, than: $0.device) : nil } ?? .user(user)
            switch (before?.state, after.state) {
            case (.ringing, .connected(let connection)) where before?.isHidden == false:
                let others = Address.others(user, than: connection.device)
                deliveries.append(CallDelivery(to: others, .ringStopped(.answeredElsewhere)))
                // Somebody else may have let the device in.
                if origin?.user != user {
                    deliveries.append(CallDelivery(to: .device(user, connection.device), .updated))
                }
            // To whoever did not hear of the call it is news.
            case (.ringing, .ringing) where before?.isHidden == true:
                deliveries.append(CallDelivery(to: everyDevice, .incoming))
            case (.ringing, .declined) where before?.isHidden == true:
                deliveries.append(CallDelivery(to: everyDevice, .updated))
            case (.ringing, .declined), (.ringing, .left):
                deliveries.append(CallDelivery(to: everyDevice, .ringStopped(RingStopReason(of: new, for: after))))
            case (.connected(let old), .connected(let new))
            where old.joinedAt == new.joinedAt && old.device != new.device:
                deliveries.append(CallDelivery(to: .device(user, old.device), .moved))
                deliveries.append(CallDelivery(to: everyDevice, .changed(difference)))
            case (.declined, .ringing), (.left, .ringing), (nil, .ringing):
                deliveries.append(CallDelivery(to: everyDevice, .incoming))
            case (.ringing, .ringing), (.connected, _):
                // Whoever is told no more has nobody to ask for what they missed.
                deliveries.append(CallDelivery(to: everyDevice, after.maySeeCall ? .changed(difference) : .updated))
            case (_, .connected), (nil, _):
                deliveries.append(CallDelivery(to: everyDevice, .updated))
            case (.declined, .declined), (.declined, .left), (.left, .declined), (.left, .left):
                // Whoever is out of the call hears what concerns themselves, and that there is nothing to return to.
                if before != after || new.isEnded { deliveries.append(CallDelivery(to: everyDevice, .updated)) }
            }
        }
        return deliveries
    }
}

extension RingStopReason {
    fileprivate init(of call: Call, for participant: Participant) {
        switch participant.state {
        case .declined: self = .declinedElsewhere
        case .left(_, _, .noAnswer): self = .noAnswer
        case .left(_, _, .removed), .left(_, _, .kicked): self = .removed
        default:
            switch call.endReason {
            case .cancelled: self = .cancelled
            case .callerDisconnected: self = .callerDisconnected
            default: self = .callEnded
            }
        }
    }
}

extension Call {
    /// Whether people can see a difference.
    func looks(differentFrom other: Call) -> Bool {
        isStored(differentlyFrom: other) || participants != other.participants || screenShares != other.screenShares
            || joinRequests != other.joinRequests
    }

    /// Whether the row of the call has other contents.
    fileprivate func isStored(differentlyFrom other: Call) -> Bool {
        phase != other.phase || mode != other.mode || isLocked != other.isLocked
            || ringExpiresAt != other.ringExpiresAt
    }
}

extension Participant {
    fileprivate func isStored(differentlyFrom other: Participant) -> Bool {
        if role != other.role || rungAt != other.rungAt || isHidden != other.isHidden || standing != other.standing {
            return true
        }
        return switch (state, other.state) {
        case (.connected(let left), .connected(let right)):
            left.device != right.device || left.joinedAt != right.joinedAt
        case (.ringing(let left), .ringing(let right)): left.until != right.until
        case (.declined, .declined), (.left, .left): state != other.state
        case (.ringing, _), (.connected, _), (.declined, _), (.left, _): true
        }
    }
}
