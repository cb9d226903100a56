import Accounts
import FrameDispatch
import HTTPTypes
import Hummingbird
import Primitives
import SwiftProtobuf
import Wire

/// Registration, login, sessions and finding people.
struct AccountRoutes: Sendable {
    let accounts: AccountService
    let configuration: GatewayConfiguration
    let now: @Sendable () -> Instant

    var routes: [Route] {
        [
            Route(.post, "/v1/accounts") { request throws(RESTFault) in
                let cookie = try RefreshCookie(of: request, configuration)
                let body = try await request.body(WireRegisterRequest.self)
                let client = try ClientInfo(wire: body.device, request: request)
                let credentials = try await accountCall { () throws(AccountError) in
                    try await accounts.register(
                        username: body.username, password: Redacted(body.password), displayName: body.displayName,
                        client: client)
                }
                return answer(credentials, cookie, status: .created)
            },
            Route(.post, "/v1/sessions") { request throws(RESTFault) in
                let cookie = try RefreshCookie(of: request, configuration)
                let body = try await request.body(WireLoginRequest.self)
                let client = try ClientInfo(wire: body.device, request: request)
                let credentials = try await accountCall { () throws(AccountError) in
                    try await accounts.logIn(
                        username: body.username, password: Redacted(body.password), client: client)
                }
                return answer(credentials, cookie, status: .created)
            },
            Route(.post, RefreshCookie.path) { request throws(RESTFault) in
                let cookie = try RefreshCookie(of: request, configuration)
                let body = try await request.body(WireRefreshRequest.self)
                // A token in the body comes first: it is from a page that stored it itself, before there was the
                // cookie.
                let kept = body.refreshToken.isEmpty ? cookie?.token(in: request) : nil
                let credentials = try await accountCall { () throws(AccountError) in
                    try await accounts.refresh(
                        kept ?? Redacted(body.refreshToken), ipAddress: request.address, userAgent: request.userAgent)
                }
                return answer(credentials, cookie, status: .ok)
            },
            Route(.get, "/v1/sessions") { request throws(RESTFault) in
                let identity = try await accounts.identity(of: request)
                let sessions = try await accountCall { () throws(AccountError) in
                    try await accounts.sessions(of: identity)
                }
                return .json(WireSessionList.with { $0.sessions = sessions.map(WireSession.init) })
            },
            Route(.delete, "/v1/sessions/current") { request throws(RESTFault) in
                let identity = try await accounts.identity(of: request)
                let cookie = try RefreshCookie(of: request, configuration)
                try await accountCall { () throws(AccountError) in try await accounts.logOut(identity) }
                var response = Response(status: .noContent)
                response.headers[.setCookie] = cookie?.forgetting
                return response
            },
            Route(.put, "/v1/sessions/current/push-token") { request throws(RESTFault) in
                let identity = try await accounts.identity(of: request)
                let body = try await request.body(WirePushTokenRequest.self)
                try await accountCall { () throws(AccountError) in
                    try await accounts.setPushToken(Redacted(body.pushToken), of: identity)
                }
                return Response(status: .noContent)
            },
            Route(.delete, "/v1/sessions/{id}") { request throws(RESTFault) in
                let identity = try await accounts.identity(of: request)
                let session = try request.id(SessionID.self)
                try await accountCall { () throws(AccountError) in
                    try await accounts.revoke(session: session, by: identity)
                }
                return Response(status: .noContent)
            },
            Route(.get, "/v1/me") { request throws(RESTFault) in
                .json(WireUser(try await accounts.identity(of: request).profile))
            },
            Route(.get, "/v1/users") { request throws(RESTFault) in
                let identity = try await accounts.identity(of: request)
                let limit = try request.limit() ?? 20
                let found = try await accountCall { () throws(AccountError) in
                    try await accounts.search(query: request.query("query") ?? "", by: identity.user, limit: limit)
                }
                return .json(WireUserList.with { $0.users = found.map(WireUser.init) })
            },
        ]
    }

    /// Credentials, with the refresh token only in the cookie if one was requested.
    private func answer(
        _ credentials: Credentials, _ cookie: RefreshCookie?, status: HTTPResponse.Status
    ) -> Response {
        var body = WireCredentials(credentials)
        if cookie != nil { body.refreshToken = "" }
        var response = Response.json(body, status: status)
        response.headers[.setCookie] = cookie?.keeping(
            credentials.refreshToken, for: credentials.refreshTokenExpiresAt - now())
        return response
    }
}

extension AccountService {
    /// The caller's identity.
    func identity(of request: RESTRequest) async throws(RESTFault) -> Identity {
        let token = try request.accessToken()
        return try await accountCall { () throws(AccountError) in try await authenticate(token) }
    }
}

/// Calls the account service, and turns its errors into those of REST.
func accountCall<Value: Sendable>(
    _ body: () async throws(AccountError) -> Value
) async throws(RESTFault) -> Value {
    do throws(AccountError) {
        return try await body()
    } catch {
        throw RESTFault(Fault(error))
    }
}

extension ClientInfo {
    fileprivate init(wire device: WireDevice, request: RESTRequest) throws(RESTFault) {
        guard let id = DeviceID(device.id) else { throw RESTFault(.invalid("device.id is not a UUID.")) }
        self.init(device: id, deviceName: device.name, ipAddress: request.address, userAgent: request.userAgent)
    }
}

extension WireCredentials {
    fileprivate init(_ credentials: Credentials) {
        self.init()
        user = WireUser(credentials.profile)
        sessionID = credentials.session.description
        accessToken = credentials.accessToken.exposed
        accessTokenExpiresAt = .init(credentials.accessTokenExpiresAt)
        refreshToken = credentials.refreshToken.exposed
        refreshTokenExpiresAt = .init(credentials.refreshTokenExpiresAt)
    }
}

extension WireSession {
    fileprivate init(_ session: SessionInfo) {
        self.init()
        id = session.id.description
        device.id = session.device.description
        device.name = session.deviceName
        createdAt = .init(session.createdAt)
        lastActivityAt = .init(session.lastActivityAt)
        expiresAt = .init(session.expiresAt)
        ipAddress = session.ipAddress
        userAgent = session.userAgent
        current = session.isCurrent
    }
}
