import NIOConcurrencyHelpers
import NIOSSL

/// The certificate and key for new connections; they can be replaced while the server runs.
final class Certificates: Sendable {
    private let current: NIOLockedValueBox<NIOSSLContext>

    /// - Throws: The library's error for a key that does not belong to its certificate.
    init(_ configuration: TLSConfiguration) throws {
        current = NIOLockedValueBox(try Self.context(configuration))
    }

    /// Uses others from the next connection on; when they are unusable, the old ones stay.
    func replace(with configuration: TLSConfiguration) throws {
        let context = try Self.context(configuration)
        current.withLockedValue { $0 = context }
    }

    /// The server's side of TLS for one connection.
    func handler() -> NIOSSLServerHandler { NIOSSLServerHandler(context: current.withLockedValue { $0 }) }

    private static func context(_ configuration: TLSConfiguration) throws -> NIOSSLContext {
        var configuration = configuration
        // RFC 8996: older versions are deprecated, but the library would still speak them.
        configuration.minimumTLSVersion = .tlsv12
        return try NIOSSLContext(configuration: configuration)
    }
}
