import Accounts
import FrameDispatch
import HTTPTypes
import Hummingbird
import NIOConcurrencyHelpers
import Primitives
import Wire

/// ICE servers, with fresh credentials for clients that stay connected longer than those of the welcome last.
struct IceServerRoutes: Sendable {
    private let accounts: AccountService
    private let configuration: GatewayConfiguration
    private let now: @Sendable () -> Instant
    private let wallClock: @Sendable () -> Instant
    private let limiter: NIOLockedValueBox<AttemptLimiter>

    /// - Parameters:
    ///   - now: The current time, for the rate limit.
    ///   - wallClock: The machine's clock; TURN servers compare it with theirs.
    init(
        accounts: AccountService, configuration: GatewayConfiguration, now: @escaping @Sendable () -> Instant,
        wallClock: @escaping @Sendable () -> Instant
    ) {
        self.accounts = accounts
        self.configuration = configuration
        self.now = now
        self.wallClock = wallClock
        limiter = NIOLockedValueBox(AttemptLimiter(configuration.limits.iceServersPerMinute, per: .seconds(60)))
    }

    var routes: [Route] {
        [
            Route(.get, "/v1/ice-servers") { request throws(RESTFault) in
                let user = try await accounts.identity(of: request).user
                let present = now()
                if let wait = limiter.withLockedValue({ $0.attempt(user.description, now: present) }) {
                    let message = "You ask for ICE servers too often. The ones you have are good until they expire."
                    throw RESTFault(Fault(.rateLimited, message, retryAfter: wait))
                }
                let moment = wallClock()
                return .json(WireIceServerList(configuration.iceServers(for: user, at: moment), at: moment))
            }
        ]
    }
}
