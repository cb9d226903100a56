import Delivery
import NIOCore
import Primitives

/// One accepted connection as far as its life goes: from the first byte to its end, whatever is spoken over it.
///
/// Belongs to its event loop.
final class Connection {
    let channel: any Channel
    /// Where it comes from, as text.
    let address: String
    /// What of the address counts as one place.
    let place: String
    private let plainConnections: PlainConnections?
    private var isPlain = true
    let wheel: HeartbeatWheel
    private var heartbeat: Heartbeat
    /// The deadline that the wheel has for this connection.
    var watchedAt: Instant?
    /// Who speaks, once it is a socket.
    weak var socket: SocketHandler?

    /// Begins to watch over a connection that was accepted just now and counted among the plain ones, if there are any.
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

    /// It becomes a socket, or has ended; more than once does nothing.
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

    /// Any frame came; no deadline is moved by it.
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
