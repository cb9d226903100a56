import CSockets
import Glibc
package import MediaCore

/// An address in the form that the socket calls use, with room for both versions of the Internet Protocol.
struct SocketAddress {
    /// Bytes of room.
    static let size = socklen_t(MemoryLayout<sockaddr_in6>.size)

    /// Also used as a `sockaddr_in`, when the family says so: the two begin alike.
    private var storage = sockaddr_in6()

    /// An empty address.
    init() {}

    /// The address that the kernel has written here; nil when it is of another family.
    var address: TransportAddress? {
        switch Int32(storage.sin6_family) {
        case AF_INET:
            let inet = unsafe withUnsafeBytes(of: storage) { unsafe $0.load(as: sockaddr_in.self) }
            return TransportAddress(
                .v4(UInt32(bigEndian: inet.sin_addr.s_addr)), port: UInt16(bigEndian: inet.sin_port))
        case AF_INET6:
            return TransportAddress(IPAddress(storage.sin6_addr), port: UInt16(bigEndian: storage.sin6_port))
        default:
            return nil
        }
    }

    /// The interface of a link-local address (RFC 4007 §6), else 0.
    var zone: UInt32 { Int32(storage.sin6_family) == AF_INET6 ? storage.sin6_scope_id : 0 }

    /// Sets the address; returns how many bytes of it the kernel is to read.
    mutating func set(_ address: TransportAddress, zone: UInt32 = 0) -> socklen_t {
        switch address.host {
        case .v4(let number):
            var inet = sockaddr_in()
            inet.sin_family = sa_family_t(AF_INET)
            inet.sin_port = address.port.bigEndian
            inet.sin_addr.s_addr = number.bigEndian
            unsafe withUnsafeMutableBytes(of: &storage) { unsafe $0.storeBytes(of: inet, as: sockaddr_in.self) }
            return socklen_t(MemoryLayout<sockaddr_in>.size)
        case .v6:
            storage = sockaddr_in6()
            storage.sin6_family = sa_family_t(AF_INET6)
            storage.sin6_port = address.port.bigEndian
            storage.sin6_addr = in6_addr(address.host)
            storage.sin6_scope_id = zone
            return Self.size
        }
    }

    /// Lends the address to a call that fills it in; `length` bytes are available.
    mutating func withPointer<Result>(_ body: (UnsafeMutablePointer<sockaddr>) -> Result) -> Result {
        unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0) }
        }
    }
}

extension TransportAddress {
    /// The address family, `AF_INET` or `AF_INET6`.
    var family: Int32 {
        switch host {
        case .v4: AF_INET
        case .v6: AF_INET6
        }
    }

    /// Connects a socket to the address; returns what `connect(2)` does.
    package func connect(_ descriptor: Int32) -> Int32 {
        unsafe withSocketAddress { unsafe Glibc.connect(descriptor, $0, $1) }
    }

    /// Lends the address in the form that the socket calls take.
    func withSocketAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var address = SocketAddress()
        let length = address.set(self)
        return unsafe address.withPointer { unsafe body($0, length) }
    }
}

extension IPAddress {
    /// Whether it represents all addresses of its version (`0.0.0.0`, `::`).
    var isWildcard: Bool { self == .v4(0) || self == .v6(high: 0, low: 0) }

    init(_ inet: in6_addr) {
        let halves = unsafe withUnsafeBytes(of: inet) { bytes in
            unsafe (
                UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
        self = .v6(high: halves.0, low: halves.1)
    }
}

extension in6_addr {
    /// An IPv6 address; an IPv4 address becomes the unspecified one.
    fileprivate init(_ host: IPAddress) {
        self.init()
        guard case .v6(let high, let low) = host else { return }
        unsafe withUnsafeMutableBytes(of: &self) { bytes in
            unsafe bytes.storeBytes(of: high.bigEndian, as: UInt64.self)
            unsafe bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
    }
}

extension msghdr {
    /// To which of this machine's addresses a datagram was sent, if the kernel has said so.
    var destination: IPAddress? {
        var inet = in6_addr()
        var header = unsafe self
        switch unsafe csockets_read_destination(&header, &inet) {
        case AF_INET:
            let number = unsafe withUnsafeBytes(of: inet) { unsafe $0.load(as: UInt32.self) }
            return .v4(UInt32(bigEndian: number))
        case AF_INET6:
            return IPAddress(inet)
        default:
            return nil
        }
    }

    /// Sets the source address with which a datagram is to leave, in memory for `csockets_control_size` bytes.
    mutating func setSource(_ address: IPAddress, in control: UnsafeMutableRawPointer) {
        unsafe msg_control = control
        switch address {
        case .v4(let number):
            var inet = number.bigEndian
            unsafe csockets_write_source(&self, AF_INET, &inet)
        case .v6:
            var inet = in6_addr(address)
            unsafe csockets_write_source(&self, AF_INET6, &inet)
        }
    }
}
