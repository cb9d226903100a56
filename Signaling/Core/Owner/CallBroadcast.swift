public import Primitives

/// An event and everybody whom it goes to: it is mapped and encoded once for all of them.
public struct CallBroadcast: Sendable, Equatable {
    /// What.
    public let event: CallEvent
    /// To whom.
    public internal(set) var addresses: [Address]

    /// Puts deliveries of the same event together, in an order in which everybody hears what concerns them as in the
    /// order of the deliveries.
    public static func gathered(from deliveries: [CallDelivery]) -> [CallBroadcast] {
        var broadcasts: [CallBroadcast] = []
        /// The broadcasts that carry the call: there are few of them, and they are worth looking through.
        var heavy: [Int] = []
        /// The last broadcast that each user is in: what comes later for them may not come before it.
        var latest: [UserID: Int] = [:]
        for delivery in deliveries {
            let user = delivery.address.user
            let earliest = latest[user] ?? 0
            if delivery.event.carriesCall,
                let index = heavy.first(where: { $0 >= earliest && broadcasts[$0].event == delivery.event })
            {
                broadcasts[index].addresses.append(delivery.address)
                latest[user] = index
                continue
            }
            if delivery.event.carriesCall { heavy.append(broadcasts.count) }
            latest[user] = broadcasts.count
            broadcasts.append(CallBroadcast(event: delivery.event, addresses: [delivery.address]))
        }
        return broadcasts
    }
}
