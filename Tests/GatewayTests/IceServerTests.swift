import Primitives
import SwiftProtobuf
import Testing
import Wire

@testable import Gateway

/// Credentials for TURN servers, and how clients get them.
@Suite(.timeLimit(.minutes(1))) struct IceServerTests {
    // The codes are what `openssl dgst -sha1 -hmac SECRET -binary | base64` prints for the usernames.
    static let vectors: [(secret: String, user: String, now: Int64, lifetime: Int64, username: String, code: String)] =
        [
            (
                "north", "0190a0c0-0000-7000-8000-000000000001", 1_700_000_000_000_000, 3_600_000_000,
                "1700003600:0190a0c0-0000-7000-8000-000000000001", "rIDHQbwLq//ekaYbypeCj+mnBuA="
            ),
            // Fractions of a second are dropped.
            (
                "logen", "506c4a0b-0000-7000-8000-000000000000", 1_433_892_318_999_999, 3_600_000_000,
                "1433895918:506c4a0b-0000-7000-8000-000000000000", "o7vMFPesmIDI1wBtHrR7p5jlijI="
            ),
            // The secret is used as UTF-8.
            (
                "sécret ✓", "ffffffff-ffff-7fff-bfff-ffffffffffff", 0, 1_000_000,
                "1:ffffffff-ffff-7fff-bfff-ffffffffffff", "jQa5PavLdvQk/iCTalLonyDXOek="
            ),
            // A secret longer than a block of SHA-1 is hashed first (RFC 2104 §2).
            (
                String(repeating: "k", count: 100), "0190a0c0-0000-7000-8000-000000000001", 1_699_999_700_000_000,
                300_000_000, "1700000000:0190a0c0-0000-7000-8000-000000000001", "3f6QTW+ztF3j9TQ48swPbZGVrMQ="
            ),
        ]

    @Test(arguments: vectors) func credentialsAreWhatTURNServersExpect(
        vector: (secret: String, user: String, now: Int64, lifetime: Int64, username: String, code: String)
    ) throws {
        let minted = TURNCredential.minted(
            with: Redacted(vector.secret), for: try #require(UserID(vector.user)),
            at: Instant(microseconds: vector.now), lifetime: Instant.Span(microseconds: vector.lifetime))
        #expect(minted.username == vector.username)
        #expect(minted.credential.exposed == vector.code)
        #expect("\(minted.expiresAt.microseconds / 1_000_000)" == vector.username.prefix { $0 != ":" })
        #expect(!"\(minted)".contains(vector.code))
    }

    private static let turn = ["turn:turn.example:3478?transport=udp", "turns:turn.example:5349?transport=tcp"]

    private func configuration(perMinute: Int = 30) -> GatewayConfiguration {
        .with {
            $0.iceServers = [IceServer(urls: ["stun:stun.example:3478"])]
            $0.turn = TURNServers(urls: Self.turn, secret: Redacted("north"), lifetime: .seconds(600))
            $0.limits.iceServersPerMinute = perMinute
        }
    }

    private func ask(_ server: TestServer, token: String?) async throws -> HTTPAnswer {
        let raw = try await RawClient.connect(port: server.port)
        defer { raw.close() }
        let authorization = token.map { "Authorization: Bearer \($0)\r\n" } ?? ""
        raw.send("GET /v1/ice-servers HTTP/1.1\r\nHost: localhost\r\n\(authorization)\r\n")
        return try await raw.response()
    }

    private func list(_ answer: HTTPAnswer) throws -> WireIceServerList {
        #expect(answer.status == 200)
        #expect(answer.headers["cache-control"] == "no-store")
        return try Encoding.json.decode(WireIceServerList.self, from: Array(answer.body.utf8))
    }

    /// Whether the credentials are the user's own, and of this lifetime.
    private func check(_ servers: [WireIceServer], of user: TestUser, at now: Instant) throws {
        #expect(servers.map(\.urls) == [["stun:stun.example:3478"], Self.turn])
        #expect(servers.first?.username == "" && servers.first?.credential == "")
        let turn = try #require(servers.last)
        let parts = turn.username.split(separator: ":")
        #expect(parts.count == 2 && parts.last ?? "" == user.id.description)
        let end = try #require(parts.first.flatMap { Int64($0) })
        #expect((590...600).contains(end - now.milliseconds / 1000))
        let minted = TURNCredential.minted(
            with: Redacted("north"), for: user.id, at: Instant(microseconds: end * 1_000_000), lifetime: .seconds(0))
        #expect(turn.credential == minted.credential.exposed)
    }

    @Test func eachUserGetsCredentialsOfTheirOwn() async throws {
        try await TestServer.run(configuration()) { server in
            #expect(try await ask(server, token: nil).status == 401)
            let (ann, ben) = (try await server.register("ann"), try await server.register("ben"))
            for user in [ann, ben] {
                let list = try list(await ask(server, token: user.token))
                try check(list.iceServers, of: user, at: server.clock.now())
                #expect((590...600).contains(list.ttlSeconds))
                #expect(list.iceServers.last?.username.hasPrefix("\(list.expiresAt.seconds):") == true)
                #expect(list.expiresAt.nanos == 0)
                let (_, welcome) = try await SocketClient.connect(server, as: user)
                try check(welcome.iceServers, of: user, at: server.clock.now())
            }
        }
    }

    @Test func laterOnesLastLonger() async throws {
        try await TestServer.run(configuration()) { server in
            let ann = try await server.register("ann")
            let first = try list(await ask(server, token: ann.token))
            server.clock.advance(.seconds(300))
            let second = try list(await ask(server, token: ann.token))
            #expect((295...305).contains(second.expiresAt.seconds - first.expiresAt.seconds))
        }
    }

    @Test func whoAsksTooOftenWaitsAndNobodyElse() async throws {
        try await TestServer.run(configuration(perMinute: 2)) { server in
            let (ann, ben) = (try await server.register("ann"), try await server.register("ben"))
            for _ in 0..<2 { #expect(try await ask(server, token: ann.token).status == 200) }
            let refused = try await ask(server, token: ann.token)
            #expect(refused.status == 429)
            let wait = try #require(refused.headers["retry-after"].flatMap { Int64($0) })
            #expect((1...30).contains(wait))
            #expect(!refused.body.contains("credential"))
            #expect(try await ask(server, token: ben.token).status == 200)
            server.clock.advance(.seconds(wait))
            #expect(try await ask(server, token: ann.token).status == 200)
        }
    }

    @Test func withoutTURNNothingExpires() async throws {
        try await TestServer.run(.with { $0.iceServers = [IceServer(urls: ["stun:stun.example:3478"])] }) { server in
            let answer = try await ask(server, token: server.register("ann").token)
            #expect(answer.body == #"{"iceServers":[{"urls":["stun:stun.example:3478"]}]}"#)
        }
    }
}
