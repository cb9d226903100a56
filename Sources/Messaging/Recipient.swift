import Primitives
import Storage

/// Where a message goes, and the place that it has there.
struct Recipient: Sendable, Equatable {
    var address: Address
    var seq: Int64

    init(_ address: Address, seq: Int64) {
        self.address = address
        self.seq = seq
    }

    /// Every device of the user of a row.
    init(row: Row) throws(DatabaseError) {
        self.init(.user(try row.id("user_id")), seq: try row.integer("seq"))
    }
}

extension MessagingService {
    /// Delivers a message to each in the place that it has for them, and at once to all who have the same.
    func deliver(_ message: Message, to recipients: [Recipient]) {
        var (message, rest) = (message, recipients)
        while let seq = rest.first?.seq {
            message.seq = seq
            events.deliver(message, to: rest.filter { $0.seq == seq }.map(\.address))
            rest.removeAll { $0.seq == seq }
        }
    }
}
