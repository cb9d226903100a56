import Delivery
import NIOCore
import Primitives

/// The life of one accepted connection, from the first byte to its end, whatever protocol it speaks.
///
/// Belongs to its event loop.
final class Connection {
    let channel: any Channel
    /// Where it comes from, as text.
    let address: String
    /// The part of the address that counts as one place.
    let place: String
    private let plainConnections: PlainConnections?
    private var isPlain = true
    let wheel: HeartbeatWheel
    private var heartbeat: Heartbeat
    /// The deadline that the wheel has for this connection.
    var watchedAt: Instant?
    /// The protocol handler, once it is a socket.
    weak var socket: SocketHandler?

    /// Begins to watch a connection that was just accepted and, if it is plain, counted.
    init(
        channel: any Channel, address: String = "", place: String = "", plainConnections: PlainConnections? = nil,
        wheel: HeartbeatWheel, timings: HeartbeatTimings
    ) {
        self.channel = channel
        self.address = address
        self.place = place
        self.plainConnections = plainConnections
        self.wheel = wheel
        heartbeat = Heartbeat(timings: timings, now: HeartbeatWheel.now())
    }

    /// It becomes a socket, or has ended; repeating it does nothing.
    func leavePlainConnections() {
        guard isPlain else { return }
        isPlain = false
        plainConnections?.leave(place)
    }

    /// Something happened that moves the deadline.
    func note(_ change: (inout Heartbeat, Instant) -> Void) {
        let now = HeartbeatWheel.now()
        change(&heartbeat, now)
        look(now: now)
    }

    /// A frame came; that moves no deadline.
    func heard() { heartbeat.heard(now: HeartbeatWheel.now()) }

    /// Does what is due.
    func look(now: Instant) {
        switch heartbeat.due(now: now) {
        case .wait(let deadline): if watchedAt != deadline { wheel.watch(self, at: deadline) }
        case .ping(let next):
            wheel.watch(self, at: next)
            socket?.ping()
        case .close(let code): socket?.close(code)
        case .drop: channel.close(promise: nil)
        }
    }
}
