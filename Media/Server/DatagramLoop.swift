import CSockets
import Glibc
import MediaCore
import Primitives

/// The work of a datagram server's thread: wait, take a batch, give it to the handler, send the result.
struct DatagramLoop<Handler: DatagramHandler & ~Copyable>: ~Copyable {
    private let sockets: [UDPSocket]
    private let stop: WakeSignal
    private let metrics: DatagramMetrics
    private var handler: Handler

    private let incoming = IncomingDatagrams()
    private let sender = DatagramSender(capacity: sendCapacity)
    /// Room for the output of one batch, and for as much again before anything must be sent.
    private var outgoing = OutgoingDatagrams(
        capacity: sendCapacity, byteCapacity: sendCapacity * IncomingDatagrams.datagramSize)
    /// The stop signal, then the sockets.
    private var waits: [pollfd]

    private static var sendCapacity: Int { IncomingDatagrams.capacity * 2 }
    /// How long to pause after a failed system call, so that a lasting failure does not use a whole core.
    private static var pauseAfterError: Instant.Span { .milliseconds(10) }

    init(
        _ sockets: [UDPSocket], _ handler: consuming Handler, stop: WakeSignal, metrics: DatagramMetrics
    ) {
        self.sockets = sockets
        self.handler = handler
        self.stop = stop
        self.metrics = metrics
        waits = [pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0)]
        waits += sockets.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
    }

    /// Runs until `stop` is signalled.
    mutating func run() throws(DatagramServerError) {
        while true {
            let timeout = handler.deadline.map { $0 - Instant.ofUptime }
            guard try wait(for: waits.count, atMost: timeout) else { return }
            var hasFailed = false
            for index in sockets.indices where waits[index + 1].revents != 0 {
                guard waits[index + 1].revents & Int16(POLLNVAL) == 0 else {
                    throw DatagramServerError(.cannotWait, "the socket at \(sockets[index].address) is closed")
                }
                if !takeBatch(at: index) { hasFailed = true }
            }
            wakeHandlerIfDue()
            if hasFailed {
                guard try wait(for: 1, atMost: Self.pauseAfterError) else { return }
            }
        }
    }

    /// Waits for one of the first `count` descriptors; without `timeout`, as long as it takes.
    /// - Returns: False when `stop` was signalled.
    private mutating func wait(for count: Int, atMost timeout: Instant.Span?) throws(DatagramServerError) -> Bool {
        for index in waits.indices { waits[index].revents = 0 }
        let microseconds = timeout.map { max(0, $0.microseconds) } ?? -1
        let status = unsafe csockets_wait(&waits, UInt32(count), microseconds)
        if status < 0, errno != EINTR, errno != EAGAIN, errno != ENOMEM {
            throw .system(.cannotWait, "the wait for datagrams failed")
        }
        return waits[0].revents == 0
    }

    /// Takes one batch, so that a busy socket does not keep the others waiting.
    /// - Returns: False when the system call failed. The call has then also cleared a pending ICMP error on the socket.
    private mutating func takeBatch(at index: Int) -> Bool {
        guard let count = incoming.receive(from: sockets[index].descriptor) else {
            metrics.receiveErrors.add()
            return false
        }
        metrics.received.add(count)
        let now = Instant.ofUptime
        let oversizedCount = incoming.forEach(from: sockets[index], at: index) { datagram, path in
            handler.take(datagram, on: path, now: now, sending: &outgoing)
            if outgoing.isMoreThanHalfFull { send() }
        }
        if oversizedCount > 0 { metrics.oversized.add(oversizedCount) }
        send()
        return true
    }

    private mutating func wakeHandlerIfDue() {
        guard let deadline = handler.deadline else { return }
        let now = Instant.ofUptime
        guard deadline <= now else { return }
        handler.wake(now: now, sending: &outgoing)
        send()
    }

    private mutating func send() {
        let sent = outgoing.count > 0 ? sender.send(outgoing, through: sockets) : 0
        let unsent = outgoing.count - sent + outgoing.refusedCount
        if sent > 0 { metrics.sent.add(sent) }
        if unsent > 0 { metrics.unsent.add(unsent) }
        outgoing.removeAll()
    }
}
