/// The route of a datagram: between which addresses, and through which socket.
///
/// What goes back along the path of a datagram leaves from the address that the datagram was sent to.
public struct DatagramPath: Hashable, Sendable {
    /// The other side.
    public var remote: TransportAddress
    /// The address of this machine; nil leaves the choice to the routes.
    public var local: IPAddress?
    /// The interface of a link-local remote address (RFC 4007 §6), else 0.
    public var zone: UInt32
    /// Which of the sockets of a loop, counted from 0.
    public var socket: Int

    /// Puts a path together.
    public init(to remote: TransportAddress, from local: IPAddress? = nil, zone: UInt32 = 0, socket: Int = 0) {
        self.remote = remote
        self.local = local
        self.zone = zone
        self.socket = socket
    }
}
