import ArgumentParser

/// `ringback serve`: runs the server until it is told to stop.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the server.",
        discussion: """
            These settings have no flag; they are given in the environment, where
            calls.ringSeconds is RINGBACK_CALLS_RING_SECONDS and lists are separated by
            commas, or in the file, where dots are nesting:

              calls.ringSeconds          how long a callee is rung (45)
              calls.ringExtensionSeconds the minimum for a device woken by a push (20)
              calls.ringLimitSeconds     the longest ring, extension included (75)
              calls.ringAgainSeconds     until the same person may be rung again (30)
              calls.callerLostSeconds    how long a ringing caller may be away (15)
              calls.reconnectSeconds     how long a participant may be away (30)
              calls.recoverySeconds      the same, after a restart (30)
              calls.negotiationSeconds   how long an offer may stay unanswered (10)
              calls.aloneSeconds         how long one may wait in a group call (120)
              calls.emptySeconds         how long a group call may be empty (20)
              calls.maxDurationSeconds   the longest call (43200)
              calls.screenSharing        take-over, refuse or multiple (take-over)
              calls.participantLimit     people in a call (100)
              calls.invitesPerMinute     people whom a user may ring in a minute (30)
              quotas.messagesPerDay      messages of a user in a day (100000)
              quotas.messageBytesPerDay  bytes of a user's messages in a day (268435456)
              quotas.groupsPerDay        groups that a user creates in a day (50)
              quotas.invitationsPerDay   people whom a user invites in a day (500)
              quotas.contactRequestsPerDay
                                         contact requests of a user in a day (300)
              quotas.ringsPerDay         people whom a user rings in a day (20000)
              password.cost              work factor of bcrypt (12)
              accessTokenSeconds         lifetime of an access token (600)
              sessionSeconds             lifetime of an unused session (2592000)
              tokenKeyFile               key of access tokens (data/token.key)
              node.idFile                id of this server among several (data/node.id)
              node.leaseSeconds          until others adopt the calls of a dead server (10)
              allowedOrigins             other origins whose pages may connect
              publicOrigin               where browsers find this server behind a proxy
              eventLoops                 threads for sockets and calls (one less than cores)
              socketsPerAddress          sockets from one address (200)
              plainConnectionsPerAddress connections without a socket from one address
                                         (as many as sockets)
              plainConnections           connections without a socket in all (10000, and
                                         never more than half of the open files allowed)
              iceServers                 further stun:HOST:PORT for clients
              turn.secret                the secret itself, instead of a file
              webRoot                    another folder for the web client
              webhooks.secret            signs webhooks; at least 16 bytes
              webhooks.giveUpSeconds     age at which a webhook is given up (86400)
              push.secret                signs requests to the push gateway

            SIGTERM and SIGINT stop the server: clients are told to reconnect, and calls
            stay open in the database. SIGHUP makes it read the certificate, its key and
            the log level again; all other settings are read at the start.
            """)

    @Option(
        help: ArgumentHelp(
            "Where to listen; port 0 takes a free one. (default: 127.0.0.1:8080)", valueName: "host:port"))
    var listen: String?

    @OptionGroup var database: DatabaseOptions

    @Option(help: ArgumentHelp("A certificate chain in PEM; serves TLS.", valueName: "file"))
    var tlsCertificate: String?

    @Option(help: ArgumentHelp("The certificate's private key in PEM.", valueName: "file"))
    var tlsKey: String?

    @Option(
        help: ArgumentHelp(
            "The name or address at which clients reach this server, for STUN. (default: the host of --listen)",
            valueName: "host"))
    var publicHost: String?

    @Option(
        help: ArgumentHelp(
            "Where to answer STUN over UDP: HOST:PORT, auto or off. (default: auto, which is port 3478 unless --listen is loopback)",
            valueName: "host:port"))
    var stunListen: String?

    @Option(help: ArgumentHelp("Where to send call events; needs webhooks.secret.", valueName: "url"))
    var webhooksUrl: String?

    @Option(help: ArgumentHelp("The push gateway that wakes devices for calls; needs push.secret.", valueName: "url"))
    var pushUrl: String?

    @Option(
        help: ArgumentHelp(
            "TURN servers, separated by commas: turn:HOST:PORT, turns:HOST:PORT, with ?transport=udp or ?transport=tcp. (default: none)",
            valueName: "urls"))
    var turnUrls: String?

    @Option(help: ArgumentHelp("The file with the secret that the TURN servers share.", valueName: "file"))
    var turnSecretFile: String?

    @Option(
        help: ArgumentHelp(
            "The lifetime of credentials for TURN servers, 300 to 604800. (default: 3600)", valueName: "seconds"))
    var turnLifetimeSeconds: String?

    @Flag(
        help: ArgumentHelp(
            "Echo WebSocket messages at /v1/echo, for conformance suites. Not for servers that strangers can reach."
        ))
    var echo = false

    @Option(
        help: ArgumentHelp(
            "trace, debug, info, notice, warning, error or critical. (default: info)", valueName: "level"))
    var logLevel: String?

    @Option(help: ArgumentHelp("text or json. (default: text)", valueName: "format"))
    var logFormat: String?

    func run() async throws {
        try await Failure.reported {
            let flags = [
                "listen": listen, "tls.certificate": tlsCertificate, "tls.key": tlsKey, "publicHost": publicHost,
                "stun.listen": stunListen, "turn.urls": turnUrls, "turn.secretFile": turnSecretFile,
                "turn.lifetimeSeconds": turnLifetimeSeconds, "echo.enabled": echo ? "true" : nil,
                "webhooks.url": webhooksUrl, "push.url": pushUrl,
                "log.level": logLevel, "log.format": logFormat,
            ]
            let load: @Sendable () async throws -> Settings = { [database] in try await database.settings(flags) }
            try await Server(try await load(), reload: load).run()
        }
    }
}
