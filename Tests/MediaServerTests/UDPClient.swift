import Foundation
import Glibc
import MediaCore

@testable import MediaServer

/// A UDP socket that talks to one address only: the kernel drops datagrams from anywhere else.
final class UDPClient: Sendable {
    private let socket: UDPSocket

    /// Where it is bound: its address as seen by a server.
    var address: TransportAddress { socket.address }

    /// Binds to a free port of `host` and connects to `server`.
    init(at host: IPAddress, to server: TransportAddress) throws {
        socket = try UDPSocket(boundTo: TransportAddress(host, port: 0))
        let descriptor = socket.descriptor
        let status = server.connect(descriptor)
        guard status == 0 else { throw UDPClientError(errno: errno) }
        // A test that waits for something that never comes must fail, not hang.
        var patience = timeval(tv_sec: 20, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        guard unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, size) == 0 else {
            throw UDPClientError(errno: errno)
        }
    }

    func send(_ bytes: [UInt8]) throws {
        let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.send(socket.descriptor, $0.baseAddress, $0.count, 0) }
        guard count == bytes.count else { throw UDPClientError(errno: errno) }
    }

    /// Waits for the next datagram, on a thread of its own: the tests have few threads, and the server needs one.
    func receive() async throws -> [UInt8] {
        try await withCheckedThrowingContinuation { continuation in
            Thread { continuation.resume(with: Result { try self.blockingReceive() }) }.start()
        }
    }

    private func blockingReceive() throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 2048)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe recv(socket.descriptor, $0.baseAddress, $0.count, 0) }
        guard count >= 0 else { throw UDPClientError(errno: errno) }
        return Array(bytes[..<count])
    }

    /// A datagram that has already arrived; nil when there is none.
    func receiveNow() -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 2048)
        let count = unsafe bytes.withUnsafeMutableBytes {
            unsafe recv(socket.descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT))
        }
        return count >= 0 ? Array(bytes[..<count]) : nil
    }

    func close() { socket.close() }
}

struct UDPClientError: Error {
    let errno: Int32
}

/// A Binding request with a number that identifies its answer.
func bindingRequest(_ number: UInt64) -> [UInt8] { bindingMessage(.bindingRequest, number) }

/// A message with a number and no attributes except a fingerprint.
func bindingMessage(_ type: STUNMessageType, _ number: UInt64) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 64)
    var span = bytes.mutableSpan
    var writer = STUNWriter(type, STUNTransactionID(high: 7, low: number), to: &span)
    writer.appendFingerprint(to: &span)
    return Array(bytes[..<(writer.finish() ?? 0)])
}

/// The number of the answered request, and the address in the answer.
func bindingAnswer(_ bytes: [UInt8]) throws -> (number: UInt64, address: TransportAddress?) {
    let message = try STUNMessage(bytes.span)
    return (message.transaction.low, message.xorMappedAddress(in: bytes.span))
}
