import Primitives

// Everything that follows from a change is derived from what has happened, in one place, so that no transition can
// forget a row or a recipient.

extension CallChange {
    /// The rows to write for a call to become what it is.
    static func following(_ happenings: [CallHappening], in call: Call) -> [CallChange] {
        guard happenings.contains(where: \.isStored) else { return [] }
        // The row of the call is written with every change: its revision keeps late writers out.
        var changes: [CallChange] = [happenings.first == .placed ? .insertCall : .updateCall]
        /// The index of the participant whose row was added last: each row is written once, whatever has happened.
        var written: Int?
        for happening in happenings {
            switch happening {
            case .rang(let place, _), .joined(let place), .moved(let place, _), .declined(let place, _),
                .left(let place, _, _), .roleChanged(let place), .amended(let place), .revealed(let place),
                .stoppedRinging(let place, _, _), .shutOut(let place):
                guard written != place else { continue }
                changes.append(.putParticipant(call.participants[place]))
                written = place
            case .shareEnded(let sharer, let at, let reason): changes.append(.closeShare(sharer, at: at, reason))
            case .shareBegan(let share): changes.append(.openShare(share))
            case .placed, .answered, .shown, .awaited, .grew, .lockChanged, .ringProlonged, .lobbyChanged, .askedAgain,
                .ended:
                break
            }
        }
        return changes
    }
}

extension CallDelivery {
    /// Who is told what about a change. The device that asked for it learns it from its reply.
    ///
    /// - Parameter difference: What has changed in the call; nil when nobody is to be told.
    static func following(
        _ happenings: [CallHappening], in call: Call, _ difference: CallDifference?, origin: CallOrigin?
    ) -> [CallDelivery] {
        guard let difference else { return [] }
        var deliveries: [CallDelivery] = []
        var all = ParticipantHappenings.Reader(happenings)
        for (place, after) in call.participants.enumerated() {
            let own = all.next(at: place)
            // Somebody who is sent out is told so, and nothing after it.
            guard !after.isHidden, after.maySeeCall || own.isShutOut else { continue }
            let user = after.user
            let everyDevice: Address =
                origin.flatMap { $0.user == user ? Address.others(user, than: $0.device) : nil } ?? .user(user)
            // Somebody who will be told nothing more can't ask for what they missed.
            let change = after.maySeeCall ? CallEvent.changed(difference) : .updated
            switch after.state {
            case .connected(let connection):
                if let reason = own.ringStop {
                    let others = Address.others(user, than: connection.device)
                    deliveries.append(CallDelivery(to: others, .ringStopped(reason)))
                    // Another user may have admitted the device.
                    if origin?.user != user {
                        deliveries.append(CallDelivery(to: .device(user, connection.device), .updated))
                    }
                } else if own.hasJoined {
                    deliveries.append(CallDelivery(to: everyDevice, .updated))
                } else {
                    if let device = own.movedFrom {
                        deliveries.append(CallDelivery(to: .device(user, device), .moved))
                    }
                    deliveries.append(CallDelivery(to: everyDevice, change))
                }
            case .ringing:
                // It is news to those who did not know of the call.
                deliveries.append(CallDelivery(to: everyDevice, own.isRung ? .incoming : change))
            case .declined, .left:
                if let reason = own.ringStop {
                    deliveries.append(CallDelivery(to: everyDevice, .ringStopped(reason)))
                } else if own.hasLeft {
                    deliveries.append(CallDelivery(to: everyDevice, change))
                } else if own.isAnything || call.isEnded {
                    // Those who are out of the call are told what concerns them, and that they can't return.
                    deliveries.append(CallDelivery(to: everyDevice, .updated))
                }
            }
        }
        return deliveries
    }
}

/// What has happened to one participant, as far as it decides what they are told.
private struct ParticipantHappenings {
    /// Whether anything has happened.
    var isAnything = false
    /// Whether an audible ring begins.
    var isRung = false
    /// Why an audible ring is over, if it is.
    var ringStop: RingStopReason?
    var hasJoined = false
    /// The device that had the call before, if another has it now.
    var movedFrom: DeviceID?
    /// Whether the participant was in the call and no longer is.
    var hasLeft = false
    var isShutOut = false

    private mutating func take(_ happening: CallHappening) {
        isAnything = true
        switch happening {
        case .rang(_, let beginning): isRung = beginning != .unheard
        case .stoppedRinging(_, _, let reason): ringStop = reason
        case .joined: hasJoined = true
        case .moved(_, let device): movedFrom = device
        case .left(_, _, let wasIn): hasLeft = wasIn
        case .shutOut: isShutOut = true
        case .revealed, .declined, .roleChanged, .shown, .amended, .awaited, .placed, .answered, .shareEnded,
            .shareBegan, .grew, .lockChanged, .ringProlonged, .lobbyChanged, .askedAgain, .ended:
            break
        }
    }

    /// Reads what has happened once, participant by participant.
    struct Reader {
        private let happenings: [CallHappening]
        private var index: Int

        init(_ happenings: [CallHappening]) {
            self.happenings = happenings
            index = happenings.firstIndex { $0.place != nil } ?? happenings.endIndex
        }

        /// What has happened to the participant at this index; indices must be asked for in order.
        mutating func next(at place: Int) -> ParticipantHappenings {
            var own = ParticipantHappenings()
            while index < happenings.endIndex, happenings[index].place == place {
                own.take(happenings[index])
                index += 1
            }
            return own
        }
    }
}
