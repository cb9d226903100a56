public import Accounts
public import Messaging
import NIOConcurrencyHelpers
public import Primitives
public import SignalingCore
public import SignalingService
import SwiftProtobuf
import Wire

/// Which users are connected with which devices, and by which sockets.
///
/// Services send events to addresses; here they become sockets. A device has one socket: a newer one takes the place of
/// the older. Everything is behind one lock, which is never held while anybody else is called.
public final class SessionRegistry: Sendable {
    private let state = NIOLockedValueBox(State())

    /// Makes an empty registry.
    public init() {}

    private struct State {
        var users: [UserID: [DeviceID: Entry]] = [:]
        /// What the call service has yet to hear, in the order in which it happened.
        var announcements: [PresenceChange] = []
        var isAnnouncing = false
        var revoked = RecentlyRevoked()
    }

    private struct Entry {
        let socket: any ClientSocket
        let session: SessionID
    }

    /// What becomes of a socket that wants in.
    enum Admission {
        /// It is in; the socket whose place it took is to be closed.
        case admitted(replaced: (any ClientSocket)?)
        /// The user has too many sockets.
        case tooManySockets
        /// The session was ended while its token was being looked at.
        case revoked
    }

    /// Lets a socket in. From here on it gets events; the call service hears of the device by `announce(to:)`.
    func admit(
        _ socket: any ClientSocket, of identity: Identity, limit: Int,
        openCalls: @escaping @Sendable ([CallView]) -> Void
    ) -> Admission {
        state.withLockedValue { state in
            if state.revoked.contains(identity.session) { return .revoked }
            var devices = state.users[identity.user] ?? [:]
            let older = devices[identity.device]
            guard older != nil || devices.count < limit else { return .tooManySockets }
            devices[identity.device] = Entry(socket: socket, session: identity.session)
            state.users[identity.user] = devices
            state.announcements.append(
                .connected(CallOrigin(user: identity.user, device: identity.device), openCalls: openCalls))
            return .admitted(replaced: older?.socket)
        }
    }

    /// Forgets a socket. A socket that was replaced is forgotten already.
    func leave(_ socket: any ClientSocket, of identity: Identity) {
        state.withLockedValue { state in
            guard var devices = state.users[identity.user], devices[identity.device]?.socket === socket else { return }
            devices[identity.device] = nil
            state.users[identity.user] = devices.isEmpty ? nil : devices
            state.announcements.append(.lost(CallOrigin(user: identity.user, device: identity.device)))
        }
    }

    /// Whether a device is connected by this socket, and not by a newer one or none.
    func isCurrent(_ socket: any ClientSocket, of identity: Identity) -> Bool {
        state.withLockedValue { $0.users[identity.user]?[identity.device]?.socket === socket }
    }

    /// Tells the call service what it has yet to hear.
    ///
    /// Two threads may come here at once; one of them tells everything, so that what happened first is heard first.
    func announce(to calls: CallService) {
        while let changes = takeAnnouncements() {
            for change in changes {
                switch change {
                case .connected(let origin, let openCalls): calls.deviceConnected(origin, openCalls: openCalls)
                case .lost(let origin): calls.deviceLost(origin)
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
    var count: Int {
        state.withLockedValue { $0.users.values.reduce(0) { $0 + $1.count } }
    }

    private func sockets(at address: Address) -> [any ClientSocket] {
        state.withLockedValue { state in
            guard let devices = state.users[address.user] else { return [] }
            switch address {
            case .user: return devices.values.map(\.socket)
            case .others(_, let left): return devices.filter { $0.key != left }.map(\.value.socket)
            case .device(_, let device): return devices[device].map { [$0.socket] } ?? []
            }
        }
    }

    /// Encodes an event once for each encoding that is needed, and hands it to the sockets.
    private func deliver(_ event: WireEvent, to sockets: [any ClientSocket]) {
        var encoded: [Encoding: EncodedEvent] = [:]
        for socket in sockets {
            if encoded[socket.encoding] == nil {
                // Only a time that JSON cannot say is unwritable, and the mapping lets none through.
                encoded[socket.encoding] = try? EncodedEvent(event, as: socket.encoding)
            }
            if let event = encoded[socket.encoding] { socket.deliver(event) }
        }
    }
}

/// A socket as the registry sees it; each of its functions may be called from any thread and returns at once.
protocol ClientSocket: AnyObject, Sendable {
    /// How its frames are written.
    var encoding: Encoding { get }
    /// Sends an event.
    func deliver(_ event: EncodedEvent)
    /// Closes it.
    func close(_ code: CloseCode)
}

/// What the call service is told of devices.
private enum PresenceChange {
    case connected(CallOrigin, openCalls: @Sendable ([CallView]) -> Void)
    case lost(CallOrigin)
}

/// The sessions that were ended most recently: a socket may be on its way in with one of them.
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
    /// Sends an event of a call to whatever sockets stand behind the address now.
    public func deliver(_ event: CallEvent, of view: CallView, to address: Address) {
        let sockets = sockets(at: address)
        guard !sockets.isEmpty else { return }
        deliver(WireEvent(event, of: view), to: sockets)
    }
}

extension SessionRegistry: DevicePresence {
    /// The devices of a user that have a socket now.
    public func connectedDevices(of user: UserID) -> Set<DeviceID> {
        state.withLockedValue { state in state.users[user].map { Set($0.keys) } ?? [] }
    }
}

extension SessionRegistry: MessageEvents {
    /// Sends a message to whatever sockets stand behind the addresses now.
    public func deliver(_ message: Messaging.Message, to addresses: [Address]) {
        let sockets = addresses.flatMap { self.sockets(at: $0) }
        guard !sockets.isEmpty else { return }
        deliver(.with { $0.messageReceived.message = WireMessage(message) }, to: sockets)
    }
}

extension SessionRegistry {
    /// The sessions that have a socket, by their users.
    var sessions: [UserID: [SessionID]] {
        state.withLockedValue { state in state.users.mapValues { $0.values.map(\.session) } }
    }
}

extension SessionRegistry: SessionRevocations {
    /// Closes the sockets of sessions that have ended with 4502.
    public func sessionsRevoked(_ sessions: [SessionID], of user: UserID) {
        let ended = Set(sessions)
        let sockets = state.withLockedValue { state in
            for session in sessions { state.revoked.insert(session) }
            return state.users[user]?.values.filter { ended.contains($0.session) }.map(\.socket) ?? []
        }
        for socket in sockets { socket.close(.sessionRevoked) }
    }
}
