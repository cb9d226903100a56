import Accounts
import FrameDispatch
import HTTPTypes
import Hummingbird
import Messaging
import Primitives
import Storage
import SwiftProtobuf
import Wire

/// Invitations into groups. Each is identified by its group: a user has at most one for each.
struct InvitationRoutes: Sendable {
    let accounts: AccountService
    let messaging: MessagingService

    var routes: [Route] {
        [
            Route(.get, "/v1/invitations") { request throws(RESTFault) in
                let identity = try await accounts.identity(of: request)
                let (cursor, limit) = (try request.cursor(of: Named.Conversation.self), try request.limit() ?? 50)
                let page = try await messagingCall { () throws(MessagingError) in
                    try await messaging.invitations(of: identity.user, before: cursor, limit: limit)
                }
                return .json(
                    WireGroupInvitationList.with {
                        $0.invitations = page.invitations.map(WireGroupInvitation.init)
                        $0.nextCursor = page.next?.description ?? ""
                    })
            },
            Route(.post, "/v1/invitations/{id}/accept") { request throws(RESTFault) in
                let identity = try await accounts.identity(of: request)
                let id = try request.id(ConversationID.self)
                try accounts.countChange(for: identity)
                let conversation = try await messagingCall { () throws(MessagingError) in
                    try await messaging.acceptInvitation(into: id, by: identity.user)
                }
                return .json(WireConversation(conversation))
            },
            Route(.post, "/v1/invitations/{id}/decline") { request throws(RESTFault) in
                let identity = try await accounts.identity(of: request)
                let id = try request.id(ConversationID.self)
                try accounts.countChange(for: identity)
                try await messagingCall { () throws(MessagingError) in
                    try await messaging.declineInvitation(into: id, by: identity.user)
                }
                return Response(status: .noContent)
            },
        ]
    }
}
