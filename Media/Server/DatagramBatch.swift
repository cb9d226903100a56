import CSockets
import Glibc
import MediaCore

/// Memory for the datagrams of one system call and for their answers. It belongs to one thread.
///
/// All of it is allocated once and stays where it is, since the kernel is given the addresses.
@safe final class DatagramBatch {
    /// Datagrams a system call.
    static let capacity = 64
    /// Bytes kept of a datagram: more than an Ethernet frame has, which no request should exceed (RFC 8489 §6.1).
    static let datagramSize = 1536

    private static let controlSize = Int(csockets_control_size)
    private static let answerSize = STUNResponder.longestAnswer

    private let received = UnsafeMutablePointer<csockets_datagram>.allocate(capacity: capacity)
    private let answers = UnsafeMutablePointer<csockets_datagram>.allocate(capacity: capacity)
    private let vectors = UnsafeMutablePointer<iovec>.allocate(capacity: capacity * 2)
    private let sources = UnsafeMutablePointer<sockaddr_storage>.allocate(capacity: capacity)
    private let control = UnsafeMutableRawPointer.allocate(byteCount: capacity * controlSize, alignment: 16)
    private let datagramBytes = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity * datagramSize)
    private let answerBytes = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity * answerSize)
    private var receivedCount = 0
    private var answerCount = 0

    init() {
        unsafe received.initialize(repeating: csockets_datagram(), count: Self.capacity)
        unsafe answers.initialize(repeating: csockets_datagram(), count: Self.capacity)
        unsafe vectors.initialize(repeating: iovec(), count: Self.capacity * 2)
        unsafe sources.initialize(repeating: sockaddr_storage(), count: Self.capacity)
        unsafe control.initializeMemory(as: UInt8.self, repeating: 0, count: Self.capacity * Self.controlSize)
        unsafe datagramBytes.initialize(repeating: 0, count: Self.capacity * Self.datagramSize)
        unsafe answerBytes.initialize(repeating: 0, count: Self.capacity * Self.answerSize)
    }

    deinit {
        unsafe received.deallocate()
        unsafe answers.deallocate()
        unsafe vectors.deallocate()
        unsafe sources.deallocate()
        unsafe control.deallocate()
        unsafe datagramBytes.deallocate()
        unsafe answerBytes.deallocate()
    }

    /// Takes what has come, without waiting.
    /// - Returns: How many datagrams; nil when the call failed, otherwise than by finding nothing.
    func receive(from descriptor: Int32) -> Int? {
        answerCount = 0
        for index in 0..<Self.capacity {
            unsafe vectors[index].iov_base = UnsafeMutableRawPointer(datagramBytes + index * Self.datagramSize)
            unsafe vectors[index].iov_len = Self.datagramSize
            unsafe received[index].header.msg_iov = vectors + index
            unsafe received[index].header.msg_iovlen = 1
            unsafe received[index].header.msg_name = UnsafeMutableRawPointer(sources + index)
            unsafe received[index].header.msg_namelen = socklen_t(MemoryLayout<sockaddr_storage>.size)
            unsafe received[index].header.msg_control = control + index * Self.controlSize
            unsafe received[index].header.msg_controllen = Self.controlSize
            unsafe received[index].header.msg_flags = 0
        }
        let flags = Int32(MSG_DONTWAIT)
        let count = unsafe csockets_receive(descriptor, received, UInt32(Self.capacity), flags)
        receivedCount = max(0, Int(count))
        return count >= 0 || errno == EAGAIN || errno == EINTR ? receivedCount : nil
    }

    /// Shows each received datagram, its source and room for an answer; what returns a length is to be sent.
    ///
    /// A datagram that did not fit is shown as an empty one.
    func answerEach(_ respond: (Span<UInt8>, TransportAddress, inout MutableSpan<UInt8>) -> Int?) {
        for index in 0..<receivedCount {
            guard let source = unsafe TransportAddress(sources[index]) else { continue }
            let isCut = unsafe received[index].header.msg_flags & Int32(MSG_TRUNC) != 0
            let size = unsafe isCut ? 0 : min(Int(received[index].length), Self.datagramSize)
            let datagram = unsafe UnsafeBufferPointer(start: datagramBytes + index * Self.datagramSize, count: size)
            let room = unsafe UnsafeMutableBufferPointer(
                start: answerBytes + answerCount * Self.answerSize, count: Self.answerSize)
            var answer = unsafe room.mutableSpan
            guard let length = unsafe respond(datagram.span, source, &answer) else { continue }
            queueAnswer(to: index, length: length)
        }
    }

    /// Sends the answers without waiting. One that cannot be sent holds up no other.
    /// - Returns: How many were sent.
    func send(to descriptor: Int32) -> Int {
        var sent = 0
        var next = 0
        while next < answerCount {
            let rest = UInt32(answerCount - next)
            let count = unsafe Int(csockets_send(descriptor, answers + next, rest, Int32(MSG_DONTWAIT)))
            if count > 0 {
                sent += count
                next += count
            } else if errno != EINTR {
                next += 1
            }
        }
        return sent
    }

    /// How many answers `send` would send.
    var queuedCount: Int { answerCount }

    /// Addresses the answer in the next slot to the source of a received datagram, from where that was sent to.
    private func queueAnswer(to index: Int, length: Int) {
        let vector = Self.capacity + answerCount
        unsafe vectors[vector].iov_base = UnsafeMutableRawPointer(answerBytes + answerCount * Self.answerSize)
        unsafe vectors[vector].iov_len = length
        unsafe csockets_leave_interface_open(&received[index].header)
        unsafe answers[answerCount].header = received[index].header
        unsafe answers[answerCount].header.msg_iov = vectors + vector
        unsafe answers[answerCount].header.msg_flags = 0
        answerCount += 1
    }
}
