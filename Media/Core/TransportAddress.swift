/// An address of the Internet Protocol, of either version.
public enum IPAddress: Hashable, Sendable {
    /// Version 4; the first byte on the wire is the highest.
    case v4(UInt32)
    /// Version 6, in two halves; the first byte on the wire is the highest of `high`.
    case v6(high: UInt64, low: UInt64)
}

/// Where datagrams come from and go to: an address and a port.
public struct TransportAddress: Hashable, Sendable {
    /// The machine.
    public var host: IPAddress
    /// The port, 0 to 65,535; 0 asks the system to choose one.
    public var port: UInt16

    /// Puts an address and a port together.
    public init(_ host: IPAddress, port: UInt16) {
        self.host = host
        self.port = port
    }
}

extension TransportAddress: CustomStringConvertible {
    /// `192.0.2.1:3478` or `[2001:db8::1]:3478`.
    public var description: String {
        switch host {
        case .v4: "\(host):\(port)"
        case .v6: "[\(host)]:\(port)"
        }
    }
}
