import Messaging
import Primitives
import SignalingCore
import SignalingService
import Wire

/// What a client that was let in asks for, with every field checked.
enum SocketCommand: Sendable {
    case ping
    case invite(Invite)
    case call(CallCommand, CallID)
    case send(Draft)

    /// Checks a command.
    /// - Parameters:
    ///   - command: What stood in the frame.
    ///   - reachable: Which of the sender's devices have a socket; asked for when it matters.
    init(
        wire command: WireClientFrame.OneOf_Command?, limits: SocketLimits, reachable: () -> Set<DeviceID>
    ) throws(Fault) {
        switch command {
        case nil: throw Fault(.unsupported, "This server does not know the command.")
        case .hello: throw .invalid("hello was said already.")
        case .ping: self = .ping
        case .callInvite(let invite): self = .invite(try Invite(wire: invite))
        case .callRinging(let command): self = .call(.ringing, try Self.call(command.callID))
        case .callAccept(let command):
            self = .call(
                .accept(try Self.request(command.commandID), MediaState(wire: command.media)),
                try Self.call(command.callID))
        case .callDecline(let command):
            self = .call(
                .decline(
                    try Self.request(command.commandID), isBusy: command.busy,
                    reachable: command.busy ? reachable() : []),
                try Self.call(command.callID))
        case .callCancel(let command):
            self = .call(.cancel(try Self.request(command.commandID)), try Self.call(command.callID))
        case .callHangUp(let command):
            self = .call(
                .hangUp(try Self.request(command.commandID), mediaFailed: command.mediaFailed),
                try Self.call(command.callID))
        case .callMove(let command):
            self = .call(
                .move(try Self.request(command.commandID), MediaState(wire: command.media)),
                try Self.call(command.callID))
        case .callFetch(let command): self = .call(.fetch, try Self.call(command.callID))
        case .callSetMedia(let command):
            self = .call(.setMedia(MediaState(wire: command.media)), try Self.call(command.callID))
        case .sendDescription(let command):
            let description = try Signal.Description(wire: command.description_p, limits: limits)
            let peer = try Self.peer(command.userID)
            self = .call(.signal(.description(description), to: peer), try Self.call(command.callID))
        case .sendCandidate(let command):
            let candidate = try Signal.Candidate(wire: command.candidate, limits: limits)
            let peer = try Self.peer(command.userID)
            self = .call(.signal(.candidate(candidate), to: peer), try Self.call(command.callID))
        case .startScreenShare(let command):
            self = .call(.startScreenShare(try Self.request(command.commandID)), try Self.call(command.callID))
        case .stopScreenShare(let command):
            self = .call(.stopScreenShare(try Self.request(command.commandID)), try Self.call(command.callID))
        case .sendMessage(let command): self = .send(try Draft(wire: command, limits: limits))
        }
    }

    private static func call(_ text: String) throws(Fault) -> CallID { try CallID(wire: text, field: "call_id") }

    private static func request(_ text: String) throws(Fault) -> RequestID {
        try RequestID(wire: text, field: "command_id")
    }

    private static func peer(_ text: String) throws(Fault) -> UserID { try UserID(wire: text, field: "user_id") }
}

extension Invite {
    fileprivate init(wire invite: WireCallInvite) throws(Fault) {
        let type: Call.MediaType
        switch invite.type {
        case .voice: type = .voice
        case .video: type = .video
        case .unspecified, .UNRECOGNIZED: throw .invalid("type is neither voice nor video.")
        }
        self.init(
            clientCallID: try RequestID(wire: invite.clientCallID, field: "client_call_id"),
            callee: try UserID(wire: invite.userID, field: "user_id"), type: type, media: MediaState(wire: invite.media)
        )
    }
}

extension Draft {
    fileprivate init(wire message: WireSendMessage, limits: SocketLimits) throws(Fault) {
        let target: Target
        switch message.target {
        case .conversationID(let id):
            target = .conversation(try ConversationID(wire: id, field: "conversation_id"))
        case .userID(let id): target = .user(try UserID(wire: id, field: "user_id"))
        case nil: throw .invalid("Neither conversation_id nor user_id is set.")
        }
        guard message.body.utf8.count <= limits.messageBytes else {
            throw .tooLarge("body has more than \(limits.messageBytes) bytes.")
        }
        self.init(
            to: target, clientMessageID: try RequestID(wire: message.clientMessageID, field: "client_message_id"),
            body: Redacted(message.body))
    }
}
