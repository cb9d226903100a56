import Foundation
import Gateway
import Logging
import Outbox
import Primitives
import SignalingCore
import Storage
import Testing

@testable import Ringback

@Suite("Settings")
struct SettingsTests {
    @Test("Nothing is set: the defaults")
    func defaults() async throws {
        let settings = try await Settings.load(flags: [:], environment: [:], file: nil)
        #expect(settings == Settings())
        #expect(settings.listen.description == "127.0.0.1:8080")
    }

    @Test("Flags override the environment, the environment overrides the file")
    func precedence() async throws {
        let file = try TemporaryFile(
            """
            {"listen": "127.0.0.1:1", "log": {"level": "error", "format": "json"}, "calls": {"ringSeconds": 20},
             "allowedOrigins": ["https://one.example", "https://two.example"]}
            """)
        let settings = try await Settings.load(
            flags: ["listen": "127.0.0.1:3"],
            environment: ["RINGBACK_LISTEN": "127.0.0.1:2", "RINGBACK_LOG_LEVEL": "debug", "OTHER": "x"],
            file: file.path)
        #expect(settings.listen.port == 3)
        #expect(settings.logLevel == .debug)
        #expect(settings.logFormat == .json)
        #expect(settings.rules.timings.ring == .seconds(20))
        #expect(settings.allowedOrigins.map(\.description) == ["https://one.example", "https://two.example"])
    }

