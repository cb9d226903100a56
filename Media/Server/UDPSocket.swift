import CSockets
import Glibc
import MediaCore
import Synchronization

/// A bound UDP socket, closed at the latest when the last reference is gone.
final class UDPSocket: Sendable {
    /// For the system calls; never -1, but closed after `close`.
    let descriptor: Int32
    /// Where it is bound, with the port that the system chose filled in.
    let address: TransportAddress
    /// Whether it is bound to all addresses of the machine, and each datagram comes with its destination address.
    let isWildcard: Bool
    private let isOpen = Atomic(true)

    /// Opens and binds a socket.
    ///
    /// An IPv6 socket takes IPv6 only, so that `0.0.0.0` and `::` may both be bound to one port.
    init(boundTo wanted: TransportAddress) throws(DatagramServerError) {
        let descriptor = socket(wanted.family, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else {
            throw .system(errno == EAFNOSUPPORT ? .noSuchFamily : .cannotBind, "cannot open a socket for \(wanted)")
        }
        do {
            address = try Self.bind(descriptor, to: wanted)
        } catch {
            _ = Glibc.close(descriptor)
            throw error
        }
        self.descriptor = descriptor
        isWildcard = wanted.host.isWildcard
    }

    deinit { close() }

    /// Releases the port; calling it again does nothing.
    func close() {
        if isOpen.exchange(false, ordering: .acquiringAndReleasing) { _ = Glibc.close(descriptor) }
    }

    private static func bind(
        _ descriptor: Int32, to wanted: TransportAddress
    ) throws(DatagramServerError) -> TransportAddress {
        if wanted.family == AF_INET6 {
            var on: Int32 = 1
            let size = socklen_t(MemoryLayout<Int32>.size)
            guard unsafe setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &on, size) == 0 else {
                throw .system(.cannotBind, "cannot restrict the socket for \(wanted) to IPv6")
            }
        }
        // A machine may have several addresses, and an answer must come from the one that was asked (RFC 8489 §6.3.1).
        if wanted.host.isWildcard, csockets_report_destination(descriptor, wanted.family) != 0 {
            throw .system(.cannotBind, "cannot ask for the destinations at \(wanted)")
        }
        guard unsafe wanted.withSocketAddress({ unsafe Glibc.bind(descriptor, $0, $1) }) == 0 else {
            throw .system(.cannotBind, "cannot bind \(wanted)")
        }
        var name = SocketAddress()
        var size = SocketAddress.size
        guard unsafe name.withPointer({ unsafe getsockname(descriptor, $0, &size) }) == 0, let address = name.address
        else {
            throw .system(.cannotBind, "cannot read the address of the socket for \(wanted)")
        }
        return address
    }
}

/// Wakes a thread that waits in `poll`. Once signalled, it stays signalled.
final class WakeSignal: Sendable {
    /// Readable after `signal`.
    let descriptor: Int32

    init() throws(DatagramServerError) {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard descriptor >= 0 else { throw .system(.cannotBind, "cannot open an event descriptor") }
    }

    deinit { _ = Glibc.close(descriptor) }

    /// Makes the descriptor readable, from any thread and any number of times.
    func signal() {
        var one: UInt64 = 1
        _ = unsafe write(descriptor, &one, MemoryLayout<UInt64>.size)
    }
}
