import DequeModule
import Primitives
import Wire

/// Every device session with its socket, if it has one; bounded in number and in memory.
///
/// What the registry keeps behind its lock.
struct DeviceSessions {
    private struct Entry {
        var socket: (any ClientSocket)?
        var session: DeviceSession
        /// The number of its latest detachment.
        var detachment: UInt64 = 0

        /// Changes the entry; returns how many more bytes it keeps afterwards.
        mutating func change(_ body: (inout Entry) -> Void) -> Int {
            let before = session.window.bytes
            body(&self)
            return session.window.bytes - before
        }

        /// Numbers an event, keeps it, and queues it at the socket, which is added to those asleep if it has to be
        /// woken; returns how many more bytes are kept.
        mutating func append(_ events: EncodedEvents, now: Instant, _ asleep: inout [any ClientSocket]) -> Int {
            guard let event = events[session.encoding] else { return 0 }
            let before = session.window.bytes
            let numbered = session.append(event, now: now)
            if let socket, socket.enqueue(numbered) { asleep.append(socket) }
            return session.window.bytes - before
        }
    }

    /// A detachment in the order in which they expire; void when the device came back or was forgotten.
    struct Detachment {
        let user: UserID
        let device: DeviceID
        let number: UInt64
    }

    /// How a socket was attached.
    struct Attachment {
        /// What its welcome says of it.
        let resumption: Resumption
        /// The socket that it replaced.
        let replaced: (any ClientSocket)?
        /// Whether events are queued at the socket, and nothing has woken it.
        var mustWake = false
    }

    private let limits: ReplayLimits
    private var users: [UserID: [DeviceID: Entry]] = [:]
    private(set) var detachments: Deque<Detachment> = []
    private var detachmentCount: UInt64 = 0
    /// How many device sessions have a socket.
    private(set) var attachedCount = 0
    /// How many device sessions have none.
    private(set) var detachedCount = 0
    /// How many bytes of events are kept.
    private(set) var keptBytes = 0

    /// Makes an empty table.
    init(limits: ReplayLimits) {
        self.limits = limits
    }

    // MARK: Who is connected

    /// The devices of a user that have a socket.
    func attachedDevices(of user: UserID) -> Set<DeviceID> {
        Set((users[user] ?? [:]).lazy.filter { $0.value.socket != nil }.map(\.key))
    }

    /// The socket of a device, if it has one.
    func socket(of user: UserID, _ device: DeviceID) -> (any ClientSocket)? { users[user]?[device]?.socket }

    /// The sockets of a user, with the sessions that they were opened for.
    func sockets(of user: UserID) -> [(session: SessionID, socket: any ClientSocket)] {
        (users[user] ?? [:]).values.compactMap { entry in entry.socket.map { (entry.session.session, $0) } }
    }

    /// The sessions of a user's devices.
    func sessions(of user: UserID) -> [(session: SessionID, device: DeviceID)] {
        (users[user] ?? [:]).map { ($0.value.session.session, $0.key) }
    }

    /// The sessions of all devices, by their users.
    var sessions: [UserID: [SessionID]] { users.mapValues { $0.values.map(\.session.session) } }

    // MARK: Coming and going

    /// Gives a device a socket; nil when its user would have more of them than allowed.
    ///
    /// A device that may resume continues its device session, and the events that it missed are queued at the socket;
    /// any other device begins a new device session.
    /// - Parameter token: The token of the new device session, if one begins.
    mutating func attach(
        _ socket: any ClientSocket, _ user: UserID, _ device: DeviceID, session: SessionID, claim: ResumeClaim?,
        token: ResumeToken, limit: Int, now: Instant
    ) -> Attachment? {
        forgetOver(now: now)
        let devices = users[user] ?? [:]
        let replaced = devices[device]?.socket
        guard replaced != nil || devices.values.count(where: { $0.socket != nil }) < limit else { return nil }
        if let claim {
            switch resume(claim, with: socket, user, device, session: session, now: now) {
            case .recovered(let missed):
                let resumption = Resumption(outcome: .recovered, token: devices[device]?.session.token ?? token)
                var attachment = Attachment(resumption: resumption, replaced: replaced)
                for event in missed where socket.enqueue(event) { attachment.mustWake = true }
                return attachment
            case .refused(let refusal):
                begin(socket, user, device, session: session, token: token, limit: limit)
                return Attachment(resumption: Resumption(outcome: .refused(refusal), token: token), replaced: replaced)
            }
        }
        begin(socket, user, device, session: session, token: token, limit: limit)
        return Attachment(resumption: Resumption(outcome: .begun, token: token), replaced: replaced)
    }

    private mutating func resume(
        _ claim: ResumeClaim, with socket: any ClientSocket, _ user: UserID, _ device: DeviceID, session: SessionID,
        now: Instant
    ) -> DeviceSession.OnResume {
        var result = DeviceSession.OnResume.refused(.unknown)
        var wasDetached = false
        change(user, device) { entry in
            result = entry.session.resume(claim, session: session, encoding: socket.encoding, now: now)
            guard case .recovered = result else { return }
            wasDetached = entry.socket == nil
            entry.socket = socket
        }
        if wasDetached {
            detachedCount -= 1
            attachedCount += 1
        }
        return result
    }

