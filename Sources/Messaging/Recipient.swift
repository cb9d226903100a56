import Primitives
import Storage

/// A recipient of a message, and the message's place for them.
struct Recipient: Sendable, Equatable {
    var address: Address
    var seq: Int64

    init(_ address: Address, seq: Int64) {
        self.address = address
        self.seq = seq
    }

    /// Every device of the user in a row.
    init(row: Row) throws(DatabaseError) {
        self.init(.user(try row.id("user_id")), seq: try row.integer("seq"))
    }
}

extension MessagingService {
    /// Delivers a message to each recipient with their place, and at once to all who have the same place.
    func deliver(_ message: Message, to recipients: [Recipient]) {
        var (message, rest) = (message, recipients)
        while let seq = rest.first?.seq {
            message.seq = seq
            events.deliver(message, to: rest.filter { $0.seq == seq }.map(\.address))
            rest.removeAll { $0.seq == seq }
        }
    }
}
