import Glibc

/// The file descriptors available to this process.
public struct Descriptors: Sendable, Equatable {
    /// A server with fewer serves few people; most systems allow this many.
    public static let usual = 1024

    /// The limit.
    public let limit: Int

    /// Makes a value for a limit.
    public init(limit: Int) {
        self.limit = limit
    }

    /// How many descriptors connections leave to the server's own work: database connections that are restored, those
    /// of the outbox, name servers, files that are read again, and the runtime, which ends the process when it gets
    /// none. Fewer if the limit is low.
    public var reserve: Int { min(64, limit / 4) }

    /// How many connections without a socket are allowed at most, so that they never take everything that is left for
    /// sockets.
    public var plainConnections: Int { max(1, (limit - reserve) / 2) }

    /// Whether another connection leaves the reserve untouched: whether the lowest free descriptor is below it.
    public var hasRoom: Bool {
        let lowest = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard lowest >= 0 else { return false }
        close(lowest)
        return lowest < limit - reserve
    }

    /// Raises the soft limit to the hard one, as any process may.
    public static func raised() -> Descriptors {
        var limits = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) == 0 else {
            return Descriptors(limit: usual)
        }
        var raised = limits
        raised.rlim_cur = limits.rlim_max
        if unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limits = raised }
        return Descriptors(limit: Int(clamping: limits.rlim_cur))
    }
}
