import MediaCore
import Primitives

/// Sends every datagram back.
struct Echo: DatagramHandler {
    mutating func take(
        _ datagram: Span<UInt8>, on path: DatagramPath, now: Instant, sending outgoing: inout OutgoingDatagrams
    ) {
        outgoing.append(datagram, to: path)
    }
}

/// Sends every datagram on to one address.
struct Forward: DatagramHandler {
    let destination: TransportAddress

    mutating func take(
        _ datagram: Span<UInt8>, on path: DatagramPath, now: Instant, sending outgoing: inout OutgoingDatagrams
    ) {
        var onward = path
        onward.remote = destination
        outgoing.append(datagram, to: onward)
    }
}

/// Answers each datagram with as many as its first two bytes say, big endian. They carry their numbers in the same
/// form.
struct Multiply: DatagramHandler {
    /// When they are sent.
    enum Moment {
        /// At once, as many as there is room for.
        case atOnce
        /// When it is woken, this long after the datagram, as many as there is room for at a time.
        case after(Instant.Span)
    }

    let moment: Moment
    private(set) var deadline: Instant?
    private var path = DatagramPath(to: TransportAddress(.v4(0), port: 0))
    private var next: UInt16 = 0
    private var count: UInt16 = 0

    init(_ moment: Moment) {
        self.moment = moment
    }

    mutating func take(
        _ datagram: Span<UInt8>, on path: DatagramPath, now: Instant, sending outgoing: inout OutgoingDatagrams
    ) {
        self.path = path
        next = 0
        count = UInt16(datagram[0]) << 8 | UInt16(datagram[1])
        switch moment {
        case .atOnce: while next < count { sendNext(&outgoing) }
        case .after(let span): deadline = now + span
        }
    }

    mutating func wake(now: Instant, sending outgoing: inout OutgoingDatagrams) {
        guard let deadline, deadline <= now else { return }
        while next < count, !outgoing.isMoreThanHalfFull { sendNext(&outgoing) }
        if next == count { self.deadline = nil }
    }

    private mutating func sendNext(_ outgoing: inout OutgoingDatagrams) {
        let number = next
        outgoing.append(to: path, atMost: 2) { room in
            room[0] = UInt8(number >> 8)
            room[1] = UInt8(truncatingIfNeeded: number)
            return 2
        }
        next += 1
    }
}

/// Answers each datagram with a datagram that can't be sent, and with an echo.
struct Overshoot: DatagramHandler {
    mutating func take(
        _ datagram: Span<UInt8>, on path: DatagramPath, now: Instant, sending outgoing: inout OutgoingDatagrams
    ) {
        // One byte more than an IPv4 datagram may have.
        outgoing.append(to: path, atMost: 65_508) { $0.count }
        outgoing.append(datagram, to: path)
    }
}
