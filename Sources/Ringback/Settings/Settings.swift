import Gateway
import Logging
import Outbox
import Primitives
import SignalingCore
import SignalingService
import Storage

/// The settings of a server.
struct Settings: Sendable, Equatable {
    /// Where to listen for HTTP and WebSocket.
    var listen = HostAndPort(host: "127.0.0.1", port: 8080)
    /// `sqlite:PATH` or `postgres://…`.
    var database = Redacted("sqlite:data/ringback.sqlite")
    /// Certificate chain and private key in PEM; nil serves without TLS.
    var tls: TLSFiles?
    /// The file that keeps the key of access tokens; created at the first start.
    var tokenKeyFile = "data/token.key"
    /// The file that keeps the id under which this server owns calls; created at the first start.
    var nodeFile = "data/node.id"
    /// How long other servers wait for a sign of life of this one before they take over its calls.
    var nodeLease = Instant.Span.seconds(10)
    /// The work factor of bcrypt, 10 to 16.
    var passwordCost = 12
    /// How long an access token is valid.
    var accessTokenLifetime = Instant.Span.seconds(600)
    /// How long a session lives without being used.
    var sessionLifetime = Instant.Span.seconds(30 * 24 * 3600)
    /// The timeouts and limits of calls.
    var rules = CallRules()
    /// How many people a user may ring in a minute.
    var invitesPerMinute = 30
    /// How much one user may store in a day.
    var quotas = QuotaLimits()
    /// Web pages of these origins may connect, besides the server's own.
    var allowedOrigins: [Origin] = []
    /// The origin under which browsers reach this server, if a proxy ends TLS before it.
    var publicOrigin: Origin?
    /// How many threads serve the sockets and the calls; one less than there are cores when nil, and at least one.
    var eventLoops: Int?
    /// How many sockets may come from one address.
    var socketsPerAddress = 200
    /// How many connections without a socket may come from one address; the same as sockets when nil.
    var plainConnectionsPerAddress: Int?
    /// How many connections without a socket there may be.
    var plainConnections = 10_000
    /// The name or address under which clients reach this server; the one it listens on when nil.
    var publicHost: String?
    /// Where to answer STUN requests.
    var stun = STUN.automatic
    /// STUN servers that clients are told of besides the server's own.
    var iceServers: [String] = []
    /// The TURN servers that clients get credentials for; none when nil.
    var turn: TURNServers?
    /// Whether there is an echo for conformance suites.
    var echoes = false
    /// The folder of the web client; nil serves the one that comes with the program.
    var webRoot: String?
    /// The service that is told of calls by webhooks; none when nil.
    var webhooks: OutboxSettings.Endpoint?
    /// The age at which a webhook is given up.
    var webhookGiveUpAge = Instant.Span.seconds(86_400)
    /// The operator's push gateway, which wakes devices; none when nil.
    var push: OutboxSettings.Endpoint?
    /// The minimum level that is logged.
    var logLevel = Logger.Level.info
    /// The format of a log line.
    var logFormat = LogFormat.text

    /// Certificate chain and private key, as paths of PEM files.
    struct TLSFiles: Sendable, Equatable {
        var certificate: String
        var key: String
    }

    /// Where STUN requests are answered, which tell clients their public addresses.
    enum STUN: Sendable, Equatable {
        /// On port 3478 of the listening host, unless that is only reachable from this machine.
        case automatic
        case off
        case at(HostAndPort)
    }

    /// The format of a log line.
    enum LogFormat: String, Sendable, CaseIterable {
        case text
        case json
    }
}

extension CallTimings {
    /// Each timeout with its name in a configuration.
    static let settings: [(name: String, timing: any WritableKeyPath<CallTimings, Instant.Span> & Sendable)] = [
        ("calls.ringSeconds", \.ring),
        ("calls.ringExtensionSeconds", \.ringExtension),
        ("calls.ringLimitSeconds", \.ringLimit),
        ("calls.ringAgainSeconds", \.ringAgain),
        ("calls.callerLostSeconds", \.callerLost),
        ("calls.reconnectSeconds", \.reconnect),
        ("calls.recoverySeconds", \.recovery),
        ("calls.negotiationSeconds", \.negotiation),
        ("calls.aloneSeconds", \.alone),
        ("calls.emptySeconds", \.empty),
        ("calls.maxDurationSeconds", \.maxDuration),
    ]
}

extension QuotaLimits {
    /// Each limit with its name in a configuration.
    static let settings: [(name: String, limit: any WritableKeyPath<QuotaLimits, Int> & Sendable)] = [
        ("quotas.messagesPerDay", \.messages),
        ("quotas.messageBytesPerDay", \.messageBytes),
        ("quotas.groupsPerDay", \.groups),
        ("quotas.invitationsPerDay", \.invitations),
        ("quotas.contactRequestsPerDay", \.contactRequests),
        ("quotas.ringsPerDay", \.rings),
    ]
}

/// A host and a port, as in `127.0.0.1:8080` or `[::1]:8080`.
struct HostAndPort: Sendable, Equatable, CustomStringConvertible {
    var host: String
    /// 0 to 65,535; 0 lets the system choose.
    var port: Int

    init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `HOST:PORT`; nil for anything else.
    init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self.init(host: String(host), port: Int(port))
    }

    /// Whether only this machine can reach it.
    var isLoopback: Bool {
        host == "localhost" || host == "::1" || host.hasPrefix("127.")
    }

    /// Whether it means every address of this machine.
    var isWildcard: Bool {
        host == "0.0.0.0" || host == "::"
    }

    var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
