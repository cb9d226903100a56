public import Primitives

/// What a server of datagrams counts. All figures but the last are of datagrams.
public struct DatagramMetrics: Sendable {
    /// Taken from the sockets.
    public let received = Counter()
    /// Longer than any that the handler may get; dropped.
    public let oversized = Counter()
    /// Given to the system to send.
    public let sent = Counter()
    /// Not sent: the system did not take them, or there were more at once than there is room for.
    public let unsent = Counter()
    /// System calls that failed while receiving.
    public let receiveErrors = Counter()

    /// Starts at 0.
    public init() {}
}
