import CSockets
import Glibc
import MediaCore

/// Memory for the datagrams of one system call. It belongs to one thread.
///
/// All of it is allocated once and stays where it is, since the kernel is given the addresses.
@safe final class IncomingDatagrams {
    /// Datagrams per system call.
    static let capacity = 64
    /// Bytes kept of a datagram: more than an Ethernet frame has, which neither a STUN request (RFC 8489 §6.1) nor a
    /// media packet should exceed.
    static let datagramSize = 1536

    private static let controlSize = Int(csockets_control_size)

    private let headers = UnsafeMutablePointer<csockets_datagram>.allocate(capacity: capacity)
    private let vectors = UnsafeMutablePointer<iovec>.allocate(capacity: capacity)
    private let sources = UnsafeMutablePointer<SocketAddress>.allocate(capacity: capacity)
    private let control = UnsafeMutableRawPointer.allocate(byteCount: capacity * controlSize, alignment: 16)
    private let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity * datagramSize)
    private var count = 0

    init() {
        unsafe headers.initialize(repeating: csockets_datagram(), count: Self.capacity)
        unsafe sources.initialize(repeating: SocketAddress(), count: Self.capacity)
        unsafe control.initializeMemory(as: UInt8.self, repeating: 0, count: Self.capacity * Self.controlSize)
        unsafe bytes.initialize(repeating: 0, count: Self.capacity * Self.datagramSize)
        for index in 0..<Self.capacity {
            unsafe (vectors + index).initialize(
                to: iovec(iov_base: bytes + index * Self.datagramSize, iov_len: Self.datagramSize))
            unsafe headers[index].header.msg_iov = vectors + index
            unsafe headers[index].header.msg_iovlen = 1
            unsafe headers[index].header.msg_name = UnsafeMutableRawPointer(sources + index)
            unsafe headers[index].header.msg_control = control + index * Self.controlSize
            makeReady(index)
        }
    }

    deinit {
        unsafe headers.deallocate()
        unsafe vectors.deallocate()
        unsafe sources.deallocate()
        unsafe control.deallocate()
        unsafe bytes.deallocate()
    }

    /// Takes what has arrived, without waiting.
    /// - Returns: How many datagrams; nil when the call failed for another reason than that there were none.
    func receive(from descriptor: Int32) -> Int? {
        for index in 0..<count { makeReady(index) }
        let received = unsafe csockets_receive(descriptor, headers, UInt32(Self.capacity), Int32(MSG_DONTWAIT))
        count = max(0, Int(received))
        return received >= 0 || errno == EAGAIN || errno == EINTR ? count : nil
    }

    /// Passes each received datagram and its path to the closure.
    /// - Parameter socket: Through which socket they came.
    /// - Returns: How many were too long and so left out.
    func forEach(from socket: UDPSocket, at number: Int, _ body: (Span<UInt8>, DatagramPath) -> Void) -> Int {
        var oversizedCount = 0
        for index in 0..<count {
            guard unsafe headers[index].header.msg_flags & Int32(MSG_TRUNC) == 0 else {
                oversizedCount += 1
                continue
            }
            guard let source = unsafe sources[index].address else { continue }
            let local = unsafe socket.isWildcard ? headers[index].header.destination : socket.address.host
            let path = unsafe DatagramPath(to: source, from: local, zone: sources[index].zone, socket: number)
            let length = unsafe min(Int(headers[index].length), Self.datagramSize)
            let datagram = unsafe UnsafeBufferPointer(start: bytes + index * Self.datagramSize, count: length)
            unsafe body(datagram.span, path)
        }
        return oversizedCount
    }

    /// Restores the full sizes, which the kernel has overwritten with what it used.
    private func makeReady(_ index: Int) {
        unsafe headers[index].header.msg_namelen = SocketAddress.size
        unsafe headers[index].header.msg_controllen = Self.controlSize
        unsafe headers[index].header.msg_flags = 0
    }
}
