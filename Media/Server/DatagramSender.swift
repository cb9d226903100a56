import CSockets
import Glibc
import MediaCore

/// Memory for passing many datagrams to the kernel in one system call. It belongs to one thread.
///
/// All of it is allocated once and stays where it is, since the kernel is given the addresses.
@safe final class DatagramSender {
    private static let controlSize = Int(csockets_control_size)

    private let capacity: Int
    private let headers: UnsafeMutablePointer<csockets_datagram>
    private let vectors: UnsafeMutablePointer<iovec>
    private let addresses: UnsafeMutablePointer<SocketAddress>
    private let control: UnsafeMutableRawPointer

    /// Makes room for this many datagrams per system call.
    init(capacity: Int) {
        self.capacity = capacity
        unsafe headers = .allocate(capacity: capacity)
        unsafe vectors = .allocate(capacity: capacity)
        unsafe addresses = .allocate(capacity: capacity)
        unsafe control = .allocate(byteCount: capacity * Self.controlSize, alignment: 16)
        unsafe headers.initialize(repeating: csockets_datagram(), count: capacity)
        unsafe vectors.initialize(repeating: iovec(), count: capacity)
        unsafe addresses.initialize(repeating: SocketAddress(), count: capacity)
        unsafe control.initializeMemory(as: UInt8.self, repeating: 0, count: capacity * Self.controlSize)
        for index in 0..<capacity {
            unsafe headers[index].header.msg_iov = vectors + index
            unsafe headers[index].header.msg_iovlen = 1
            unsafe headers[index].header.msg_name = UnsafeMutableRawPointer(addresses + index)
        }
    }

    deinit {
        unsafe headers.deallocate()
        unsafe vectors.deallocate()
        unsafe addresses.deallocate()
        unsafe control.deallocate()
    }

    /// Sends datagrams without waiting, in order for each socket. One that cannot be sent does not hold up the others.
    /// - Returns: How many the system took.
    func send(_ outgoing: borrowing OutgoingDatagrams, through sockets: [UDPSocket]) -> Int {
        var sent = 0
        var next = 0
        while next < outgoing.count {
            let number = outgoing.path(at: next).socket
            var end = next + 1
            while end < outgoing.count, end - next < capacity, outgoing.path(at: end).socket == number { end += 1 }
            if sockets.indices.contains(number) {
                let (descriptor, isWildcard) = (sockets[number].descriptor, sockets[number].isWildcard)
                sent += send(outgoing, next..<end, through: descriptor, namingSource: isWildcard)
            }
            next = end
        }
        return sent
    }

    /// Sends some of the datagrams, no more than `capacity`; returns how many the system took.
    /// - Parameter namingSource: Whether to tell the socket from which address they leave.
    func send(
        _ outgoing: borrowing OutgoingDatagrams, _ range: Range<Int>, through descriptor: Int32, namingSource: Bool
    ) -> Int {
        for index in range { describe(outgoing, at: index, in: index - range.lowerBound, namingSource: namingSource) }
        var sent = 0
        var next = 0
        while next < range.count {
            let rest = UInt32(range.count - next)
            let taken = unsafe Int(csockets_send(descriptor, headers + next, rest, Int32(MSG_DONTWAIT)))
            if taken > 0 {
                sent += taken
                next += taken
            } else if errno == EAGAIN || errno == ENOBUFS {
                // The buffer is full, so the rest would fail, too.
                break
            } else if errno != EINTR {
                next += 1
            }
        }
        return sent
    }

    private func describe(
        _ outgoing: borrowing OutgoingDatagrams, at index: Int, in slot: Int, namingSource: Bool
    ) {
        let path = outgoing.path(at: index)
        let bytes = unsafe outgoing.bytes(at: index)
        unsafe vectors[slot] = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
        unsafe headers[slot].header.msg_namelen = addresses[slot].set(path.remote, zone: path.zone)
        if namingSource, let local = path.local {
            unsafe headers[slot].header.setSource(local, in: control + slot * Self.controlSize)
        } else {
            unsafe headers[slot].header.msg_control = nil
            unsafe headers[slot].header.msg_controllen = 0
        }
    }
}
