public import FrameDispatch
public import NIOSSL

/// The configuration of the gateway.
public struct GatewayConfiguration: Sendable {
    /// The address to listen on.
    public var host = "127.0.0.1"
    /// The port; 0 takes a free one.
    public var port = 8080
    /// Whether there are descriptors for another connection; asked before each few are accepted.
    public var hasDescriptors: @Sendable () -> Bool = { true }
    /// Certificate and key at the start, for TLS 1.2 and later; plain text when nil.
    public var tls: TLSConfiguration?
    /// What one socket, user or address may do.
    public var limits = SocketLimits()
    /// The origin of the server's own pages, where the server cannot know it, as behind a proxy that ends TLS. When
    /// nil: its own scheme, and the host that each request names.
    public var publicOrigin: Origin?
    /// Origins whose pages may open sockets in addition to the server's own.
    public var allowedOrigins: Set<Origin> = []
    /// The ICE servers that clients are told of, except TURN servers.
    public var iceServers: [IceServer] = []
    /// The TURN servers that clients get credentials for; none when nil.
    public var turn: TURNServers?
    /// Whether there is an echo at `/v1/echo`, for conformance suites. Anyone may use it, and it has no rate limit.
    public var echoes = false
    /// The folder of the web client, read once at the start; none is served when nil.
    public var webRoot: String?
    /// The OpenAPI document, served as it is; empty when there is none.
    public var openAPI: [UInt8] = []
    /// The answer of `/healthz`.
    public var version = ""
    /// The longest body of a REST request, in bytes.
    public var bodyBytes = 64 * 1024

    /// The default configuration.
    public init() {}
}

/// What one socket, one user or one address may do. Sizes are in bytes.
public struct SocketLimits: Sendable, Equatable {
    /// The longest message over a socket, fragments taken together.
    public var frameBytes = 256 * 1024
    /// The longest first message: room for a hello with an access token, a device and a resume, but no more, because
    /// anyone may send it.
    public var greetingBytes = 16 * 1024
    /// The longest message to an echo: what conformance suites send.
    public var echoBytes = 16 * 1024 * 1024
    /// How long the fields of a command may be.
    public var fields = FieldLimits()
    /// How many commands a socket may send in a second, on average.
    public var commandsPerSecond = 100
    /// How many commands may come in a burst.
    public var commandBurst = 200
    /// How many KiB may come over a socket in a second, on average; each frame counts as one more.
    public var trafficPerSecond = 2048
    /// How many KiB may come in a burst.
    public var trafficBurst = 8192
    /// How often a socket's commands may be refused for their rate before it is closed.
    public var refusals = 1000
    /// How many of those refusals are forgiven in a second.
    public var forgivenPerSecond = 10
    /// A socket is closed after so many malformed frames.
    public var malformedFrames = 10
    /// How many frames may wait while `hello` is being checked.
    public var waitingFrames = 32
    /// How many events may wait for the welcome, including replayed ones.
    public var heldEvents = 512
    /// How far behind a reader may be.
    public var outboundBytes = 1 << 20
    /// How many devices of a user may have a socket at the same time.
    public var socketsPerUser = 20
    /// How many sockets one address may have at the same time; of IPv6 one /64.
    public var socketsPerAddress = 200
    /// How many connections without a socket one address may have at the same time; of IPv6 one /64.
    public var plainConnectionsPerAddress = 200
    /// How many connections without a socket there may be at the same time.
    public var plainConnections = 10_000
    /// How many calls a user may place in a minute; told to clients, enforced by the call service.
    public var invitesPerMinute = 30
    /// How often a user may ask for ICE servers in a minute.
    public var iceServersPerMinute = 30

    /// The default limits.
    public init() {}
}
