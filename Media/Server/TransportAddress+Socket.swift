import CSockets
import Glibc
import MediaCore

extension TransportAddress {
    /// Reads an address as the socket calls give it; nil when it is of another family.
    init?(_ storage: sockaddr_storage) {
        let address: TransportAddress? = unsafe withUnsafeBytes(of: storage) { bytes in
            switch Int32(storage.ss_family) {
            case AF_INET:
                let inet = unsafe bytes.load(as: sockaddr_in.self)
                let number = UInt32(bigEndian: inet.sin_addr.s_addr)
                return TransportAddress(.v4(number), port: UInt16(bigEndian: inet.sin_port))
            case AF_INET6:
                let inet = unsafe bytes.load(as: sockaddr_in6.self)
                let halves = unsafe withUnsafeBytes(of: inet.sin6_addr) { half in
                    unsafe (
                        UInt64(bigEndian: half.loadUnaligned(as: UInt64.self)),
                        UInt64(bigEndian: half.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
                    )
                }
                return TransportAddress(.v6(high: halves.0, low: halves.1), port: UInt16(bigEndian: inet.sin6_port))
            default:
                return nil
            }
        }
        guard let address else { return nil }
        self = address
    }

    /// The address family, `AF_INET` or `AF_INET6`.
    var family: Int32 {
        switch host {
        case .v4: AF_INET
        case .v6: AF_INET6
        }
    }

    /// Lends the address as the socket calls take it.
    func withSocketAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        switch host {
        case .v4(let number):
            var inet = sockaddr_in()
            inet.sin_family = sa_family_t(AF_INET)
            inet.sin_port = port.bigEndian
            inet.sin_addr.s_addr = number.bigEndian
            return unsafe Self.lend(&inet, to: body)
        case .v6(let high, let low):
            var inet = sockaddr_in6()
            inet.sin6_family = sa_family_t(AF_INET6)
            inet.sin6_port = port.bigEndian
            unsafe withUnsafeMutableBytes(of: &inet.sin6_addr) { bytes in
                unsafe bytes.storeBytes(of: high.bigEndian, as: UInt64.self)
                unsafe bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
            return unsafe Self.lend(&inet, to: body)
        }
    }

    private static func lend<Address, Result>(
        _ address: inout Address, to body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<Address>.size))
            }
        }
    }
}
