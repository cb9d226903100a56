public import Primitives

/// When the devices of one call are told of changes that only show: what somebody sends, a hold, a raised hand, that a
/// device rings or is out of reach, that somebody asks to be let in. And from which revision on what they are told goes.
///
/// The first one after a quiet time is told at once, so that a mute shows at once. Those that follow it are taken together:
/// when the interval is over, everybody who has yet to hear of one of them is told of all of them, once. Every other
/// change is told at once, and what was held back is told with it.
///
/// So everybody in the call or rung for it knows it as it was before what is held back now, or better: whoever asked for a
/// change has it whole, with the answer. One difference, from there on, is right for all of them.
public struct UpdatePace: Sendable, Equatable {
    /// The shortest time between two tellings of changes that only show. Four pictures a second look prompt; more of them
    /// cost everybody in a large call more than they show.
    public static let interval = Instant.Span.milliseconds(250)

    /// When such a change was last told.
    private var lastTold: Instant?
    /// Who has yet to be told of what is held back; each user once.
    private var owed: [Address] = []
    /// What is held back.
    private var heldBack: CallDifference?
    /// Whether everybody was told of the call once. Before that nobody knows what its people know: they may have it from
    /// an owner before this one, at a revision far behind.
    private var isKnown = false

    /// Begins with a call that is quiet, and that nobody was told of.
    public init() {}

    /// When those who were kept waiting are to be told; nil when nobody was.
    public var due: Instant? {
        guard let lastTold, !owed.isEmpty else { return nil }
        return lastTold + Self.interval
    }

    /// What of a transition is to be told now.
    ///
    /// - Parameter now: The present; a clock that was set back holds nothing up.
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

    /// What is told to those who were kept waiting, as far as they are still in the call or rung for it.
    public mutating func release(of call: Call, at now: Instant) -> [CallDelivery] {
        guard let news = heldBack else { return [] }
        let involved = Set(call.participants.filter { $0.maySeeCall && ($0.isRinging || $0.isConnected) }.map(\.user))
        let addresses = owed.filter { involved.contains($0.user) }
        (owed, heldBack, lastTold) = ([], nil, now)
        return addresses.map { CallDelivery(to: $0, .changed(news)) }
    }
}

extension CallTransition {
    /// Whether nothing follows from it but that everybody is told what has changed, with nothing to be stored.
    var onlyShows: Bool {
        changes.isEmpty && !deliveries.isEmpty
            && deliveries.allSatisfy { if case .changed = $0.event { true } else { false } }
    }
}

extension CallEvent {
    /// Whether devices get the call with it, or what has changed of it.
    var carriesCall: Bool {
        switch self {
        case .incoming, .updated, .changed, .ringStopped, .moved: true
        case .signal, .offerUnanswered, .mediaStopped, .joinDenied: false
        }
    }
}

/// Addresses of which no two are of one user.
extension [Address] {
    /// These and others together.
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
    /// The devices of this address and of another one of the same user; more of that user's where no address says it.
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