    private mutating func begin(
        _ socket: any ClientSocket, _ user: UserID, _ device: DeviceID, session: SessionID, token: ResumeToken,
        limit: Int
    ) {
        forget(user, device)
        let begun = DeviceSession(session: session, encoding: socket.encoding, token: token, limits: limits)
        users[user, default: [:]][device] = Entry(socket: socket, session: begun)
        attachedCount += 1
        // A user has no more device sessions than sockets, so that logging in again and again does not fill the memory.
        while let devices = users[user], devices.count > limit,
            let oldest = devices.filter({ $0.value.socket == nil }).min(by: {
                $0.value.detachment < $1.value.detachment
            })
        {
            forget(user, oldest.key)
        }
    }

    /// Takes a socket from its device, which may resume for a while; false when the device has another one.
    mutating func detach(_ socket: any ClientSocket, _ user: UserID, _ device: DeviceID, now: Instant) -> Bool {
        guard users[user]?[device]?.socket === socket else { return false }
        detachmentCount += 1
        let number = detachmentCount
        change(user, device) { entry in
            entry.socket = nil
            entry.detachment = number
            entry.session.detach(now: now)
        }
        attachedCount -= 1
        detachedCount += 1
        detachments.append(Detachment(user: user, device: device, number: number))
        forgetOver(now: now)
        while detachedCount > limits.detachedSessions, forgetOldestDetached() {}
        if detachments.count > 2 * detachedCount + 64 { detachments = detachments.filter(isInForce) }
        return true
    }

    /// Forgets the device session of a device.
    mutating func forget(_ user: UserID, _ device: DeviceID) {
        guard let entry = users[user]?.removeValue(forKey: device) else { return }
        if users[user]?.isEmpty == true { users[user] = nil }
        keptBytes -= entry.session.window.bytes
        if entry.socket == nil { detachedCount -= 1 } else { attachedCount -= 1 }
    }

    /// Forgets the device sessions of these sessions that have no socket.
    mutating func forgetDetached(among sessions: Set<SessionID>, of user: UserID) {
        for (device, entry) in users[user] ?? [:] where entry.socket == nil && sessions.contains(entry.session.session)
        {
            forget(user, device)
        }
    }

    // MARK: Events

    /// The encodings of the devices behind addresses.
    func encodings(at addresses: [Address]) -> EncodingSet {
        var encodings: EncodingSet = []
        for address in addresses {
            guard let devices = users[address.user] else { continue }
            for (device, entry) in devices where address.reaches(device) {
                encodings.insert(EncodingSet(entry.session.encoding))
            }
        }
        return encodings
    }

    /// Numbers an event for each device behind the addresses, keeps it, and queues it at the socket.
    ///
    /// - Returns: The sockets that have to be woken.
    mutating func append(_ events: EncodedEvents, to addresses: [Address], now: Instant) -> [any ClientSocket] {
        var asleep: [any ClientSocket] = []
        for address in addresses {
            // Entries change where they are: a copy would be made for each event.
            guard let user = users.index(forKey: address.user) else { continue }
            var place = users.values[user].startIndex
            while place != users.values[user].endIndex {
                if address.reaches(users.values[user].keys[place]) {
                    keptBytes += users.values[user].values[place].append(events, now: now, &asleep)
                }
                users.values[user].formIndex(after: &place)
            }
            if keptBytes > limits.totalBytes { makeRoom(after: address) }
        }
        return asleep
    }

    /// A device has received every event up to a place; ignored unless the socket is the device's.
    mutating func acknowledge(_ seq: UInt64, by socket: any ClientSocket, _ user: UserID, _ device: DeviceID) {
        change(user, device) { entry in
            if entry.socket === socket { entry.session.acknowledge(upTo: seq) }
        }
    }

    /// Makes room: first from the device that has been away longest, and last from those that the last event was for.
    private mutating func makeRoom(after address: Address) {
        while keptBytes > limits.totalBytes, forgetOldestDetached() {}
        for device in (users[address.user] ?? [:]).keys
        where keptBytes > limits.totalBytes && address.reaches(device) {
            change(address.user, device) { $0.session.clear() }
        }
    }

    // MARK: Time

    /// Forgets everything that is too old.
    mutating func forgetOld(now: Instant) {
        forgetOver(now: now)
        let keeping = users.flatMap { user, devices in
            devices.lazy.filter { $0.value.session.window.count > 0 }.map { (user, $0.key) }
        }
        for (user, device) in keeping { change(user, device) { $0.session.expire(now: now) } }
    }

    /// Forgets device sessions that have been without a socket too long.
    private mutating func forgetOver(now: Instant) {
        while let first = detachments.first {
            if isInForce(first) {
                guard users[first.user]?[first.device]?.session.isOver(now: now) == true else { return }
                forget(first.user, first.device)
            }
            detachments.removeFirst()
        }
    }

    private mutating func forgetOldestDetached() -> Bool {
        while let oldest = detachments.popFirst() {
            guard isInForce(oldest) else { continue }
            forget(oldest.user, oldest.device)
            return true
        }
        return false
    }

    private func isInForce(_ detachment: Detachment) -> Bool {
        guard let entry = users[detachment.user]?[detachment.device] else { return false }
        return entry.socket == nil && entry.detachment == detachment.number
    }

    private mutating func change(_ user: UserID, _ device: DeviceID, _ body: (inout Entry) -> Void) {
        keptBytes += users[user]?[device]?.change(body) ?? 0
    }
}

/// How a device was attached.
package struct Resumption: Sendable {
    /// The result of its request to resume.
    package enum Outcome: Sendable, Equatable {
        /// It did not ask to resume.
        case begun
        /// Every event that it missed follows.
        case recovered
        /// It has to use the snapshot.
        case refused(ResumeRefusal)
    }

    /// What its welcome says of it.
    package let outcome: Outcome
    /// The token with which the device may resume next time.
    package let token: ResumeToken
}
