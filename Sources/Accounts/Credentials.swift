public import Primitives

/// What is known of the client that registers, logs in or refreshes.
public struct ClientInfo: Sendable, Equatable {
    /// The installation; made by the client.
    public var device: DeviceID
    /// For people: "Firefox on Linux". At most 100 characters; may be empty.
    public var deviceName: String
    /// Where the request came from, as text.
    public var ipAddress: String
    /// What the client calls itself; cut to 500 characters.
    public var userAgent: String

    /// Describes a client.
    public init(device: DeviceID, deviceName: String = "", ipAddress: String = "", userAgent: String = "") {
        self.device = device
        self.deviceName = deviceName
        self.ipAddress = ipAddress
        self.userAgent = userAgent
    }
}

/// The answer to register, log in and refresh.
public struct Credentials: Sendable {
    /// The user.
    public var profile: Profile
    /// The session that they belong to.
    public var session: SessionID
    /// Opens sockets and REST requests.
    public var accessToken: Redacted<String>
    /// When the access token ends.
    public var accessTokenExpiresAt: Instant
    /// Valid for one refresh, which gives the next one.
    public var refreshToken: Redacted<String>
    /// When the session ends unless it is refreshed before.
    public var refreshTokenExpiresAt: Instant
}

/// The identity behind an access token.
public struct Identity: Sendable, Equatable {
    /// The user, as others see them.
    public var profile: Profile
    /// The session of the token.
    public var session: SessionID
    /// The device of the session.
    public var device: DeviceID

    /// Describes a caller.
    public init(profile: Profile, session: SessionID, device: DeviceID) {
        self.profile = profile
        self.session = session
        self.device = device
    }

    /// The user's id.
    public var user: UserID { profile.id }
}

/// A session as its user sees it in a list.
public struct SessionInfo: Sendable, Equatable {
    /// The session.
    public var id: SessionID
    /// The installation that it was given to.
    public var device: DeviceID
    /// For people; may be empty.
    public var deviceName: String
    /// When the device logged in.
    public var createdAt: Instant
    /// When it last logged in or refreshed.
    public var lastActivityAt: Instant
    /// When it ends unless refreshed before.
    public var expiresAt: Instant
    /// Where it was last refreshed from; may be empty.
    public var ipAddress: String
    /// What the client called itself; may be empty.
    public var userAgent: String
    /// Whether it is the one that asks.
    public var isCurrent: Bool
}

/// A user as the operator sees them in a list.
public struct UserInfo: Sendable, Equatable {
    /// The user, as others see them.
    public var profile: Profile
    /// Whether the account is suspended.
    public var isSuspended: Bool
    /// When the account was made.
    public var createdAt: Instant
}

/// A token for the command line and for load tests; its session can be listed and revoked like any other.
public struct IssuedToken: Sendable {
    /// Whose it is.
    public var profile: Profile
    /// The session made for it.
    public var session: SessionID
    /// The device made for it.
    public var device: DeviceID
    /// The token.
    public var accessToken: Redacted<String>
    /// When the token and its session end.
    public var expiresAt: Instant
}

/// A session that was revoked, by this server, another one or the command line, and what remains.
public struct Revocation: Sendable, Equatable {
    /// The session.
    public var session: SessionID
    /// The user to whom it belonged.
    public var user: UserID
    /// The device that it was for.
    public var device: DeviceID
    /// Its place among all revocations: later ones are greater; some are equal.
    public var number: Int64
    /// Whether the device has no other session now.
    public var isDeviceLoggedOut: Bool
    /// Whether the user has no other session now.
    public var isUserLoggedOut: Bool
}

/// Told of sessions that ended early, so that their sockets can be closed.
public protocol SessionRevocations: Sendable {
    /// Called when the revocation is on disk. Must not block.
    func sessionsRevoked(_ sessions: [SessionID], of user: UserID)
    /// Called after `sessionsRevoked` when devices have no session left; a device that logs in again has a new one.
    /// Must not block.
    /// - Parameter isLast: Whether the user has no session left.
    func loggedOut(_ user: UserID, devices: [DeviceID], isLast: Bool)
}
