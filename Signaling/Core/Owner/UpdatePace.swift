public import Primitives

/// When the devices of one call are told of changes that only show: what somebody sends, a hold, a raised hand, that a
/// device rings or is disconnected, that somebody asks to be admitted. And the base revision of what they are told.
///
/// The first one after a quiet time is sent at once, so that a mute shows at once. Those that follow are combined: when
/// the interval is over, everybody who has not been told of one of them is told of all of them, once. Every other
/// change is sent at once, together with what was held back.
///
/// So everybody in the call or rung for it knows at least its state before what is held back now: a device that asked
/// for a change has the whole call from its answer. One difference from that state on is right for all of them.
public struct UpdatePace: Sendable, Equatable {
    /// The shortest time between two updates with changes that only show. Four updates a second look prompt; more of
    /// them cost everybody in a large call more than they are worth.
    public static let interval = Instant.Span.milliseconds(250)

    /// When such a change was last sent.
    private var lastTold: Instant?
    /// Who still has to be told what is held back; each user once.
    private var owed: [Address] = []
    /// What is held back.
    private var heldBack: CallDifference?
    /// Whether everybody has been told of the call once. Before that it is not known what its people know: they may
    /// have it from a previous owner, at a much older revision.
    private var isKnown = false

    /// Starts with a quiet call of which nobody has been told.
    public init() {}

    /// When to tell those who were kept waiting; nil when there are none.
    public var due: Instant? {
        guard let lastTold, !owed.isEmpty else { return nil }
        return lastTold + Self.interval
    }

    /// What of a transition to send now.
    ///
    /// - Parameter now: The current time; a clock that was set back delays nothing.
    public mutating func tell(_ transition: CallTransition, at now: Instant) -> [CallDelivery] {
        guard let difference = transition.difference else { return transition.deliveries }
        let news = heldBack?.joined(by: difference) ?? difference
        if transition.onlyShows {
            if let lastTold, lastTold <= now, now < lastTold + Self.interval {
                owed = owed.joined(by: transition.deliveries.map(\.address))
                heldBack = news
                return []
            }
            lastTold = now
        }
        let event = isKnown ? CallEvent.changed(news) : .updated
        (owed, heldBack, isKnown) = ([], nil, true)
        return transition.deliveries.map { delivery in
            if case .changed = delivery.event { CallDelivery(to: delivery.address, event) } else { delivery }
        }
    }

    /// What to send to those who were kept waiting and are still in the call or rung for it.
    public mutating func release(of call: Call, at now: Instant) -> [CallDelivery] {
        guard let news = heldBack else { return [] }
        let involved = Set(call.participants.filter { $0.maySeeCall && ($0.isRinging || $0.isConnected) }.map(\.user))
        let addresses = owed.filter { involved.contains($0.user) }
        (owed, heldBack, lastTold) = ([], nil, now)
        return addresses.map { CallDelivery(to: $0, .changed(news)) }
    }
}

extension CallTransition {
    /// Whether its only effect is that everybody is told what has changed, with nothing to store.
    var onlyShows: Bool {
        changes.isEmpty && !deliveries.isEmpty
            && deliveries.allSatisfy { if case .changed = $0.event { true } else { false } }
    }
}

extension CallEvent {
    /// Whether it carries the call or what has changed in it.
    var carriesCall: Bool {
        switch self {
        case .incoming, .updated, .changed, .ringStopped, .moved: true
        case .gone, .signal, .offerUnanswered, .mediaStopped, .joinDenied: false
        }
    }
}

/// Addresses with at most one for each user.
extension [Address] {
    /// These and others combined.
    fileprivate func joined(by others: [Address]) -> [Address] {
        guard !isEmpty else { return others }
        var joined = self
        var places = Dictionary(uniqueKeysWithValues: enumerated().map { ($1.user, $0) })
        for other in others {
            if let place = places[other.user] {
                joined[place] = joined[place].joined(by: other)
            } else {
                places[other.user] = joined.count
                joined.append(other)
            }
        }
        return joined
    }
}

extension Address {
    /// The devices of this address and of another one of the same user; more of them where no address fits.
    fileprivate func joined(by other: Address) -> Address {
        switch (self, other) {
        case (.user, _), (_, .user): .user(user)
        case (.others(_, than: let left), .others(_, than: let alsoLeft)): left == alsoLeft ? self : .user(user)
        case (.others(_, than: let left), .device(_, let device)): left == device ? .user(user) : self
        case (.device(_, let device), .others(_, than: let left)): left == device ? .user(user) : other
        case (.device(_, let device), .device(_, let another)): device == another ? self : .user(user)
        }
    }
}
