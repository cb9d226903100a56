public import Accounts
package import FrameDispatch
public import Messaging
import NIOConcurrencyHelpers
public import Primitives
public import SignalingCore
public import SignalingService
import SwiftProtobuf
package import Wire

/// Which users are connected with which devices, by which sockets, and what their devices may have missed.
///
/// Services send events to addresses; here the events are numbered for each device and go to the sockets. A device has
/// one socket: a newer one replaces the older. Everything is behind one lock, which is never held while other code is
/// called, except to queue an event at a socket: so the queues have the order of the numbers.
public final class SessionRegistry: Sendable {
    private let state: NIOLockedValueBox<State>
    private let served = NIOLockedValueBox(ServedCalls())
    private let limits: ReplayLimits
    private let now: @Sendable () -> Instant

    /// Makes an empty registry.
    public convenience init() {
        self.init(limits: ReplayLimits())
    }

    /// As above, with custom limits and a clock that never goes back.
    init(limits: ReplayLimits, now: @escaping @Sendable () -> Instant = { .ofUptime }) {
        state = NIOLockedValueBox(State(devices: DeviceSessions(limits: limits)))
        self.limits = limits
        self.now = now
    }

    private struct State {
        var devices: DeviceSessions
        /// What the call service has not been told yet, in the order in which it happened.
        var announcements: [PresenceChange] = []
        var isAnnouncing = false
        var revoked = RecentlyRevoked()
        /// Those of the revoked sessions whose devices have no other session.
        var loggedOut = RecentlyRevoked()
    }

    /// Not retained here.
    private struct ServedCalls {
        weak var service: CallService?
    }

    /// From now on the call service is told at once of log-outs and of memberships that end.
    package func serve(_ calls: CallService) {
        served.withLockedValue { $0.service = calls }
    }

    /// The result of attaching a socket.
    package enum Admission {
        /// It is attached; the socket that it replaced has to be closed.
        case admitted(Resumption, replaced: (any ClientSocket)?)
        /// The user has too many sockets.
        case tooManySockets
        /// The session ended while its token was being checked.
        case revoked
    }

    /// Attaches a socket. From now on it gets events, and first those that the device missed, if it may resume;
    /// `announce(to:)` tells the call service of the device.
    ///
    /// - Parameters:
    ///   - claim: Where the device says that it stopped.
    ///   - openCalls: Gets every open call of the user.
    package func admit(
        _ socket: any ClientSocket, of identity: Identity, claim: ResumeClaim? = nil, limit: Int,
        openCalls: @escaping @Sendable (Resumption, [CallView]) -> Void
    ) -> Admission {
        let (token, now) = (ResumeToken.random(), now())
        let (admission, mustWake) = state.withLockedValue { state -> (Admission, Bool) in
            if state.revoked.contains(identity.session) { return (.revoked, false) }
            let attachment = state.devices.attach(
                socket, identity.user, identity.device, session: identity.session, claim: claim, token: token,
                limit: limit, now: now)
            guard let attachment else { return (.tooManySockets, false) }
            let resumption = attachment.resumption
            state.announcements.append(
                .connected(
                    CallOrigin(user: identity.user, device: identity.device),
                    openCalls: { calls in openCalls(resumption, calls) }))
            return (.admitted(resumption, replaced: attachment.replaced), attachment.mustWake)
        }
        if mustWake { socket.wake() }
        return admission
    }

    /// Takes a socket from its device, which may resume for a while unless its session has ended. A socket that was
    /// replaced is forgotten already.
    package func leave(_ socket: any ClientSocket, of identity: Identity) {
        let now = now()
        state.withLockedValue { state in
            guard state.devices.detach(socket, identity.user, identity.device, now: now) else { return }
            if state.revoked.contains(identity.session) { state.devices.forget(identity.user, identity.device) }
            state.announcements.append(.lost(CallOrigin(user: identity.user, device: identity.device)))
            // It may have sent commands until its socket was closed.
            if state.loggedOut.contains(identity.session) {
                state.announcements.append(.loggedOut(identity.user, [identity.device], isLast: false))
            }
        }
    }

