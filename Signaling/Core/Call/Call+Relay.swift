import Primitives

// Relays signals between the active devices of a call's participants. Bodies are opaque.
extension CallTurn {
    mutating func pass(_ signal: Signal, from origin: CallOrigin, to recipient: UserID) {
        if call.isEnded {
            droppedSignals += 1
            return
        }
        guard isActive(origin) else {
            refusal = .wrongState
            return
        }
        guard recipient != origin.user, let participant = call.participant(recipient) else {
            refusal = .forbidden
            return
        }
        var mailbox = call.mailbox
        guard mailbox.isCurrent(signal, from: origin.user, to: recipient) else {
            droppedSignals += 1
            return
        }
        switch participant.state {
        case .connected(let connection) where connection.reachability == .reachable:
            hand(signal, from: origin.user, to: CallOrigin(user: recipient, device: connection.device))
        case .ringing, .connected:
            guard mailbox.put(signal, from: origin.user, to: recipient) else {
                refusal = .mailboxFull
                return
            }
        case .declined, .left:
            droppedSignals += 1
        }
        call.mailbox = mailbox
    }

    /// Hands over, in order, what was waiting for a participant whose device can now be reached.
    mutating func deliverMail(to recipient: CallOrigin) {
        for letter in call.mailbox.take(recipient: recipient.user) {
            hand(letter.signal, from: letter.sender, to: recipient)
        }
    }

    private mutating func hand(_ signal: Signal, from sender: UserID, to recipient: CallOrigin) {
        call.negotiations.note(signal, from: sender, to: recipient.user, at: now)
        told.append(CallDelivery(to: .device(recipient.user, recipient.device), .signal(signal, from: sender)))
    }

    /// An offer was not answered in time: its sender is told, and may make it again.
    mutating func giveUp(_ negotiation: Negotiation) {
        call.negotiations.end(negotiation)
        guard let device = call.participant(negotiation.offerer)?.connection?.device else { return }
        told.append(
            CallDelivery(to: .device(negotiation.offerer, device), .offerUnanswered(by: negotiation.answerer)))
    }
}

/// An offer that was handed over and is not answered yet (RFC 3264).
struct Negotiation: Sendable, Equatable {
    /// Who made the offer.
    let offerer: UserID
    /// Who has to answer it.
    let answerer: UserID
    /// When it was handed over.
    let since: Instant
}

/// The open offers of a call, the oldest first: at most one in each direction between two participants.
struct Negotiations: Sendable, Equatable {
    private var open: [Negotiation] = []

    /// The offer that has waited longest.
    var oldest: Negotiation? { open.first }

    /// Notes a description on its way.
    mutating func note(_ signal: Signal, from sender: UserID, to recipient: UserID, at now: Instant) {
        guard case .description(let description) = signal else { return }
        switch description.kind {
        case .offer:
            open.removeAll { $0.offerer == sender && $0.answerer == recipient }
            open.append(Negotiation(offerer: sender, answerer: recipient, since: now))
        case .answer: open.removeAll { $0.offerer == recipient && $0.answerer == sender }
        case .rollback: open.removeAll { $0.offerer == sender && $0.answerer == recipient }
        }
    }

    /// Removes an offer.
    mutating func end(_ negotiation: Negotiation) { open.removeAll { $0 == negotiation } }

    /// Removes every offer that a user made or has to answer, because that device is gone.
    mutating func forget(_ user: UserID) { open.removeAll { $0.offerer == user || $0.answerer == user } }
}
