import Primitives

// What follows from a change is read off what has happened, in one place, so that no transition can forget a row or a
// listener.

extension CallChange {
    /// The rows that have to be written for a call to become what it is.
    static func following(_ happenings: [CallHappening], in call: Call) -> [CallChange] {
        guard happenings.contains(where: \.isStored) else { return [] }
        // The row of the call goes with every change: its revision is what keeps a late writer out.
        var changes: [CallChange] = [happenings.first == .placed ? .insertCall : .updateCall]
        /// The place of the participant whose row is the latest: it is written once, whatever has happened to them.
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
    /// Whom to tell what about a change. The device that asked for it learns it from its reply.
    ///
    /// - Parameter difference: What of the call has changed; nil when nobody is to be told.
    static func following(
        _ happenings: [CallHappening], in call: Call, _ difference: CallDifference?, origin: CallOrigin?
    ) -> [CallDelivery] {
        guard let difference else { return [] }
        var deliveries: [CallDelivery] = []
        var all = ParticipantHappenings.Reader(happenings)
        for (place, after) in call.participants.enumerated() {
            let own = all.next(at: place)
            // Whoever is sent out is told that much, and nothing after it.
            guard !after.isHidden, after.maySeeCall || own.isShutOut else { continue }
            let user = after.user
            let everyDevice: Address =
                origin.flatMap { $0.user == user ? Address.others(user, than: $0.device) : nil } ?? .user(user)
            // Whoever is told no more has nobody to ask for what they missed.
            let change = after.maySeeCall ? CallEvent.changed(difference) : .updated
            switch after.state {
            case .connected(let connection):
                if let reason = own.ringStop {
                    let others = Address.others(user, than: connection.device)
                    deliveries.append(CallDelivery(to: others, .ringStopped(reason)))
                    // Somebody else may have let the device in.
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
                // To whoever did not hear of the call it is news.
                deliveries.append(CallDelivery(to: everyDevice, own.isRung ? .incoming : change))
            case .declined, .left:
                if let reason = own.ringStop {
                    deliveries.append(CallDelivery(to: everyDevice, .ringStopped(reason)))
                } else if own.hasLeft {
                    deliveries.append(CallDelivery(to: everyDevice, change))
                } else if own.isAnything || call.isEnded {
                    // Whoever is out of the call hears what concerns themselves, and that there is nothing to return to.
                    deliveries.append(CallDelivery(to: everyDevice, .updated))
                }
            }
        }
        return deliveries
    }
}

/// What has happened to one participant, as far as it says what they are told.
private struct ParticipantHappenings {
    /// Whether anything has.
    var isAnything = false
    /// Whether a ring begins to be heard.
    var isRung = false
    /// Why a ring that was heard is over, if it is.
    var ringStop: RingStopReason?
    var hasJoined = false
    /// The device that had the call before, if another has it now.
    var movedFrom: DeviceID?
    /// Whether the participant was in the call, and is not any more.
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

    /// Goes through what has happened once, from participant to participant.
    struct Reader {
        private let happenings: [CallHappening]
        private var index: Int

        init(_ happenings: [CallHappening]) {
            self.happenings = happenings
            index = happenings.firstIndex { $0.place != nil } ?? happenings.endIndex
        }

        /// What has happened to the participant at this place, the next one that is asked for.
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
