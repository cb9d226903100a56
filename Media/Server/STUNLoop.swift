import Glibc
import MediaCore
import Primitives

/// What the server's thread does: wait, take a batch, answer it.
struct STUNLoop: Sendable {
    let sockets: [UDPSocket]
    let wake: WakeSignal
    let limits: AnswerLimiter.Limits
    let key: UInt64
    let metrics: STUNMetrics

    /// Milliseconds without datagrams after a failed system call, so that a lasting failure does not take a whole core.
    private static let pauseAfterError: Int32 = 10

    /// Works until `wake` is signalled; then, or when it fails, the sockets are closed.
    func run() throws(STUNServerError) {
        defer { for socket in sockets { socket.close() } }
        let batch = DatagramBatch()
        var limiter = AnswerLimiter(limits, key: key, now: .monotonic)
        var waits = [pollfd(fd: wake.descriptor, events: Int16(POLLIN), revents: 0)]
        waits += sockets.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        while true {
            guard try wait(for: &waits, atMost: -1) else { return }
            var hasFailed = false
            for (index, socket) in sockets.enumerated() where waits[index + 1].revents != 0 {
                guard waits[index + 1].revents & Int16(POLLNVAL) == 0 else {
                    throw STUNServerError(.cannotWait, "the socket at \(socket.address) is closed")
                }
                if !takeBatch(from: socket, batch, &limiter) { hasFailed = true }
            }
            if hasFailed {
                var wakeOnly = [waits[0]]
                guard try wait(for: &wakeOnly, atMost: Self.pauseAfterError) else { return }
            }
        }
    }

    /// Waits for the first of the descriptors to be `wake`'s, or any other to have something.
    /// - Returns: False when `wake` was signalled.
    private func wait(for waits: inout [pollfd], atMost milliseconds: Int32) throws(STUNServerError) -> Bool {
        for index in waits.indices { waits[index].revents = 0 }
        let count = nfds_t(waits.count)
        if unsafe poll(&waits, count, milliseconds) < 0, errno != EINTR, errno != EAGAIN, errno != ENOMEM {
            throw .system(.cannotWait, "the wait for datagrams failed")
        }
        return waits[0].revents == 0
    }

    /// Takes one batch, so that a busy socket does not keep the others waiting.
    /// - Returns: False when the system call failed. It has then also cleared what an ICMP message left on the socket.
    private func takeBatch(from socket: UDPSocket, _ batch: DatagramBatch, _ limiter: inout AnswerLimiter) -> Bool {
        guard let count = batch.receive(from: socket.descriptor) else {
            metrics.receiveErrors.add()
            return false
        }
        metrics.received.add(count)
        let now = Instant.monotonic
        batch.answerEach { datagram, source, answer in
            switch STUNResponder.respond(to: datagram, from: source, into: &answer) {
            case .answer(let count):
                if limiter.admit(source.host, now: now) { return count }
                metrics.limited.add()
            case .silence:
                metrics.ignored.add()
            case .malformed:
                metrics.malformed.add()
            }
            return nil
        }
        let sent = batch.send(to: socket.descriptor)
        metrics.answered.add(sent)
        metrics.unsent.add(batch.queuedCount - sent)
        return true
    }
}

extension Instant {
    /// Time since the machine's start, which no clock setting moves: good for differences alone.
    fileprivate static var monotonic: Instant {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }
}
