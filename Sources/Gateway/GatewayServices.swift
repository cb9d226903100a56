import Accounts
import Logging
import Messaging
import Primitives
import SignalingCore
import SignalingService
import SwiftProtobuf
import Wire

/// What every socket and every REST request needs.
struct GatewayServices: Sendable {
    let configuration: GatewayConfiguration
    let timings: HeartbeatTimings
    let accounts: AccountService
    let messaging: MessagingService
    let calls: CallService
    let registry: SessionRegistry
    let addresses: AddressCounts
    let metrics: GatewayMetrics
    let logger: Logger
    /// The present: never jumps.
    let now: @Sendable () -> Instant
    /// What the machine's clock says, for TURN servers, which compare it with their own; `now` when nil.
    var wallClock: (@Sendable () -> Instant)?

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
            $0.iceServers = configuration.iceServers(for: identity.user, at: (wallClock ?? now)()).servers.map(
                WireIceServer.init)
        }
    }
}

extension WireLimits {
    init(_ limits: SocketLimits) {
        self.init()
        frameBytes = UInt32(clamping: limits.frameBytes)
        descriptionBytes = UInt32(clamping: limits.descriptionBytes)
        candidateBytes = UInt32(clamping: limits.candidateBytes)
        messageBytes = UInt32(clamping: limits.messageBytes)
        commandsPerSecond = UInt32(clamping: limits.commandsPerSecond)
        invitesPerMinute = UInt32(clamping: limits.invitesPerMinute)
    }
}
