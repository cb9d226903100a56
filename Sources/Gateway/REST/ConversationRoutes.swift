import Accounts
import HTTPTypes
import Hummingbird
import Messaging
import Primitives
import SignalingService
import Storage
import SwiftProtobuf
import Wire

/// Conversations, their messages, and the calls of the past.
struct ConversationRoutes: Sendable {
    let accounts: AccountService
    let messaging: MessagingService
    let calls: CallService

    var routes: [Route] {
        [
            Route(.post, "/v1/conversations") { request throws(RESTFault) in
                let identity = try await accounts.identity(of: request)
                let body = try await request.body(WireOpenConversationRequest.self)
                guard let other = UserID(body.userID) else { throw RESTFault(.invalid("user_id is not a UUID.")) }
                let conversation = try await messagingCall { () throws(MessagingError) in
                    try await messaging.directConversation(between: identity.user, and: other)
                }
                return .json(WireConversation(conversation))
            },
            Route(.get, "/v1/conversations") { request throws(RESTFault) in
                let identity = try await accounts.identity(of: request)
                let limit = try request.limit() ?? 50
                let conversations = try await messagingCall { () throws(MessagingError) in
                    try await messaging.conversations(of: identity.user, limit: limit)
                }
                return .json(
                    WireConversationList.with { $0.conversations = conversations.map(WireConversation.init) })
            },
            Route(.get, "/v1/conversations/{id}/messages") { request throws(RESTFault) in
                let identity = try await accounts.identity(of: request)
                let conversation = try request.id(ConversationID.self)
                let before = try request.number("before_seq")
                let limit = try request.limit() ?? 50
                let page = try await messagingCall { () throws(MessagingError) in
                    try await messaging.history(
                        of: conversation, reader: identity.user, before: before, limit: limit)
                }
                return .json(
                    WireMessageList.with {
                        $0.messages = page.messages.map(WireMessage.init)
                        $0.hasMore_p = page.hasMore
                    })
            },
            Route(.get, "/v1/calls") { request throws(RESTFault) in try await callHistory(request) },
        ]
    }

    private func callHistory(_ request: RESTRequest) async throws(RESTFault) -> Response {
        let identity = try await accounts.identity(of: request)
        var cursor: CallCursor?
        if let text = request.query("cursor") {
            cursor = CallCursor(text)
            guard cursor != nil else { throw RESTFault(.invalid("cursor is not one that this server gave.")) }
        }
        let limit = min(try request.limit() ?? 50, 100)
        do throws(DatabaseError) {
            let page = try await calls.history(of: identity.user, before: cursor, limit: limit)
            return .json(
                WireCallList.with {
                    $0.calls = page.calls.map(WireCall.init)
                    $0.nextCursor = page.next?.description ?? ""
                })
        } catch {
            switch error.code {
            case .unavailable, .outcomeUnknown: throw RESTFault(.unavailable)
            case .constraint, .expectationFailed, .invalid: throw RESTFault(.internal)
            }
        }
    }
}

/// Calls the messaging service, and turns its errors into those of REST.
private func messagingCall<Value: Sendable>(
    _ body: () async throws(MessagingError) -> Value
) async throws(RESTFault) -> Value {
    do throws(MessagingError) {
        return try await body()
    } catch {
        throw RESTFault(Fault(error))
    }
}

extension WireConversation {
    fileprivate init(_ conversation: Conversation) {
        self.init()
        id = conversation.id.description
        switch conversation.type {
        case .direct: type = .direct
        case .group: type = .group
        }
        members = conversation.members.map(WireUser.init)
        lastSeq = UInt64(clamping: conversation.lastSeq)
        if let message = conversation.lastMessage { lastMessage = WireMessage(message) }
        createdAt = .init(conversation.createdAt)
    }
}
