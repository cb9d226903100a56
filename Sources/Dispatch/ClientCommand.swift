import Messaging
import Primitives
import SignalingCore
import SignalingService
import Wire

/// A command of an admitted client, with every field checked.
enum ClientCommand: Sendable {
    case ping
    case call(CallRequest)
    case send(Draft)

    /// Checks a command.
    /// - Parameters:
    ///   - command: The command in the frame.
    ///   - sender: Who sent it.
    init(
        wire command: WireClientFrame.OneOf_Command?, from sender: UserID, limits: FieldLimits
    ) throws(Fault) {
        switch command {
        case nil: throw Fault(.unsupported, "This server does not know the command.")
        case .hello: throw .invalid("hello was sent already.")
        case .ping: self = .ping
        case .callInvite(let invite): self = .call(.invite(try Invite(wire: invite)))
        case .callRinging(let command):
            self = try Self.command(command.callID, .ringing(wokenByPush: command.wokenByPush))
        case .callAccept(let command):
            self = try Self.command(
                command.callID, .accept(try Self.request(command.commandID), MediaState(wire: command.media)))
        case .callDecline(let command):
            self = .call(
                .decline(
                    try Self.call(command.callID), try Self.request(command.commandID), isBusy: command.busy))
        case .callCancel(let command):
            self = try Self.command(command.callID, .cancel(try Self.request(command.commandID)))
        case .callHangUp(let command):
            self = try Self.command(
                command.callID, .hangUp(try Self.request(command.commandID), mediaFailed: command.mediaFailed))
        case .callMove(let command):
            self = try Self.command(
                command.callID, .move(try Self.request(command.commandID), MediaState(wire: command.media)))
        case .callFetch(let command): self = try Self.command(command.callID, .fetch)
        case .callSetMedia(let command):
            self = try Self.command(command.callID, .setMedia(MediaState(wire: command.media)))
        case .sendDescription(let command):
            let description = try Signal.Description(wire: command.description_p, limits: limits)
            let peer = try Self.peer(command.userID)
            self = try Self.command(command.callID, .signal(.description(description), to: peer))
        case .sendCandidate(let command):
            let candidate = try Signal.Candidate(wire: command.candidate, limits: limits)
            let peer = try Self.peer(command.userID)
            self = try Self.command(command.callID, .signal(.candidate(candidate), to: peer))
        case .startScreenShare(let command):
            self = try Self.command(command.callID, .startScreenShare(try Self.request(command.commandID)))
        case .stopScreenShare(let command):
            self = try Self.command(command.callID, .stopScreenShare(try Self.request(command.commandID)))
        case .callJoin(let command):
            self = .call(
                .join(
                    try Self.call(command.callID), try Self.request(command.commandID),
                    MediaState(wire: command.media)))
        case .callAdd(let command):
            let users = try Self.people(command.userIds, 1...32)
            self = .call(.add(try Self.call(command.callID), try Self.request(command.commandID), users))
        case .callHold(let command): self = try Self.command(command.callID, .hold(command.onHold))
        case .callRaiseHand(let command):
            let owner = command.userID.isEmpty ? sender : try Self.peer(command.userID)
            self = try Self.command(command.callID, .raiseHand(command.raised, of: owner))
        case .callSetRole(let command):
            let control = HostControl.setRole(try Self.peer(command.userID), try Participant.Role(wire: command.role))
            self = try Self.control(control, command.callID, command.commandID)
        case .callStopMedia(let command):
            let target = command.userID.isEmpty ? nil : try Self.peer(command.userID)
            let control = HostControl.stopMedia(try Medium(wire: command.medium), of: target)
            self = try Self.control(control, command.callID, command.commandID)
        case .callRemove(let command):
            let control = HostControl.remove(try Self.peer(command.userID), isBarred: command.bar)
            self = try Self.control(control, command.callID, command.commandID)
        case .callLock(let command):
            self = try Self.control(.lock(command.locked), command.callID, command.commandID)
        case .callAdmit(let command):
            let control = HostControl.admit(try Self.peer(command.userID), isAdmitted: command.admit)
            self = try Self.control(control, command.callID, command.commandID)
        case .callEnd(let command): self = try Self.control(.end, command.callID, command.commandID)
        case .sendMessage(let command): self = .send(try Draft(wire: command, limits: limits))
        }
    }

    private static func command(_ call: String, _ command: CallCommand) throws(Fault) -> Self {
        .call(.command(try Self.call(call), command))
    }

    private static func control(_ control: HostControl, _ call: String, _ request: String) throws(Fault) -> Self {
        try command(call, .control(try Self.request(request), control))
    }

    /// Users, each once.
    fileprivate static func people(_ texts: [String], _ count: ClosedRange<Int>) throws(Fault) -> [UserID] {
        guard count.contains(texts.count) else {
            throw .invalid("user_ids names \(texts.count) users, not \(count.lowerBound) to \(count.upperBound).")
        }
        var seen: Set<UserID> = []
        var users: [UserID] = []
        for text in texts {
            let user = try UserID(wire: text, field: "user_ids")
            if seen.insert(user).inserted { users.append(user) }
        }
        return users
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
        let target: Target
        switch (invite.userID.isEmpty, invite.conversationID.isEmpty) {
        case (false, true): target = .user(try UserID(wire: invite.userID, field: "user_id"))
        case (true, false):
            let conversation = try ConversationID(wire: invite.conversationID, field: "conversation_id")
            target = .conversation(conversation, ringing: try ClientCommand.people(invite.userIds, 0...99))
        default: throw .invalid("Exactly one of user_id and conversation_id has to be set.")
        }
        self.init(
            clientCallID: try RequestID(wire: invite.clientCallID, field: "client_call_id"), target: target, type: type,
            media: MediaState(wire: invite.media))
    }
}

extension Participant.Role {
    fileprivate init(wire role: WireParticipantRole) throws(Fault) {
        switch role {
        case .host: self = .host
        case .coHost: self = .coHost
        case .participant: self = .participant
        case .unspecified, .UNRECOGNIZED: throw .invalid("role is none of host, co-host and participant.")
        }
    }
}

extension Medium {
    fileprivate init(wire medium: WireMedium) throws(Fault) {
        switch medium {
        case .microphone: self = .microphone
        case .camera: self = .camera
        case .screen: self = .screen
        case .unspecified, .UNRECOGNIZED: throw .invalid("medium is none of microphone, camera and screen.")
        }
    }
}

extension Draft {
    fileprivate init(wire message: WireSendMessage, limits: FieldLimits) throws(Fault) {
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
