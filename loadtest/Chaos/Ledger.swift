import Primitives

/// A command of a client that is expected to have a lasting effect.
enum StormAction: Sendable, Hashable {
    case invite
    case ringing
    case accept
    case decline
    case cancel
    case hangUp
    case move
    case join
    case add([String])
    case startShare
    case stopShare
    case fetch
    case message

    /// The action as a word.
    var word: String {
        switch self {
        case .invite: "invite"
        case .ringing: "ringing"
        case .accept: "accept"
        case .decline: "decline"
        case .cancel: "cancel"
        case .hangUp: "hang_up"
        case .move: "move"
        case .join: "join"
        case .add: "add"
        case .startShare: "start_share"
        case .stopShare: "stop_share"
        case .fetch: "fetch"
        case .message: "message"
        }
    }
}

/// A command that the server has acknowledged: from then on its effect must not be lost.
struct Acknowledgement: Sendable {
    var action: StormAction
    var user: String
    /// The device that asked.
    var device: String
    /// The client's own id for an invite.
    var clientCallID = ""
    /// The call that came with the answer.
    var picture: CallPicture
}

/// A message as acknowledged, delivered or stored.
struct KnownMessage: Sendable, Hashable {
    var conversation: String
    var seq: Int64
    var sender: String
    var clientMessageID: String
    var body: String
}

/// Everything that the clients of a storm were told, for the checker.
struct Ledger: Sendable {
    /// What a device believes of a call.
    struct View: Sendable {
        var device: String
        var user: String
        var picture: CallPicture
    }

    var acknowledgements: [Acknowledgement] = []
    /// Once for each time that somebody was told of it.
    var messages: [KnownMessage] = []
    /// What every connected device believes at the end.
    var views: [View] = []
    /// Faults that the clients themselves noticed.
    var sightings: [Violation] = []
    /// What happened to each call at the clients, in order.
    var journal: [String: [String]] = [:]

    /// Notes something about a call.
    mutating func note(_ call: String, _ now: Instant, _ device: String, _ text: String) {
        journal[call, default: []].append("\(now.milliseconds) \(device.suffix(6)) \(text)")
    }
}

/// Something that must not happen.
struct Violation: Sendable, Equatable, CustomStringConvertible {
    /// The kinds of violations.
    enum Kind: String, Sendable, CaseIterable {
        case stuckCall = "stuck_call"
        case openShareOfEndedCall = "open_share_of_ended_call"
        case twoOpenShares = "two_open_shares"
        case presentInEndedCall = "present_in_ended_call"
        case answerContradictsStatus = "answer_contradicts_status"
        case timesOutOfOrder = "times_out_of_order"
        case lostCommand = "lost_command"
        case lostMessage = "lost_message"
        case doubleMessage = "double_message"
        case alteredMessage = "altered_message"
        case gapInMessages = "gap_in_messages"
        case viewDiffers = "view_differs"
        case revisionWentBack = "revision_went_back"
        case revisionHasTwoFaces = "revision_has_two_faces"
        case changeDoesNotFit = "change_does_not_fit"
        case serverFault = "server_fault"
        case unanswered = "unanswered"
        case socketLostInOutage = "socket_lost_in_outage"
        case endedByOutage = "ended_by_outage"
        case nothingPassedInOutage = "nothing_passed_in_outage"
        case nothingUnavailable = "nothing_unavailable"
    }

    var kind: Kind
    /// The call concerned; empty when there is none.
    var call = ""
    var text: String

    var description: String { "\(kind.rawValue): \(text)" }
}