    /// A device has received every event up to a place.
    package func acknowledge(_ seq: UInt64, by socket: any ClientSocket, of identity: Identity) {
        state.withLockedValue { $0.devices.acknowledge(seq, by: socket, identity.user, identity.device) }
    }

    /// Forgets events that were kept for devices long enough.
    func forgetOld() {
        let now = now()
        state.withLockedValue { $0.devices.forgetOld(now: now) }
    }

    /// How long a device may stay away before it has to start over.
    package var resumeLifetime: Instant.Span { limits.lifetime }

    /// Tells the call service what it has not been told yet.
    ///
    /// Two threads may call this at once; one of them tells everything, so that the order is kept.
    package func announce(to calls: CallService) {
        while let changes = takeAnnouncements() {
            for change in changes {
                switch change {
                case .connected(let origin, let openCalls): calls.deviceConnected(origin, openCalls: openCalls)
                case .lost(let origin): calls.deviceLost(origin)
                case .loggedOut(let user, let devices, let isLast):
                    calls.loggedOut(user, devices: devices, isLast: isLast)
                }
            }
            state.withLockedValue { $0.isAnnouncing = false }
        }
    }

    private func takeAnnouncements() -> [PresenceChange]? {
        state.withLockedValue { state in
            guard !state.isAnnouncing, !state.announcements.isEmpty else { return nil }
            state.isAnnouncing = true
            defer { state.announcements = [] }
            return state.announcements
        }
    }

    /// How many devices are connected.
    var count: Int { state.withLockedValue(\.devices.attachedCount) }

    /// Encodes an event once for each encoding that is needed, and gives it to every device behind the addresses: to
    /// those with a socket now, and to those that may resume when they do.
    func deliver(_ event: @autoclosure () -> WireEvent, to addresses: [Address]) {
        var missing = state.withLockedValue { $0.devices.encodings(at: addresses) }
        guard !missing.isEmpty else { return }
        let event = event()
        var events = EncodedEvents()
        // Repeated only when a device that needs another encoding has come meanwhile.
        while !missing.isEmpty {
            // Only a time outside the range of JSON cannot be written, and the mapping lets none through.
            events.add(event, in: missing)
            let now = now()
            let asleep: [any ClientSocket]
            (missing, asleep) = state.withLockedValue { [events] state in
                let missing = state.devices.encodings(at: addresses).subtracting(events.encodings)
                return (missing, missing.isEmpty ? state.devices.append(events, to: addresses, now: now) : [])
            }
            for socket in asleep { socket.wake() }
        }
    }
}

/// A socket as the registry sees it; each of its functions may be called from any thread and returns at once.
package protocol ClientSocket: FrameSource {
    /// The encoding of its frames.
    var encoding: Encoding { get }
    /// Queues an event; returns whether the socket has to be woken to send it. Calls no other code, because the
    /// registry's lock is held.
    func enqueue(_ event: NumberedEvent) -> Bool
    /// Sends what is queued.
    func wake()
    /// Closes it.
    func close(_ code: CloseCode)
}

/// What the call service is told about devices.
private enum PresenceChange {
    case connected(CallOrigin, openCalls: @Sendable ([CallView]) -> Void)
    case lost(CallOrigin)
    case loggedOut(UserID, [DeviceID], isLast: Bool)
}

/// The sessions that ended most recently: a socket may be about to attach with one of them.
private struct RecentlyRevoked {
    private static let limit = 4096
    private var order: [SessionID] = []
    private var members: Set<SessionID> = []
    private var next = 0

    func contains(_ session: SessionID) -> Bool { members.contains(session) }

    mutating func insert(_ session: SessionID) {
        guard members.insert(session).inserted else { return }
        if order.count < Self.limit {
            order.append(session)
        } else {
            members.remove(order[next])
            order[next] = session
            next = (next + 1) % Self.limit
        }
    }
}

