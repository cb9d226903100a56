public import Primitives

/// An event and all its recipients: it is mapped and encoded once for all of them.
public struct CallBroadcast: Sendable, Equatable {
    /// The event.
    public let event: CallEvent
    /// The recipients.
    public internal(set) var addresses: [Address]

    /// Groups deliveries of the same event; each recipient gets its events in the order of the deliveries.
    public static func gathered(from deliveries: [CallDelivery]) -> [CallBroadcast] {
        var broadcasts: [CallBroadcast] = []
        /// The broadcasts that carry the call: they are few, and worth searching.
        var heavy: [Int] = []
        /// The last broadcast that each user is in: later deliveries to them must not come before it.
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
