import Delivery
import NIOConcurrencyHelpers
import Wire

/// What all sockets of a room received.
final class Inbox: Sendable {
    private let contents = NIOLockedValueBox<(count: Int, bytes: Int, latest: EncodedEvent?)>((0, 0, nil))

    /// How many frames.
    var count: Int { contents.withLockedValue { $0.count } }
    /// Their total length.
    var bytes: Int { contents.withLockedValue { $0.bytes } }
    /// The event of the last one.
    var latest: EncodedEvent? { contents.withLockedValue { $0.latest } }

    func empty() {
        contents.withLockedValue { $0 = (0, 0, nil) }
    }

    func take(_ event: NumberedEvent) {
        let bytes = event.event.head(seq: event.seq).count + event.event.tail.count
        contents.withLockedValue { contents in
            contents.count += 1
            contents.bytes += bytes
            contents.latest = event.event
        }
    }
}

/// A socket with nothing behind it.
final class RecordingSocket: ClientSocket {
    let encoding: Encoding
    let number: UInt64 = 0
    private let inbox: Inbox

    init(encoding: Encoding, inbox: Inbox) {
        self.encoding = encoding
        self.inbox = inbox
    }

    func enqueue(_ event: NumberedEvent) -> Bool {
        inbox.take(event)
        return false
    }

    func reply(_ frame: WireServerFrame) {}

    func wake() {}

    func close(_ code: CloseCode) {}
}
