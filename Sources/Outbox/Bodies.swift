import FoundationEssentials
import Primitives
import SignalingCore

/// The body of a webhook.
struct WebhookBody: Codable, Equatable {
    /// The delivery's id; the same when it is sent again.
    var id: String
    var type: String
    var createdAt: String
    var userIDs: [String]?
    var reason: String?
    var call: CallDocument

    private enum CodingKeys: String, CodingKey {
        case id, type, reason, call
        case createdAt = "created_at"
        case userIDs = "user_ids"
    }

    init(_ event: WebhookEvent, id: DeliveryID, of call: CallDocument, at: Instant) {
        self.id = id.description
        type = event.kind.rawValue
        createdAt = at.description
        userIDs = event.users.isEmpty ? nil : event.users.map(\.description)
        reason = event.reason
        self.call = call
    }
}

/// The body of a push. In the outbox it has no devices and no server time, which are added for each attempt: tokens are
/// stored in one place only.
struct PushBody: Codable, Equatable {
    /// A device to wake.
    struct Device: Codable, Equatable {
        var id: String
        var name: String?
        var sessionID: String
        var pushToken: String

        private enum CodingKeys: String, CodingKey {
            case id, name
            case sessionID = "session_id"
            case pushToken = "push_token"
        }
    }

    /// The delivery's id; the same when it is sent again.
    var id: String
    var type: String
    var createdAt: String
    var serverTime: String?
    var callID: String
    var callType: String
    var userID: String
    var caller: ProfileDocument
    var deadline: String
    var reason: String?
    /// The device that is in the call; stored, not sent.
    var activeDeviceID: String?
    var devices: [Device]?

    private enum CodingKeys: String, CodingKey {
        case id, type, caller, deadline, reason, devices
        case createdAt = "created_at"
        case serverTime = "server_time"
        case callID = "call_id"
        case callType = "call_type"
        case userID = "user_id"
        case activeDeviceID = "active_device_id"
    }

    init(_ notice: PushNotice, id: DeliveryID, of call: Call, people: [UserID: Profile], at: Instant) {
        self.id = id.description
        type = notice.kind.rawValue
        createdAt = at.description
        callID = call.id.description
        callType = call.type.rawValue
        userID = notice.user.description
        caller = ProfileDocument(call.initiator, people[call.initiator])
        deadline = notice.deadline.description
        reason = notice.reason
        activeDeviceID = notice.device?.description
    }

    /// The body as sent.
    func addressed(to devices: [Device], at now: Instant) -> PushBody {
        var body = self
        body.devices = devices
        body.serverTime = now.description
        body.activeDeviceID = nil
        return body
    }
}

/// Writes and reads bodies. Fields are in alphabetical order, so that the same body is the same bytes.
enum BodyCoding {
    static func text(_ body: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Texts, numbers and lists of them can always be encoded.
        return (try? encoder.encode(body)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    static func pushBody(_ text: String) -> PushBody? {
        try? JSONDecoder().decode(PushBody.self, from: Data(text.utf8))
    }
}

/// The kinds of things that have ids here.
enum OutboxNamed {
    /// One item that a service of the operator is told.
    enum Delivery {}
    /// One lease of deliveries.
    enum Claim {}
}

/// Names one item that a service is told, however often it is sent.
typealias DeliveryID = Identifier<OutboxNamed.Delivery>
/// Names one lease of deliveries.
typealias ClaimID = Identifier<OutboxNamed.Claim>
