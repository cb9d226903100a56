import FrameDispatch
public import Primitives
import SwiftProtobuf
import Wire

/// A STUN or TURN server, as `RTCIceServer` in the browser.
public struct IceServer: Sendable, Equatable {
    /// `stun:` and `turn:` URLs (RFC 7064, RFC 7065).
    public var urls: [String]
    /// For a TURN server.
    public var username: String
    /// For a TURN server.
    public var credential: Redacted<String>

    /// Describes a server.
    public init(urls: [String], username: String = "", credential: Redacted<String> = Redacted("")) {
        self.urls = urls
        self.username = username
        self.credential = credential
    }
}

/// TURN servers that share a secret with this server, so that each user gets credentials that expire by themselves.
public struct TURNServers: Sendable, Equatable {
    /// `turn:` and `turns:` URLs (RFC 7065).
    public var urls: [String]
    /// The secret, known to the TURN servers, too.
    public var secret: Redacted<String>
    /// How long a credential is valid.
    public var lifetime: Instant.Span

    /// Describes servers.
    public init(urls: [String], secret: Redacted<String>, lifetime: Instant.Span = .seconds(3600)) {
        self.urls = urls
        self.secret = secret
        self.lifetime = lifetime
    }
}

/// The ICE servers that one user is told.
struct IceServerList: Sendable, Equatable {
    var servers: [IceServer]
    /// When the credentials among them expire; nil when there are none.
    var expiresAt: Instant?
}

extension GatewayConfiguration {
    /// The ICE servers of a user, with credentials that are made for this answer.
    func iceServers(for user: UserID, at now: Instant) -> IceServerList {
        guard let turn else { return IceServerList(servers: iceServers) }
        let minted = TURNCredential.minted(with: turn.secret, for: user, at: now, lifetime: turn.lifetime)
        let server = IceServer(urls: turn.urls, username: minted.username, credential: minted.credential)
        return IceServerList(servers: iceServers + [server], expiresAt: minted.expiresAt)
    }
}

extension WireIceServer {
    init(_ server: IceServer) {
        self.init()
        urls = server.urls
        username = server.username
        credential = server.credential.exposed
    }
}

extension WireIceServerList {
    /// - Parameter now: The current time, from which the remaining seconds are counted.
    init(_ list: IceServerList, at now: Instant) {
        self.init()
        iceServers = list.servers.map(WireIceServer.init)
        if let end = list.expiresAt {
            expiresAt = .init(end)
            ttlSeconds = UInt32(clamping: (end - now).milliseconds / 1000)
        }
    }
}
