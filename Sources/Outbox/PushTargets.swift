import Primitives
import SignalingService
import Storage

/// What is checked before an entry is sent.
enum Preparation: Sendable {
    /// Nothing: it is sent as it was written, in the order of its stream.
    case asWritten
    /// Which devices have to be told. Only the newest entry of a stream counts.
    case toPushTargets(PushTargets)

    /// How entries are claimed from their streams.
    var claim: Statement {
        switch self {
        case .asWritten: .claimOldestOfStreams
        case .toPushTargets: .claimNewestOfStreams
        }
    }

    /// The outcome of an entry that is too old.
    var tooLate: OutboxMetrics.Outcome {
        switch self {
        case .asWritten: .givenUp
        case .toPushTargets: .expired
        }
    }
}

/// What to do with an entry that was checked.
enum Prepared: Sendable {
    /// Send this.
    case body(String)
    /// There is no need to send it.
    case unneeded
}

/// Finds the devices for a push: those that can be woken and have no socket now.
struct PushTargets: Sendable {
    let database: any Database
    let presence: any DevicePresence

    func prepare(_ entry: Entry, at now: Instant) async throws(DatabaseError) -> Prepared {
        guard let body = BodyCoding.pushBody(entry.body), let user = UserID(body.userID) else {
            throw DatabaseError(.invalid, "a push in the outbox cannot be read")
        }
        if entry.kind == PushNotice.Kind.cancel.rawValue, try await !wasInvited(entry) { return .unneeded }
        let connected = presence.connectedDevices(of: user)
        let active = body.activeDeviceID.flatMap { DeviceID($0) }
        var devices: [PushBody.Device] = []
        for row in try await database.query(.pushTargetsOfUser, [.id(user), .instant(now)]) {
            let device: DeviceID = try row.id("device_id")
            let session: SessionID = try row.id("id")
            guard device != active, !connected.contains(device) else { continue }
            devices.append(
                PushBody.Device(
                    id: device.description, name: try row.textIfAny("device_name"), sessionID: session.description,
                    pushToken: try row.text("push_token")))
        }
        guard !devices.isEmpty else { return .unneeded }
        return .body(BodyCoding.text(body.addressed(to: devices, at: now)))
    }

    /// Whether a device may have been told to ring: sending an invite of the stream was attempted.
    private func wasInvited(_ entry: Entry) async throws(DatabaseError) -> Bool {
        for row in try await database.query(.outboxEntriesOfStream, [.text(entry.stream)]) {
            let outcome: OutboxMetrics.Outcome? = try row.nameIfAny("outcome")
            if try row.text("kind") == PushNotice.Kind.invite.rawValue, try row.integer("attempts") > 0,
                outcome != .unneeded
            {
                return true
            }
        }
        return false
    }
}