    @Test("Each quota can be set, and none is unlimited")
    func quotas() async throws {
        let names = QuotaLimits.settings.map(\.name)
        #expect(names.count == QuotaKind.allCases.count)
        for (name, limit) in QuotaLimits.settings {
            let settings = try await Settings.load(flags: [name: "7"], environment: [:], file: nil)
            #expect(settings.quotas[keyPath: limit] == 7)
            for bad in ["0", "-1", "x", "1000000000001"] {
                await #expect(throws: SettingsError.self) {
                    try await Settings.load(flags: [name: bad], environment: [:], file: nil)
                }
            }
        }
    }

    @Test("Every setting has a name in the environment")
    func environment() async throws {
        let settings = try await Settings.load(
            flags: [:],
            environment: [
                "RINGBACK_DATABASE": "postgres://x", "RINGBACK_TLS_CERTIFICATE": "c", "RINGBACK_TLS_KEY": "k",
                "RINGBACK_TOKEN_KEY_FILE": "t", "RINGBACK_NODE_ID_FILE": "n", "RINGBACK_NODE_LEASE_SECONDS": "5",
                "RINGBACK_PASSWORD_COST": "10", "RINGBACK_ACCESS_TOKEN_SECONDS": "60",
                "RINGBACK_SESSION_SECONDS": "3600", "RINGBACK_CALLS_CALLER_LOST_SECONDS": "5",
                "RINGBACK_CALLS_INVITES_PER_MINUTE": "7", "RINGBACK_ALLOWED_ORIGINS": "https://a.example",
                "RINGBACK_STUN_LISTEN": "off", "RINGBACK_ICE_SERVERS": "stun:a:1,stun:b:2", "RINGBACK_PUBLIC_HOST": "h",
            ], file: nil)
        #expect(settings.database.exposed == "postgres://x")
        #expect(settings.tls == Settings.TLSFiles(certificate: "c", key: "k"))
        #expect(settings.tokenKeyFile == "t")
        #expect(settings.nodeFile == "n")
        #expect(settings.nodeLease == .seconds(5))
        #expect(settings.passwordCost == 10)
        #expect(settings.accessTokenLifetime == .seconds(60))
        #expect(settings.sessionLifetime == .seconds(3600))
        #expect(settings.rules.timings.callerLost == .seconds(5))
        #expect(settings.invitesPerMinute == 7)
        #expect(settings.allowedOrigins.map(\.description) == ["https://a.example"])
        #expect(settings.stun == .off)
        #expect(settings.iceServers == ["stun:a:1", "stun:b:2"])
        #expect(settings.publicHost == "h")
    }

    @Test("Origins are taken as browsers write them")
    func origins() async throws {
        let settings = try await Settings.load(
            flags: [:],
            environment: [
                "RINGBACK_ALLOWED_ORIGINS":
                    "HTTPS://A.example:443,http://b.example:8080,capacitor://localhost,http://[::1]",
                "RINGBACK_PUBLIC_ORIGIN": "https://Ringback.example",
            ], file: nil)
        #expect(
            settings.allowedOrigins.map(\.description) == [
                "https://a.example", "http://b.example:8080", "capacitor://localhost", "http://[::1]",
            ])
        #expect(settings.publicOrigin?.description == "https://ringback.example")
    }

    @Test("Limits of connections")
    func connections() async throws {
        let settings = try await Settings.load(
            flags: [:],
            environment: [
                "RINGBACK_SOCKETS_PER_ADDRESS": "50", "RINGBACK_PLAIN_CONNECTIONS_PER_ADDRESS": "30",
                "RINGBACK_PLAIN_CONNECTIONS": "400", "RINGBACK_EVENT_LOOPS": "3",
            ], file: nil)
        #expect(settings.socketsPerAddress == 50)
        #expect(settings.plainConnectionsPerAddress == 30)
        #expect(settings.plainConnections == 400)
        #expect(settings.eventLoops == 3)
        #expect(Settings().eventLoops == nil)
    }

    @Test("A running server applies the log level and the certificate, and nothing else")
    func reloading() {
        var old = Settings()
        old.tls = Settings.TLSFiles(certificate: "c", key: "k")
        var new = old
        new.logLevel = .debug
        new.tls = Settings.TLSFiles(certificate: "another", key: "k")
        #expect(!new.needsStart(after: old))
        new.listen.port = 1
        #expect(new.needsStart(after: old))
        new = old
        new.tls = nil
        #expect(new.needsStart(after: old))
        #expect(old.needsStart(after: new))
    }

    @Test("The operator's services, with their secrets")
    func endpoints() async throws {
        let settings = try await Settings.load(
            flags: ["webhooks.url": "https://a.example/hook", "push.url": "http://127.0.0.1:9/wake"],
            environment: [
                "RINGBACK_WEBHOOKS_SECRET": "sixteen bytes w.", "RINGBACK_PUSH_SECRET": "sixteen bytes p.",
                "RINGBACK_WEBHOOKS_GIVE_UP_SECONDS": "3600",
            ], file: nil)
        #expect(settings.webhooks?.url.exposed == "https://a.example/hook")
        #expect(settings.webhooks?.secret.exposed == "sixteen bytes w.")
        #expect(settings.webhookGiveUpAge == .seconds(3600))
        #expect(settings.push?.url.exposed == "http://127.0.0.1:9/wake")
        #expect(settings.push?.secret.exposed == "sixteen bytes p.")
        #expect(!"\(settings)".contains("sixteen"))
    }

    static let noEndpoints: [(url: String?, secret: String?, complaint: String)] = [
        ("https://a.example/", "fifteen bytes .", "openssl rand -hex 32"),
        ("https://a.example/", nil, "push.secret"),
        (nil, "sixteen bytes p.", "push.secret is given without push.url: give both or neither"),
        ("a.example", "sixteen bytes p.", "push.url must be"),
        ("ftp://a.example", "sixteen bytes p.", "push.url must be"),
        ("https://", "sixteen bytes p.", "push.url must be"),
        ("https://u:p@a.example", "sixteen bytes p.", "without a user name"),
    ]

    @Test("Without a valid URL and a long enough secret there is no service", arguments: noEndpoints)
    func wrongEndpoints(_ url: String?, _ secret: String?, _ complaint: String) async {
        var environment: [String: String] = [:]
        environment["RINGBACK_PUSH_URL"] = url
        environment["RINGBACK_PUSH_SECRET"] = secret
        let given = environment
        let error = await #expect(throws: SettingsError.self) {
            try await Settings.load(flags: [:], environment: given, file: nil)
        }
        #expect(error?.description.contains(complaint) == true)
        #expect(error?.description.contains("bytes p.") == false)
    }

    /// What a page's origin has to look like.
    private static let originForm =
        "is the origin of no page; write scheme, host and, where it is not the usual one, port, as https://app.example, "
        + "with nothing after it"

    static let wrongSettings: [(flags: [String: String], environment: [String: String], complaint: String)] = [
        (["listen": "nowhere"], [:], "listen in the command line must be HOST:PORT, as 127.0.0.1:8080"),
        (["listen": "h:65536"], [:], "listen in the command line must be HOST:PORT, as 127.0.0.1:8080"),
        (
            [:], ["RINGBACK_CALLS_RING_SECONDS": "soon"],
            "calls.ringSeconds in the environment must be a whole number from 1 to 604800"
        ),
        ([:], ["RINGBACK_PASSWORD_COST": "9"], "password.cost in the environment must be a whole number from 10 to 16"),
        (
            ["log.level": "loud"], [:],
            "log.level in the command line must be one of trace, debug, info, notice, warning, error, critical"
        ),
        (
            [:], ["RINGBACK_CALL_RING_SECONDS": "5"],
            "there is no setting RINGBACK_CALL_RING_SECONDS; `ringback serve --help` lists them"
        ),
        (
            [:], ["RINGBACK_ALLOWED_ORIGINS": "https://a.example,https://b.example/"],
            "allowedOrigins: “https://b.example/” \(originForm)"
        ),
        ([:], ["RINGBACK_ALLOWED_ORIGINS": "a.example"], "allowedOrigins: “a.example” \(originForm)"),
        ([:], ["RINGBACK_ALLOWED_ORIGINS": "*"], "allowedOrigins: “*” \(originForm)"),
        ([:], ["RINGBACK_ALLOWED_ORIGINS": "null"], "allowedOrigins: “null” \(originForm)"),
        (
            [:], ["RINGBACK_ALLOWED_ORIGINS": "https://*.a.example"],
            "allowedOrigins: “https://*.a.example” \(originForm)"
        ),
        (
            [:], ["RINGBACK_ALLOWED_ORIGINS": "https://bücher.example"],
            "allowedOrigins: “https://bücher.example” \(originForm)"
        ),
        (
            [:], ["RINGBACK_ALLOWED_ORIGINS": "https://ann@a.example"],
            "allowedOrigins: “https://ann@a.example” \(originForm)"
        ),
        (
            [:], ["RINGBACK_ALLOWED_ORIGINS": "https://a.example:0"],
            "allowedOrigins: “https://a.example:0” \(originForm)"
        ),
        ([:], ["RINGBACK_ALLOWED_ORIGINS": "wss://a.example"], "allowedOrigins: “wss://a.example” \(originForm)"),
        (
            [:], ["RINGBACK_PUBLIC_ORIGIN": "app://a.example"],
            "publicOrigin: “app://a.example” \(originForm)"
        ),
        (["tls.key": "k"], [:], "tls.key is given without tls.certificate: give both or neither"),
        ([:], ["RINGBACK_ICE_SERVERS": "x:1"], "iceServers: “x:1” is not understood; write stun:HOST:PORT"),
        (
            [:], ["RINGBACK_ICE_SERVERS": "turn:x"],
            "iceServers: “turn:x” is a TURN server, which belongs into turn.urls"
        ),
        (["turn.urls": "turn:a"], [:], "turn.urls is given without turn.secret or turn.secretFile"),
        ([:], ["RINGBACK_TURN_SECRET": "s"], "a secret for TURN servers is given without turn.urls"),
        (
            ["turn.urls": "turn:a"], ["RINGBACK_TURN_SECRET": "s", "RINGBACK_TURN_SECRET_FILE": "f"],
            "turn.secret and turn.secretFile are both given: give one of them"
        ),
        (["turn.secretFile": "/nowhere/at/all"], [:], "turn.secretFile: /nowhere/at/all can't be read"),
        (
            ["turn.urls": "turn:a"], ["RINGBACK_TURN_SECRET": "two\nlines"],
            "turn.secret must be one line of at most 1024 bytes, as the TURN server has it"
        ),
        (
            ["turn.urls": "turn:a,turn:b?transport=sctp"], ["RINGBACK_TURN_SECRET": "s"],
            "turn.urls: “turn:b?transport=sctp” is not understood; write turn:HOST:PORT, turns:HOST:PORT, and at the end "
                + "?transport=udp or ?transport=tcp where it matters"
        ),
        (
            ["turn.urls": "stun:a"], ["RINGBACK_TURN_SECRET": "s"],
            "turn.urls: “stun:a” is a STUN server, which belongs into iceServers"
        ),
        (
            ["turn.urls": "turn:a", "turn.lifetimeSeconds": "299"], ["RINGBACK_TURN_SECRET": "s"],
            "turn.lifetimeSeconds in the command line must be a whole number from 300 to 604800"
        ),
        ([:], ["RINGBACK_ECHO_ENABLED": "maybe"], "echo.enabled in the environment must be true or false"),
    ]

    @Test("An error is reported in one line that names the setting", arguments: wrongSettings)
    func wrong(_ flags: [String: String], _ environment: [String: String], _ complaint: String) async {
        await #expect(throws: SettingsError(complaint)) {
            try await Settings.load(flags: flags, environment: environment, file: nil)
        }
    }

    @Test(
        "A file that is missing, not JSON, or has an unknown or ill-typed setting",
        arguments: [
            (#"{"calls": {"ringSecond": 5}}"#, "there is no setting “calls.ringSecond”"),
            ("[1]", "is not a JSON object"), ("{", "is not a JSON object"),
            (#"{"calls": {"ringSeconds": "5"}}"#, "must be a whole number"),
        ])
    func wrongFile(_ text: String, _ complaint: String) async throws {
        let file = try TemporaryFile(text)
        let error = await #expect(throws: SettingsError.self) {
            try await Settings.load(flags: [:], environment: [:], file: file.path)
        }
        #expect(error?.description.contains(complaint) == true)
        let missing = await #expect(throws: SettingsError.self) {
            try await Settings.load(flags: [:], environment: [:], file: file.path + ".missing")
        }
        #expect(missing?.description.contains("can't be read") == true)
    }

    @Test("TURN servers come from flags, the environment or the file; the secret from a file, too")
    func turn() async throws {
        let secret = try TemporaryFile("north star\n")
        let urls = "turn:turn.example:3478?transport=udp, turns:[2001:db8::1]:5349?transport=tcp"
        let byFlags = try await Settings.load(
            flags: ["turn.urls": urls, "turn.secretFile": secret.path, "turn.lifetimeSeconds": "300"],
            environment: [:], file: nil)
        let expected = TURNServers(
            urls: ["turn:turn.example:3478?transport=udp", "turns:[2001:db8::1]:5349?transport=tcp"],
            secret: Redacted("north star"), lifetime: .seconds(300))
        #expect(byFlags.turn == expected)
        #expect(!"\(byFlags)".contains("north"))
        let byEnvironment = try await Settings.load(
            flags: [:],
            environment: [
                "RINGBACK_TURN_URLS": urls, "RINGBACK_TURN_SECRET": "north star",
                "RINGBACK_TURN_LIFETIME_SECONDS": "300",
            ], file: nil)
        #expect(byEnvironment.turn == expected)
        let file = try TemporaryFile(#"{"turn": {"urls": ["turn:a"], "secret": "s"}, "echo": {"enabled": true}}"#)
        let byFile = try await Settings.load(flags: [:], environment: [:], file: file.path)
        #expect(byFile.turn == TURNServers(urls: ["turn:a"], secret: Redacted("s"), lifetime: .seconds(3600)))
        #expect(byFile.echoes)
    }

    @Test(
        "STUN and TURN URLs",
        arguments: [
            "stun:a", "stuns:a.example", "stun:192.0.2.1:3478", "STUN:a:65535", "turn:a", "turn:a:1?transport=udp",
            "turns:turn.example?transport=tcp", "turn:[2001:db8::1]", "turn:[::1]:3478?transport=tcp", "turn:a_b-c.d1",
        ])
    func iceServerURLs(_ text: String) {
        #expect(IceServerURL(text)?.kind == (text.lowercased().hasPrefix("stun") ? .stun : .turn))
    }

    @Test(
        "No STUN or TURN URLs",
        arguments: [
            "", ":", "turn", "turn:", "turn://a", "http://a", "stun:a?transport=udp", "turn:a?transport=", "turn:a?",
            "turn:a?transport=dtls", "turn:a?transport=udp&x", "turn:a:", "turn:a:0", "turn:a:65536", "turn:a:+1",
            "turn:a:1:2", "turn:::1", "turn:[::1", "turn:[::1]x", "turn:[a]", "turn:[192.0.2.1]", "turn:a b",
            "turn:a\n",
            "turn:-a", "turn:a-", "turn:a..b", "turn:.a", "turn:256.0.0.1", "turn:1.2.3", "turn:user@a", "turn:ä",
            "turn:a:١", "turn:" + String(repeating: "a", count: 64),
        ])
    func notIceServerURLs(_ text: String) {
        #expect(IceServerURL(text) == nil)
    }

    @Test(
        "Hosts and ports",
        arguments: [
            ("127.0.0.1:80", "127.0.0.1", 80), ("[::1]:0", "::1", 0), ("name.example:65535", "name.example", 65_535),
        ])
    func addresses(_ text: String, _ host: String, _ port: Int) {
        #expect(HostAndPort(text) == HostAndPort(host: host, port: port))
        #expect(HostAndPort(text)?.description == text)
    }

    @Test("No host and port", arguments: ["", ":", "host", "host:", ":80", "::1:80", "host:-1", "host:99999", "[]:1"])
    func notAddresses(_ text: String) {
        #expect(HostAndPort(text) == nil)
    }
}

@Suite("Log lines")
struct LogLineTests {
    private let instant = Instant(microseconds: 1_700_000_000_000_000)

    @Test("Text, with values quoted where they would break the line")
    func text() {
        let line = LogLine(label: "ringback", threshold: LogThreshold(.info), format: .text)
            .line(at: instant, .info, "hello", ["b": "two words", "a": "1", "c": "x\ny"])
        #expect(line == #"2023-11-14T22:13:20.000Z info ringback: hello a=1 b="two words" c="x\ny""#)
    }

    @Test("JSON, one object a line")
    func json() throws {
        let line = LogLine(label: "ringback", threshold: LogThreshold(.info), format: .json)
            .line(at: instant, .warning, "hello", ["text": "a\"b\nc"])
        let object = try JSONDecoder().decode([String: String].self, from: Data(line.utf8))
        #expect(
            object == [
                "time": "2023-11-14T22:13:20.000Z", "level": "warning", "logger": "ringback", "message": "hello",
                "text": "a\"b\nc",
            ])
        #expect(!line.contains("\n"))
    }
}

/// A file that is deleted with its last use.
private final class TemporaryFile {
    let path: String

    init(_ text: String) throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("ringback-\(UUID().uuidString).json").path
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }
}
