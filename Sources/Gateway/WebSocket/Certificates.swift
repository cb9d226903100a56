import NIOConcurrencyHelpers
import NIOSSL

/// The certificate and key that new connections are given; they can be exchanged while the server runs.
final class Certificates: Sendable {
    private let current: NIOLockedValueBox<NIOSSLContext>

    /// - Throws: What the library says of a key that does not belong to its certificate.
    init(_ configuration: TLSConfiguration) throws {
        current = NIOLockedValueBox(try Self.context(configuration))
    }

    /// Takes others from the next connection on; when they are of no use, those from before stay.
    func replace(with configuration: TLSConfiguration) throws {
        let context = try Self.context(configuration)
        current.withLockedValue { $0 = context }
    }

    /// The server's side of TLS for one connection.
    func handler() -> NIOSSLServerHandler { NIOSSLServerHandler(context: current.withLockedValue { $0 }) }

    private static func context(_ configuration: TLSConfiguration) throws -> NIOSSLContext {
        var configuration = configuration
        // RFC 8996: what came before has had its day, but the library would still speak it.
        configuration.minimumTLSVersion = .tlsv12
        return try NIOSSLContext(configuration: configuration)
    }
}
