import Foundation
import Logging
import Outbox
import Primitives
import SignalingCore
import Testing

@testable import Ringback

@Suite("Settings")
struct SettingsTests {
    @Test("Nothing is said: the defaults")
    func defaults() async throws {
        let settings = try await Settings.load(flags: [:], environment: [:], file: nil)
        #expect(settings == Settings())
        #expect(settings.listen.description == "127.0.0.1:8080")
    }

    @Test("Flags come before the environment, the environment before the file")
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
        #expect(settings.timings.ring == .seconds(20))
        #expect(settings.allowedOrigins == ["https://one.example", "https://two.example"])
    }

    @Test("Every setting has a name in the environment")
    func environment() async throws {
        let settings = try await Settings.load(
            flags: [:],
            environment: [
                "RINGBACK_DATABASE": "postgres://x", "RINGBACK_TLS_CERTIFICATE": "c", "RINGBACK_TLS_KEY": "k",
                "RINGBACK_TOKEN_KEY_FILE": "t", "RINGBACK_PASSWORD_COST": "10", "RINGBACK_ACCESS_TOKEN_SECONDS": "60",
                "RINGBACK_SESSION_SECONDS": "3600", "RINGBACK_CALLS_CALLER_LOST_SECONDS": "5",
                "RINGBACK_CALLS_INVITES_PER_MINUTE": "7", "RINGBACK_ALLOWED_ORIGINS": "https://a.example",
                "RINGBACK_STUN_LISTEN": "off", "RINGBACK_ICE_SERVERS": "stun:a:1,stun:b:2", "RINGBACK_PUBLIC_HOST": "h",
            ], file: nil)
        #expect(settings.database.exposed == "postgres://x")
        #expect(settings.tls == Settings.TLSFiles(certificate: "c", key: "k"))
        #expect(settings.tokenKeyFile == "t")
        #expect(settings.passwordCost == 10)
        #expect(settings.accessTokenLifetime == .seconds(60))
        #expect(settings.sessionLifetime == .seconds(3600))
        #expect(settings.timings.callerLost == .seconds(5))
        #expect(settings.invitesPerMinute == 7)
        #expect(settings.allowedOrigins == ["https://a.example"])
        #expect(settings.stun == .off)
        #expect(settings.iceServers == ["stun:a:1", "stun:b:2"])
        #expect(settings.publicHost == "h")
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

    @Test("Without a URL that is one, and a secret that is long enough, there is no service", arguments: noEndpoints)
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
        (["tls.key": "k"], [:], "tls.key is given without tls.certificate: give both or neither"),
        ([:], ["RINGBACK_ICE_SERVERS": "turn:x"], "iceServers: “turn:x” is not understood; write stun:HOST:PORT"),
    ]

    @Test("What is wrong is told in one line that names it", arguments: wrongSettings)
    func wrong(_ flags: [String: String], _ environment: [String: String], _ complaint: String) async {
        await #expect(throws: SettingsError(complaint)) {
            try await Settings.load(flags: flags, environment: environment, file: nil)
        }
    }

    @Test(
        "A file that is missing, no JSON, or has an unknown or ill-typed setting",
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
        let line = LogLine(label: "ringback", level: .info, format: .text)
            .line(at: instant, .info, "hello", ["b": "two words", "a": "1", "c": "x\ny"])
        #expect(line == #"2023-11-14T22:13:20.000Z info ringback: hello a=1 b="two words" c="x\ny""#)
    }

    @Test("JSON, one object a line")
    func json() throws {
        let line = LogLine(label: "ringback", level: .info, format: .json)
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
