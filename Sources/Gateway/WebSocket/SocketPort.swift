import Delivery
import DequeModule
import FrameDispatch
import NIOConcurrencyHelpers
import NIOCore
import Synchronization
import Wire

/// How other threads reach a socket: what they send is queued here in order until the socket's event loop fetches it.
///
/// The loop is woken once and the socket flushed once, however much is sent in one go.
final class SocketPort: ClientSocket {
    /// What waits to be sent.
    enum Outgoing: Sendable {
        case event(NumberedEvent)
        /// An answer, encoded.
        case reply([UInt8])
        /// The answer to hello, encoded; events that came earlier follow it.
        case welcome([UInt8])
        case close(CloseCode)

        /// About how many bytes it sends.
        fileprivate var bytes: Int {
            switch self {
            case .event(let event): event.event.tail.count
            case .reply(let bytes), .welcome(let bytes): bytes.count
            case .close: 0
            }
        }
    }

    /// How much a socket sends before others of its loop have their turn, in bytes.
    private static let turnBytes = 256 * 1024

    /// How many ports there were.
    private static let count = Atomic<UInt64>(0)

    let encoding: Encoding
    let number = SocketPort.count.add(1, ordering: .relaxed).newValue
    private let eventLoop: any EventLoop
    private let handler: NIOLoopBound<SocketHandler>
    private let outgoing = NIOLockedValueBox<Deque<Outgoing>>([])

    /// Makes the port of a socket. On its event loop.
    init(handler: SocketHandler, encoding: Encoding, eventLoop: any EventLoop) {
        self.encoding = encoding
        self.eventLoop = eventLoop
        self.handler = NIOLoopBound(handler, eventLoop: eventLoop)
    }

    func enqueue(_ event: NumberedEvent) -> Bool { append(.event(event)) }

    func wake() { eventLoop.execute { self.handler.value.fetch() } }

    /// Wakes the socket once the loop has handled the other tasks: tasks given to `execute` come before that.
    func wakeAfterOthers() {
        _ = eventLoop.scheduleTask(in: .milliseconds(1)) { self.handler.value.fetch() }
    }

    func close(_ code: CloseCode) { send(.close(code)) }

    /// Answers a command.
    func reply(_ frame: WireServerFrame) { send(.reply(encoded(frame))) }

    /// Answers hello.
    func welcome(_ frame: WireServerFrame) { send(.welcome(encoded(frame))) }

    /// Writes an answer; one that cannot be written is replaced by an error that can.
    func encoded(_ frame: WireServerFrame) -> [UInt8] {
        (try? encoding.encode(frame))
            ?? (try? encoding.encode(WireServerFrame.error(.internal, replyTo: frame.replyTo))) ?? []
    }

    /// Does something with the socket on its event loop.
    func run(_ body: @escaping @Sendable (SocketHandler) -> Void) {
        eventLoop.execute {
            body(self.handler.value)
            self.handler.value.flush()
        }
    }

    /// What is queued, in order, as much as is sent in one go; and whether there is more, for which nothing else wakes
    /// the socket.
    func take() -> (items: [Outgoing], isMore: Bool) {
        outgoing.withLockedValue { outgoing in
            var items: [Outgoing] = []
            var bytes = 0
            while bytes < Self.turnBytes, let item = outgoing.popFirst() {
                bytes += item.bytes
                items.append(item)
            }
            return (items, !outgoing.isEmpty)
        }
    }

    private func send(_ item: Outgoing) {
        if append(item) { wake() }
    }

    /// Queues something; returns whether it is the first, for which nothing has woken the socket.
    private func append(_ item: Outgoing) -> Bool {
        outgoing.withLockedValue { outgoing in
            outgoing.append(item)
            return outgoing.count == 1
        }
    }
}
