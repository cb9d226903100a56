import Accounts
import FrameDispatch
import HTTPTypes
import Hummingbird
import Primitives
import SwiftProtobuf
import Wire

/// Contacts, blocks, and call settings.
struct ContactRoutes: Sendable {
    let accounts: AccountService

    var routes: [Route] { contactRoutes + blockRoutes + settingsRoutes }

    private var contactRoutes: [Route] {
        [
            Route(.get, "/v1/contacts") { request throws(RESTFault) in
                let identity = try await accounts.identity(of: request)
                let (after, limit) = try request.page()
                let page = try await accountCall { () throws(AccountError) in
                    try await accounts.contacts(of: identity.user, after: after, limit: limit)
                }
                return .json(
                    WireContactList.with {
                        $0.contacts = page.items.map(WireContact.init)
                        $0.nextCursor = page.next?.description ?? ""
                    })
            },
            Route(.post, "/v1/contacts") { request throws(RESTFault) in
                let identity = try await accounts.identity(of: request)
                let body = try await request.body(WireRequestContactRequest.self)
                guard let other = UserID(body.userID) else { throw RESTFault(.invalid("user_id is not a UUID.")) }
                let contact = try await accountCall { () throws(AccountError) in
                    try await accounts.requestContact(with: other, by: identity.user)
                }
                return .json(WireContact(contact))
            },
            change(.post, "/v1/contacts/{id}/accept") { other, user throws(AccountError) in
                try await accounts.acceptContact(with: other, by: user)
            },
            change(.post, "/v1/contacts/{id}/reject") { other, user throws(AccountError) in
                try await accounts.rejectContact(with: other, by: user)
            },
            change(.delete, "/v1/contacts/{id}") { other, user throws(AccountError) in
                try await accounts.removeContact(with: other, by: user)
            },
        ]
    }

    private var blockRoutes: [Route] {
        [
            Route(.get, "/v1/blocks") { request throws(RESTFault) in
                let identity = try await accounts.identity(of: request)
                let (after, limit) = try request.page()
                let page = try await accountCall { () throws(AccountError) in
                    try await accounts.blocks(of: identity.user, after: after, limit: limit)
                }
                return .json(
                    WireBlockList.with {
                        $0.users = page.items.map(WireUser.init)
                        $0.nextCursor = page.next?.description ?? ""
                    })
            },
            change(.put, "/v1/blocks/{id}") { other, user throws(AccountError) in
                try await accounts.block(other, by: user)
            },
            change(.delete, "/v1/blocks/{id}") { other, user throws(AccountError) in
                try await accounts.unblock(other, by: user)
            },
        ]
    }

    private var settingsRoutes: [Route] {
        [
            Route(.get, "/v1/me/call-settings") { request throws(RESTFault) in
                let identity = try await accounts.identity(of: request)
                let settings = try await accountCall { () throws(AccountError) in
                    try await accounts.callSettings(of: identity.user)
                }
                return .json(WireCallSettings(settings))
            },
            Route(.patch, "/v1/me/call-settings") { request throws(RESTFault) in
                let identity = try await accounts.identity(of: request)
                let body = try await request.body(WireChangeCallSettingsRequest.self)
                let whoCanCall = try CallSettings.WhoCanCall(wire: body.whoCanCall)
                let settings = try await accountCall { () throws(AccountError) in
                    try await accounts.changeCallSettings(
                        of: identity.user, hasCallWaiting: body.hasCallWaiting ? body.callWaiting : nil,
                        whoCanCall: whoCanCall)
                }
                return .json(WireCallSettings(settings))
            },
        ]
    }

    /// A route that changes the relationship between the caller and the user in the path, and returns nothing.
    private func change(
        _ method: HTTPRequest.Method, _ path: String,
        _ body: @escaping @Sendable (_ other: UserID, _ user: UserID) async throws(AccountError) -> Void
    ) -> Route {
        Route(method, path) { request throws(RESTFault) in
            let identity = try await accounts.identity(of: request)
            let other = try request.id(UserID.self)
            try await accountCall { () throws(AccountError) in try await body(other, identity.user) }
            return Response(status: .noContent)
        }
    }
}

extension RESTRequest {
    /// Where a page of people begins and how long it is.
    fileprivate func page() throws(RESTFault) -> (after: UserID?, limit: Int) {
        let limit = try limit() ?? 50
        guard let text = query("cursor") else { return (nil, limit) }
        guard let after = UserID(text) else {
            throw RESTFault(.invalid("cursor is not from this server."))
        }
        return (after, limit)
    }
}

extension CallSettings.WhoCanCall {
    /// Nil leaves it as it is.
    fileprivate init?(wire: WireWhoCanCall) throws(RESTFault) {
        switch wire {
        case .unspecified: return nil
        case .everyone: self = .everyone
        case .contacts: self = .contacts
        case .nobody: self = .nobody
        case .UNRECOGNIZED: throw RESTFault(.invalid("who_can_call is not everyone, contacts or nobody."))
        }
    }
}

extension WireContact {
    fileprivate init(_ contact: Contact) {
        self.init()
        user = WireUser(contact.profile)
        switch contact.status {
        case .requested: status = .requested
        case .received: status = .received
        case .accepted: status = .accepted
        }
        createdAt = .init(contact.createdAt)
    }
}

extension WireCallSettings {
    fileprivate init(_ settings: CallSettings) {
        self.init()
        callWaiting = settings.hasCallWaiting
        switch settings.whoCanCall {
        case .everyone: whoCanCall = .everyone
        case .contacts: whoCanCall = .contacts
        case .nobody: whoCanCall = .nobody
        }
    }
}
