package import Accounts
package import Messaging
import Primitives
package import SignalingCore
import SwiftProtobuf
package import Wire

extension WireServerFrame {
    /// A command succeeded.
    package static func ok(_ result: WireOk.OneOf_Result, replyTo id: UInt32) -> WireServerFrame {
        .with {
            $0.replyTo = id
            $0.ok.result = result
        }
    }

    /// A command failed.
    package static func error(_ fault: Fault, call: CallView? = nil, replyTo id: UInt32) -> WireServerFrame {
        .with {
            $0.replyTo = id
            $0.error = WireError(fault, call: call)
        }
    }

    /// The result of a command that concerns a call.
    package init(_ reply: CallReply, replyTo id: UInt32) {
        switch reply {
        case .done(let view): self = .ok(.call(WireCall(view)), replyTo: id)
        case .refused(let refusal, let view): self = .error(Fault(refusal), call: view, replyTo: id)
        case .limited(let wait):
            let fault = Fault(
                .rateLimited, "Too many calls or commands in a short time. Wait a little.", retryAfter: wait)
            self = .error(fault, replyTo: id)
        case .usedUp(let wait):
            let fault = Fault(
                .rateLimited, "You have reached today's limit of people to ring.", retryAfter: wait)
            self = .error(fault, replyTo: id)
        case .unavailable: self = .error(.unavailable, replyTo: id)
        case .failed: self = .error(.internal, replyTo: id)
        }
    }

    /// The result of sending a message.
    init(_ result: Result<Messaging.Message, MessagingError>, replyTo id: UInt32) {
        switch result {
        case .success(let message): self = .ok(.message(WireMessage(message)), replyTo: id)
        case .failure(let error): self = .error(Fault(error), replyTo: id)
        }
    }
}

extension Fault {
    /// Why a call refuses a command.
    init(_ refusal: CallRefusal) {
        switch refusal {
        case .notFound: self.init(.notFound, "There is no such call or user.")
        case .callEnded: self.init(.callEnded, "The call is over.")
        case .answeredElsewhere: self.init(.answeredElsewhere, "Another device of yours has answered.")
        case .forbidden: self.init(.forbidden, "You cannot do this in this call.")
        case .wrongState: self.init(.conflict, "The state of the call does not allow this.")
        case .screenTaken: self.init(.conflict, "Somebody else is sharing a screen.")
        case .callFull: self.init(.conflict, "The call is full.")
        case .rungJustNow(let wait):
            self.init(.rateLimited, "They were rung a moment ago. Wait a little.", retryAfter: wait)
        case .mailboxFull:
            self.init(.rateLimited, "Too many signals are waiting for the other side.", retryAfter: .seconds(1))
        }
    }

    /// Why a request about messages was refused.
    package init(_ error: MessagingError) {
        switch error.code {
        case .invalid: self.init(.invalid, error.message)
        case .notFound: self.init(.notFound, error.message)
        case .forbidden: self.init(.forbidden, error.message)
        case .conflict: self.init(.conflict, error.message)
        case .tooLarge: self.init(.tooLarge, error.message)
        case .rateLimited(let wait): self.init(.rateLimited, error.message, retryAfter: wait)
        case .unavailable: self.init(.unavailable, error.message, retryAfter: .seconds(1))
        case .internal: self.init(.internal, error.message)
        }
    }

    /// Why a request about accounts was refused.
    package init(_ error: AccountError) {
        switch error.code {
        case .invalid: self.init(.invalid, error.message)
        case .usernameTaken, .conflict: self.init(.conflict, error.message)
        case .badCredentials, .unauthenticated: self.init(.unauthenticated, error.message)
        case .suspended: self.init(.forbidden, error.message)
        case .notFound: self.init(.notFound, error.message)
        case .rateLimited(let wait): self.init(.rateLimited, error.message, retryAfter: wait)
        case .overloaded: self.init(.unavailable, error.message, retryAfter: .seconds(2))
        case .unavailable: self.init(.unavailable, error.message, retryAfter: .seconds(1))
        case .internal: self.init(.internal, error.message)
        }
    }
}

extension WireMessage {
    /// A message as those in its conversation see it.
    package init(_ message: Messaging.Message) {
        self.init()
        id = message.id.description
        conversationID = message.conversation.description
        seq = UInt64(clamping: message.seq)
        senderID = message.sender?.description ?? ""
        clientMessageID = message.clientMessageID?.description ?? ""
        switch message.type {
        case .text: type = .text
        case .system: type = .system
        }
        body = message.body.exposed
        createdAt = .init(message.createdAt)
        if let summary = message.call { call = WireCallSummary(summary) }
    }
}

extension WireGroupInvitation {
    /// An invitation as the invited user sees it.
    package init(_ invitation: GroupInvitation) {
        self.init()
        conversationID = invitation.conversation.description
        name = invitation.name
        inviter = WireUser(invitation.inviter)
        memberCount = UInt32(clamping: invitation.memberCount)
        createdAt = .init(invitation.createdAt)
    }
}

extension WireCallSummary {
    init(_ summary: CallSummary) {
        self.init()
        callID = summary.call.description
        initiatorID = summary.initiator.description
        durationSeconds = UInt32(clamping: summary.durationSeconds)
        // Values that another version has written and this one does not know stay unspecified.
        if let type = Call.MediaType(rawValue: summary.type) { self.type = WireCallType(type) }
        if let reason = Call.EndReason(rawValue: summary.endReason) { endReason = WireCallEndReason(reason) }
        switch summary.status {
        case "completed": status = .completed
        case "missed": status = .missed
        default: break
        }
    }
}
