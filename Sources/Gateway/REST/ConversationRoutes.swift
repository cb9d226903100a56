import Accounts
import FrameDispatch
import HTTPTypes
import Hummingbird
import Messaging
import Primitives
import Storage
import SwiftProtobuf
import Wire

/// Conversations, their members and their messages.
struct ConversationRoutes: Sendable {
    let accounts: AccountService
    let messaging: MessagingService

    var routes: [Route] {
        [
            Route(.post, "/v1/conversations") { request throws(RESTFault) in
                let identity = try await accounts.identity(of: request)
                let body = try await request.body(WireOpenConversationRequest.self)
                try accounts.countChange(for: identity)
                let conversation =
                    switch body.type {
                    case .unspecified, .direct: try await openDirect(body, by: identity.user)
                    case .group: try await makeGroup(body, by: identity.user)
                    case .UNRECOGNIZED: throw RESTFault(.invalid("type has an unknown value."))
                    }
                return .json(WireConversation(conversation))
            },
            Route(.get, "/v1/conversations") { request throws(RESTFault) in
                let identity = try await accounts.identity(of: request)
                let (cursor, limit) = (try request.cursor(of: Named.Conversation.self), try request.limit() ?? 50)
                let page = try await messagingCall { () throws(MessagingError) in
                    try await messaging.conversations(of: identity.user, before: cursor, limit: limit)
                }
                return .json(
                    WireConversationList.with {
                        $0.conversations = page.conversations.map(WireConversation.init)
                        $0.nextCursor = page.next?.description ?? ""
                    })
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
            Route(.get, "/v1/conversations/{id}") { request throws(RESTFault) in
                let identity = try await accounts.identity(of: request)
                let id = try request.id(ConversationID.self)
                let conversation = try await messagingCall { () throws(MessagingError) in
                    try await messaging.conversation(id, for: identity.user)
                }
                return .json(WireConversation(conversation))
            },
            Route(.post, "/v1/conversations/{id}/members") { request throws(RESTFault) in
                let identity = try await accounts.identity(of: request)
                let id = try request.id(ConversationID.self)
                let users = try Self.users(await request.body(WireAddMembersRequest.self).userIds, field: "user_ids")
                try accounts.countChange(for: identity)
                let conversation = try await messagingCall { () throws(MessagingError) in
                    try await messaging.addMembers(users, to: id, by: identity.user)
                }
                return .json(WireConversation(conversation))
            },
            Route(.patch, "/v1/conversations/{id}/members/{user_id}") { request throws(RESTFault) in
                let identity = try await accounts.identity(of: request)
                let id = try request.id(ConversationID.self)
                let user = try request.id(UserID.self, "user_id")
                let role = try MemberRole(wire: await request.body(WireChangeMemberRequest.self).role)
                try accounts.countChange(for: identity)
                let conversation = try await messagingCall { () throws(MessagingError) in
                    try await messaging.changeRole(of: user, to: role, in: id, by: identity.user)
                }
                return .json(WireConversation(conversation))
            },
            Route(.delete, "/v1/conversations/{id}/members/{user_id}") { request throws(RESTFault) in
                let identity = try await accounts.identity(of: request)
                let id = try request.id(ConversationID.self)
                let user = try request.id(UserID.self, "user_id")
                try accounts.countChange(for: identity)
                try await messagingCall { () throws(MessagingError) in
                    try await messaging.removeMember(user, from: id, by: identity.user)
                }
                return Response(status: .noContent)
            },
        ]
    }

    private func openDirect(
        _ body: WireOpenConversationRequest, by user: UserID
    ) async throws(RESTFault) -> Conversation {
        guard let other = UserID(body.userID) else { throw RESTFault(.invalid("user_id is not a UUID.")) }
        return try await messagingCall { () throws(MessagingError) in
            try await messaging.directConversation(between: user, and: other)
        }
    }

    private func makeGroup(
        _ body: WireOpenConversationRequest, by user: UserID
    ) async throws(RESTFault) -> Conversation {
        guard let clientID = RequestID(body.clientConversationID) else {
            throw RESTFault(.invalid("client_conversation_id is not a UUID."))
        }
        let draft = GroupDraft(
            clientConversationID: clientID, name: body.name,
            members: try Self.users(body.memberIds, field: "member_ids"))
        return try await messagingCall { () throws(MessagingError) in
            try await messaging.makeGroup(draft, by: user)
        }
    }

    private static func users(_ texts: [String], field: StaticString) throws(RESTFault) -> [UserID] {
        var users: [UserID] = []
        for text in texts {
            guard let user = UserID(text) else {
                throw RESTFault(.invalid("\(field) has an entry that is not a UUID."))
            }
            users.append(user)
        }
        return users
    }
}

extension AccountService {
    /// Other people see what is changed, so changes are rate-limited.
    func countChange(for identity: Identity) throws(RESTFault) {
        do throws(AccountError) {
            try countChange(by: identity.user)
        } catch {
            throw RESTFault(Fault(error))
        }
    }
}

/// Calls the messaging service, and turns its errors into those of REST.
func messagingCall<Value: Sendable>(
    _ body: () async throws(MessagingError) -> Value
) async throws(RESTFault) -> Value {
    do throws(MessagingError) {
        return try await body()
    } catch {
        throw RESTFault(Fault(error))
    }
}

extension WireConversation {
    init(_ conversation: Conversation) {
        self.init()
        id = conversation.id.description
        switch conversation.type {
        case .direct: type = .direct
        case .group: type = .group
        }
        name = conversation.name ?? ""
        members = conversation.members.map(WireUser.init)
        if conversation.type == .group { roles = conversation.roles.map(WireMemberRole.init) }
        invited = conversation.invited.map(WireUser.init)
        lastSeq = UInt64(clamping: conversation.lastSeq)
        if let message = conversation.lastMessage { lastMessage = WireMessage(message) }
        createdAt = .init(conversation.createdAt)
    }
}

extension MemberRole {
    fileprivate init(wire role: WireMemberRole) throws(RESTFault) {
        switch role {
        case .owner: self = .owner
        case .admin: self = .admin
        case .member: self = .member
        case .unspecified, .UNRECOGNIZED: throw RESTFault(.invalid("role has an unknown value."))
        }
    }
}

extension WireMemberRole {
    fileprivate init(_ role: MemberRole) {
        switch role {
        case .owner: self = .owner
        case .admin: self = .admin
        case .member: self = .member
        }
    }
}