extension SessionRegistry: CallEvents {
    /// Answers a command of a device. If the device has another socket by now, or none, it may have been welcomed
    /// before the call changed: then it is told the state of the call.
    public func reply(_ reply: CallReply, to replyTo: ReplyTo) {
        let origin = replyTo.origin
        let socket = state.withLockedValue { $0.devices.socket(of: origin.user, origin.device) }
        let isSilent = if replyTo.request == 0, case .done = reply { true } else { false }
        guard let socket, socket.number == replyTo.socket, !isSilent else {
            // With the id 0 nothing is mapped, as for most candidates, unless the device has to be told of the call.
            guard let view = reply.view, !isSilent || replyTo.mayChangeCall else { return }
            return deliver(.updated, of: view, to: [.device(origin.user, origin.device)])
        }
        socket.reply(WireServerFrame(reply, replyTo: replyTo.request))
    }

    /// Sends an event of a call to the devices behind the addresses now.
    public func deliver(_ event: CallEvent, of view: CallView, to addresses: [Address]) {
        deliver(WireEvent(event, of: view), to: addresses)
    }
}

extension SessionRegistry: DevicePresence {
    /// The devices of a user that have a socket now. A device that only may resume is not connected.
    public func connectedDevices(of user: UserID) -> Set<DeviceID> {
        state.withLockedValue { $0.devices.attachedDevices(of: user) }
    }
}

extension SessionRegistry: MessageEvents {
    /// Sends a message to the devices behind the addresses now.
    public func deliver(_ message: Messaging.Message, to addresses: [Address]) {
        deliver(.with { $0.messageReceived.message = WireMessage(message) }, to: addresses)
    }

    /// Tells the devices of a user that they are invited into a group.
    public func deliver(_ invitation: GroupInvitation, to user: UserID) {
        deliver(.with { $0.invitationReceived.invitation = WireGroupInvitation(invitation) }, to: [.user(user)])
    }

    /// Removes a user from the calls of a conversation to which they no longer belong.
    public func membershipEnded(_ user: UserID, in conversation: ConversationID) {
        served.withLockedValue { $0.service }?.membershipEnded(user, in: conversation)
    }
}

extension SessionRegistry {
    /// The sessions whose devices are connected or may resume, by their users.
    var sessions: [UserID: [SessionID]] { state.withLockedValue(\.devices.sessions) }

    /// The metrics in Prometheus format.
    package var metricFamilies: [MetricFamily] {
        let (attached, detached, bytes) = state.withLockedValue { state in
            (state.devices.attachedCount, state.devices.detachedCount, state.devices.keptBytes)
        }
        return [
            MetricFamily(
                "device_sessions", .gauge, help: "Device sessions, by whether they have a socket.",
                samples: [
                    .init(attached, labels: [("standing", "attached")]),
                    .init(detached, labels: [("standing", "detached")]),
                ]),
            MetricFamily(
                "replay_window_bytes", .gauge, help: "Events that are kept for devices that may resume, in bytes.",
                samples: [.init(bytes)]),
        ]
    }
}

extension SessionRegistry: SessionRevocations {
    /// Closes the sockets of sessions that have ended, with 4502; nobody can resume with them.
    public func sessionsRevoked(_ sessions: [SessionID], of user: UserID) {
        let ended = Set(sessions)
        let sockets = state.withLockedValue { state in
            for session in sessions { state.revoked.insert(session) }
            state.devices.forgetDetached(among: ended, of: user)
            return state.devices.sockets(of: user).filter { ended.contains($0.session) }.map(\.socket)
        }
        for socket in sockets { socket.close(.sessionRevoked) }
    }

    /// Removes logged-out devices from their calls.
    public func loggedOut(_ user: UserID, devices: [DeviceID], isLast: Bool) {
        guard let calls = served.withLockedValue({ $0.service }) else { return }
        state.withLockedValue { state in
            for (session, device) in state.devices.sessions(of: user)
            where devices.contains(device) && state.revoked.contains(session) {
                state.loggedOut.insert(session)
            }
            state.announcements.append(.loggedOut(user, devices, isLast: isLast))
        }
        announce(to: calls)
    }
}

extension CallReply {
    /// The call as it is after the command, if the sender may see it.
    fileprivate var view: CallView? {
        switch self {
        case .done(let view): view
        case .refused(_, let view): view
        case .limited, .usedUp, .unavailable, .failed: nil
        }
    }
}
