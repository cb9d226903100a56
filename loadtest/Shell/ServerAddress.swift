import NIOCore

/// Where the server is: `http://HOST[:PORT]`.
struct ServerAddress: Sendable, Equatable, CustomStringConvertible {
    let host: String
    let port: Int

    /// Reads a URL; nil when it is anything but a plain-text origin.
    init?(_ text: String) {
        let scheme = "http://"
        guard text.hasPrefix(scheme) else { return nil }
        var authority = text.dropFirst(scheme.count)
        if authority.last == "/" { authority.removeLast() }
        guard !authority.isEmpty, !authority.contains(where: { "/?#@ ".contains($0) }) else { return nil }
        let portText: Substring?
        if authority.first == "[" {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            host = String(authority[authority.index(after: authority.startIndex)..<end])
            let rest = authority[authority.index(after: end)...]
            guard rest.isEmpty || rest.first == ":" else { return nil }
            portText = rest.isEmpty ? nil : rest.dropFirst()
        } else {
            let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count <= 2 else { return nil }
            host = String(parts[0])
            portText = parts.count == 2 ? parts[1] : nil
        }
        guard !host.isEmpty else { return nil }
        guard let portText else {
            port = 80
            return
        }
        guard let number = UInt16(portText), number > 0 else { return nil }
        port = Int(number)
    }

    /// The host as in a URL and in the Host header.
    var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    var description: String { "http://\(authority)" }

    /// Finds the address to connect to. The address is checked, not the name: a name may resolve to anything.
    /// - Throws: `input` when the host is not found, or is remote and that is not allowed.
    func resolve(allowRemote: Bool) throws -> SocketAddress {
        guard let address = try? SocketAddress.makeAddressResolvingHost(host, port: port) else {
            throw LoadTestError(.input, "there is no host \(host)")
        }
        guard allowRemote || Self.isLoopback(address) else {
            throw LoadTestError(
                .input, "\(self) is not on this machine; give --allow-remote if the server is yours to load")
        }
        return address
    }

    /// Whether an address never leaves this machine: 127.0.0.0/8 or ::1.
    static func isLoopback(_ address: SocketAddress) -> Bool {
        switch address {
        case .v4: address.ipAddress?.hasPrefix("127.") ?? false
        case .v6: address.ipAddress == "::1"
        case .unixDomainSocket: false
        }
    }
}
