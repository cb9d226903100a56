public import FrameDispatch
public import NIOSSL

/// What the gateway is told once, at the start.
public struct GatewayConfiguration: Sendable {
    /// The address to listen on.
    public var host = "127.0.0.1"
    /// The port; 0 takes a free one.
    public var port = 8080
    /// Whether there are descriptors for a further connection; asked before a few are accepted.
    public var hasDescriptors: @Sendable () -> Bool = { true }
    /// Certificate and key at the start, for TLS from 1.2 on; plain text when nil.
    public var tls: TLSConfiguration?
    /// What one socket, user or address may do.
    public var limits = SocketLimits()
    /// The origin of the server's own pages, where the server cannot tell, as behind a proxy that ends TLS. Nil: its own
    /// scheme, and the host that each request names.
    public var publicOrigin: Origin?
    /// Origins whose pages may open sockets beside the server's own.
    public var allowedOrigins: Set<Origin> = []
    /// What clients are told to reach each other with, TURN servers aside.
    public var iceServers: [IceServer] = []
    /// The TURN servers that clients get credentials for; none when nil.
    public var turn: TURNServers?
    /// Whether there is an echo at `/v1/echo`, for conformance suites. Strangers may use it, and no rate holds it back.
    public var echoes = false
    /// The folder of the web client, read once at the start; none is served when nil.
    public var webRoot: String?
    /// The OpenAPI document, served as it is; empty when there is none.
    public var openAPI: [UInt8] = []
    /// What `/healthz` says.
    public var version = ""
    /// The longest body of a REST request, in bytes.
    public var bodyBytes = 64 * 1024

    /// The configuration that a server has when it is told no other.
    public init() {}
}

/// What one socket, one user or one address may do. Sizes are in bytes.
public struct SocketLimits: Sendable, Equatable {
    /// The longest message over a socket, fragments taken together.
    public var frameBytes = 256 * 1024
    /// The longest first message: room for a hello with an access token, a device and a resume, and for no more, because
    /// anybody may send it.
    public var greetingBytes = 16 * 1024
    /// The longest message to an echo: what conformance suites send.
    public var echoBytes = 16 * 1024 * 1024
    /// How long the fields of a command may be.
    public var fields = FieldLimits()
    /// How many commands a socket may send in a second, in the long run.
    public var commandsPerSecond = 100
    /// How many commands may come at once.
    public var commandBurst = 200
    /// How many KiB may come over a socket in a second, in the long run; each frame counts as one more.
    public var trafficPerSecond = 2048
    /// How many KiB may come at once.
    public var trafficBurst = 8192
    /// How often a socket's commands may be refused for their rate before it is closed.
    public var refusals = 1000
    /// How many of those refusals are forgiven in a second.
    public var forgivenPerSecond = 10
    /// After so many malformed frames a socket is closed.
    public var malformedFrames = 10
    /// How many frames may wait while `hello` is being looked at.
    public var waitingFrames = 32
    /// How many events may wait for the welcome, those that are sent again among them.
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
    /// How many calls a user may place in a minute; what clients are told, the call service sees to it.
    public var invitesPerMinute = 30
    /// How often a user may ask for ICE servers in a minute.
    public var iceServersPerMinute = 30

    /// The limits that a server has when it is told no others.
    public init() {}
}
