import CSockets
import Glibc
import MediaCore
import MediaServer
import Primitives

/// A client that asks a STUN server again as soon as it is answered. It belongs to one thread.
///
/// It sends and receives many datagrams in one system call, so that the server has more to do than it has.
@safe final class STUNAsker {
    /// Datagrams per system call.
    private static let batch = 64
    private static let roomSize = 128

    private let descriptor: Int32
    private let requests = UnsafeMutablePointer<csockets_datagram>.allocate(capacity: batch)
    private let answers = UnsafeMutablePointer<csockets_datagram>.allocate(capacity: batch)
    private let vectors = UnsafeMutablePointer<iovec>.allocate(capacity: batch + 1)
    private let room = UnsafeMutablePointer<UInt8>.allocate(capacity: (batch + 1) * roomSize)

    /// The counts of a period.
    struct Count {
        var answered = 0
        /// Requests for which no answer arrived in time.
        var lost = 0
        var seconds = 0.0
        /// CPU time of the process except this thread: of the server.
        var serverSeconds = 0.0
    }

    /// Opens a socket to a server of this machine.
    init(to address: TransportAddress) throws(LoadTestError) {
        guard case .v4 = address.host else { throw LoadTestError(.input, "STUN is measured over IPv4") }
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let status = address.connect(descriptor)
        unsafe room.initialize(repeating: 0, count: (Self.batch + 1) * Self.roomSize)
        unsafe requests.initialize(repeating: csockets_datagram(), count: Self.batch)
        unsafe answers.initialize(repeating: csockets_datagram(), count: Self.batch)
        for index in 0...Self.batch {
            let start = unsafe UnsafeMutableRawPointer(room + index * Self.roomSize)
            unsafe vectors[index] = iovec(iov_base: start, iov_len: Self.roomSize)
        }
        // The last slot holds the request, which is always the same: a header and a FINGERPRINT, as Firefox sends.
        var request = unsafe UnsafeMutableBufferPointer(start: room + Self.batch * Self.roomSize, count: Self.roomSize)
            .mutableSpan
        var writer = STUNWriter(.bindingRequest, STUNTransactionID(high: 1, low: 1), to: &request)
        writer.appendFingerprint(to: &request)
        unsafe vectors[Self.batch].iov_len = writer.finish() ?? 0
        for index in 0..<Self.batch {
            unsafe requests[index].header.msg_iov = vectors + Self.batch
            unsafe requests[index].header.msg_iovlen = 1
            unsafe answers[index].header.msg_iov = vectors + index
            unsafe answers[index].header.msg_iovlen = 1
        }
        guard descriptor >= 0, status == 0 else { throw LoadTestError(.server, "no socket to \(address)") }
    }

    deinit {
        _ = close(descriptor)
        unsafe requests.deallocate()
        unsafe answers.deallocate()
        unsafe vectors.deallocate()
        unsafe room.deallocate()
    }

    /// Asks for this long, with this many requests in flight.
    func ask(seconds: Double, waiting: Int) -> Count {
        var count = Count()
        var onTheirWay = send(waiting)
        let start = Times()
        var end = start
        let span = Instant.Span(microseconds: Int64(seconds * 1_000_000))
        while end.wall - start.wall < span {
            let answered = receive(atMost: onTheirWay)
            count.answered += answered
            onTheirWay -= answered
            if answered == 0 {
                count.lost += onTheirWay
                onTheirWay = 0
            }
            onTheirWay += send(waiting - onTheirWay)
            end = Times()
        }
        while onTheirWay > 0 {
            let answered = receive(atMost: onTheirWay)
            onTheirWay = answered == 0 ? 0 : onTheirWay - answered
        }
        count.seconds = (end.wall - start.wall).seconds
        count.serverSeconds = (end.process - start.process).seconds - (end.thread - start.thread).seconds
        return count
    }

    /// Sends requests; those that the system does not accept count as sent and lost.
    private func send(_ count: Int) -> Int {
        var rest = count
        while rest > 0 {
            rest -= max(1, unsafe Int(csockets_send(descriptor, requests, UInt32(min(rest, Self.batch)), 0)))
        }
        return count
    }

    /// Waits a moment for answers and takes those that are there, perhaps none.
    private func receive(atMost count: Int) -> Int {
        var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&wait, 1, 100) > 0 else { return 0 }
        let most = UInt32(min(count, Self.batch))
        return max(0, unsafe Int(csockets_receive(descriptor, answers, most, Int32(MSG_DONTWAIT))))
    }
}

/// Clock readings.
private struct Times {
    let wall = Instant.ofUptime
    let process = Instant.ofProcess
    let thread = Instant.ofThread
}

extension Instant.Span {
    fileprivate var seconds: Double { Double(microseconds) / 1_000_000 }
}
