import Accounts
import Delivery
import FrameDispatch
import Logging
import Messaging
import Primitives
import SignalingCore
import SignalingService
import SwiftProtobuf
import Wire

/// The dependencies of every socket and every REST request.
struct GatewayServices: Sendable {
    let configuration: GatewayConfiguration
    let timings: HeartbeatTimings
    let accounts: AccountService
    let messaging: MessagingService
    let calls: CallService
    let dispatcher: FrameDispatcher
    let registry: SessionRegistry
    let addresses = AddressCounts()
    let metrics = GatewayMetrics()
    let logger: Logger
    /// The current time; never jumps.
    let now: @Sendable () -> Instant
    /// The machine's clock, for TURN servers, which compare it with their own.
    let wallClock: @Sendable () -> Instant

    /// - Parameter wallClock: The machine's clock; `now` when nil.
    init(
        configuration: GatewayConfiguration, timings: HeartbeatTimings, accounts: AccountService,
        messaging: MessagingService, calls: CallService, registry: SessionRegistry, logger: Logger,
        now: @escaping @Sendable () -> Instant, wallClock: (@Sendable () -> Instant)? = nil
    ) {
        self.configuration = configuration
        self.timings = timings
        self.accounts = accounts
        self.messaging = messaging
        self.calls = calls
        self.registry = registry
        self.logger = logger
        self.now = now
        self.wallClock = wallClock ?? now
        dispatcher = FrameDispatcher(
            messaging: messaging, calls: calls, limits: configuration.limits.fields, now: now)
    }

    /// The answer to hello.
    func welcome(_ identity: Identity, _ resumption: Resumption, calls: [CallView]) -> WireWelcome {
        .with {
            $0.serverTime = .init(now())
            $0.user = WireUser(identity.profile)
            $0.sessionID = identity.session.description
            $0.recovered = resumption.outcome == .recovered
            $0.resumeToken = resumption.token.text.exposed
            $0.resumeLifetimeMs = UInt32(clamping: registry.resumeLifetime.milliseconds)
            $0.pingIntervalMs = UInt32(clamping: timings.ping.milliseconds)
            $0.features = ["direct_calls", "group_calls", "messages", "screen_share"]
            $0.limits = WireLimits(configuration.limits)
            $0.calls = calls.map(WireCall.init)
            $0.iceServers = configuration.iceServers(for: identity.user, at: wallClock()).servers.map(
                WireIceServer.init)
        }
    }
}

extension WireLimits {
    init(_ limits: SocketLimits) {
        self.init()
        frameBytes = UInt32(clamping: limits.frameBytes)
        descriptionBytes = UInt32(clamping: limits.fields.descriptionBytes)
        candidateBytes = UInt32(clamping: limits.fields.candidateBytes)
        messageBytes = UInt32(clamping: limits.fields.messageBytes)
        commandsPerSecond = UInt32(clamping: limits.commandsPerSecond)
        invitesPerMinute = UInt32(clamping: limits.invitesPerMinute)
    }
}
