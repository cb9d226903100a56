import Glibc
import MediaCore

@testable import MediaServer

/// A TCP connection over loopback whose other end reads nothing.
final class UnreadStream: Sendable {
    /// The end that is written to.
    let descriptor: Int32
    /// The end that does not read.
    let remote: TransportAddress
    private let reader: Int32

    init() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { _ = close(listener) }
        let writer = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var name = SocketAddress()
        var size = name.set(TransportAddress(.v4(0x7F00_0001), port: 0))
        guard unsafe name.withPointer({ unsafe bind(listener, $0, size) }) == 0, listen(listener, 1) == 0,
            unsafe name.withPointer({ unsafe getsockname(listener, $0, &size) }) == 0, let address = name.address,
            unsafe name.withPointer({ unsafe connect(writer, $0, size) }) == 0
        else { throw UDPClientError(errno: errno) }
        descriptor = writer
        remote = address
        reader = accept(listener, nil, nil)
        guard reader >= 0 else { throw UDPClientError(errno: errno) }
    }

    deinit {
        _ = close(descriptor)
        _ = close(reader)
    }
}
