public import Primitives

/// When the devices of one call are told of changes that only show: what somebody sends, a hold, a raised hand, that a
/// device rings or is out of reach, that somebody asks to be let in.
///
/// The first one after a quiet time is told at once, so that a mute shows at once. Those that follow it are taken together:
/// when the interval is over, everybody who has yet to hear of one of them gets the latest picture, once. Every other
/// change is told at once, and its picture stands for what was held back.
public struct UpdatePace: Sendable, Equatable {
    /// The shortest time between two tellings of changes that only show. Four pictures a second look prompt; more of them
    /// cost everybody in a large call more than they show.
    public static let interval = Instant.Span.milliseconds(250)

    /// When such a change was last told.
    private var lastTold: Instant?
    /// Who has yet to be told of the latest picture; each user once.
    private var owed: [Address] = []

    /// Begins with a call that is quiet.
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
        guard transition.onlyShows else {
            if !owed.isEmpty { owed = owed.left(after: transition.deliveries) }
            return transition.deliveries
        }
        if let lastTold, lastTold <= now, now < lastTold + Self.interval {
            owed = owed.joined(by: transition.deliveries.map(\.address))
            return []
        }
        lastTold = now
        guard !owed.isEmpty else { return transition.deliveries }
        defer { owed = [] }
        return owed.joined(by: transition.deliveries.map(\.address)).map { CallDelivery(to: $0, .updated) }
    }

    /// What is told to those who were kept waiting, as far as they are still in the call or rung for it.
    public mutating func release(of call: Call, at now: Instant) -> [CallDelivery] {
        guard !owed.isEmpty else { return [] }
        defer { owed = [] }
        lastTold = now
        let involved = Set(call.participants.filter { $0.maySeeCall && ($0.isRinging || $0.isConnected) }.map(\.user))
        return owed.filter { involved.contains($0.user) }.map { CallDelivery(to: $0, .updated) }
    }
}

extension CallTransition {
    /// Whether nothing follows from it but that everybody gets a new picture of the call, with nothing to be stored.
    var onlyShows: Bool {
        changes.isEmpty && !deliveries.isEmpty && deliveries.allSatisfy { $0.event == .updated }
    }
}

extension CallEvent {
    /// Whether devices get a picture of the call with it.
    var carriesCall: Bool {
        switch self {
        case .incoming, .updated, .ringStopped, .moved: true
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

    /// What of these gets no picture of the call by deliveries: the device that asked for the change has its answer
    /// instead, unless it wanted none.
    fileprivate func left(after deliveries: [CallDelivery]) -> [Address] {
        var reached: [UserID: [Address]] = [:]
        for delivery in deliveries where delivery.event.carriesCall {
            reached[delivery.address.user, default: []].append(delivery.address)
        }
        return compactMap { address in
            (reached[address.user] ?? []).reduce(Address?.some(address)) { $0?.left(after: $1) }
        }
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

    /// The devices of this address that another one of the same user does not reach; more of them where no address says it.
    fileprivate func left(after other: Address) -> Address? {
        switch (self, other) {
        case (_, .user): nil
        case (.user, .others(_, than: let left)): .device(user, left)
        case (.user, .device(_, let device)): .others(user, than: device)
        case (.others(_, than: let unowed), .others(_, than: let left)): unowed == left ? nil : .device(user, left)
        case (.others, .device): self
        case (.device(_, let device), .others(_, than: let left)): device == left ? self : nil
        case (.device(_, let device), .device(_, let reached)): device == reached ? nil : self
        }
    }
}
