import Primitives
import SwiftProtobuf
import Testing
import Wire

@testable import Gateway

/// What comes over a raw connection before there is a socket.
@Suite(.timeLimit(.minutes(1))) struct HandshakeTests {
    private func answer(_ server: TestServer, to request: String) async throws -> HTTPAnswer {
        let raw = try await RawClient.connect(port: server.port)
        raw.send(request)
        return try await raw.response()
    }

    private func error(_ answer: HTTPAnswer) throws -> WireError {
        try Encoding.json.decode(WireError.self, from: Array(answer.body.utf8))
    }

    @Test func aSocketThatIsAskedForWronglyIsRefusedWithAReason() async throws {
        try await TestServer.run { server in
            let noProtocol = try await answer(server, to: SocketClient.upgrade(encoding: nil))
            #expect(noProtocol.status == 400)
            #expect(try error(noProtocol).message.contains("ringback.v1.json"))
            let unknown = "Sec-WebSocket-Protocol: chat, superchat\r\n"
            #expect(try await answer(server, to: SocketClient.upgrade(encoding: nil, extra: unknown)).status == 400)
            let oldVersion = try await answer(server, to: SocketClient.upgrade(version: "8"))
            #expect(oldVersion.status == 426)
            #expect(oldVersion.headers["sec-websocket-version"] == "13")
            let length = "Content-Length: 2\r\n"
            let post = try await answer(server, to: SocketClient.upgrade(method: "POST", extra: length) + "hi")
            #expect(post.status == 405)
            #expect(post.headers["allow"] == "GET")
            #expect(try await answer(server, to: SocketClient.upgrade(extra: length) + "hi").status == 400)
            let plain = try await answer(server, to: "GET /v1/socket HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(plain.status == 426)
            #expect(plain.headers["upgrade"] == "websocket")
            let old = try await answer(server, to: SocketClient.upgrade().replacing("HTTP/1.1", with: "HTTP/1.0"))
            #expect(old.status == 400)
            let badKey = SocketClient.upgrade().replacing(SocketClient.key, with: "short")
            #expect(try await answer(server, to: badKey).status == 400)
            let noConnection = SocketClient.upgrade().replacing("Connection: Upgrade\r\n", with: "")
            #expect(try await answer(server, to: noConnection).status == 400)
        }
    }

    @Test func anUpgradeElsewhereIsAnsweredAsTheRequestThatItIs() async throws {
        try await TestServer.run { server in
            let wrongPath = try await answer(server, to: SocketClient.upgrade(path: "/v1/sockets"))
            #expect(wrongPath.status == 404)
            #expect(try error(wrongPath).code == .notFound)
            let h2c =
                "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                + "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n"
            #expect(try await answer(server, to: h2c).status == 200)
            let both = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c, websocket\r\n\r\n"
            #expect(try await answer(server, to: both).status == 200)
            let http2 = try await answer(server, to: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            #expect(http2.status >= 400)
        }
    }

    @Test func aLaterRequestOfAConnectionOpensNoSocket() async throws {
        try await TestServer.run { server in
            let raw = try await RawClient.connect(port: server.port)
            raw.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await raw.response().status == 200)
            raw.send(SocketClient.upgrade())
            #expect(try await raw.response().status == 426)
        }
    }

    @Test func originsAreChecked() async throws {
        try await TestServer.run(.with { $0.allowedOrigins = Set(["https://app.example"].compactMap(Origin.init)) }) {
            server in
            for (origin, status) in [
                ("http://localhost", 101), ("https://app.example", 101), ("https://evil.example", 403), ("null", 403),
                ("https://localhost.evil.example", 403),
            ] {
                let request = SocketClient.upgrade(extra: "Origin: \(origin)\r\n")
                let answer = try await answer(server, to: request)
                #expect(answer.status == status, "\(origin)")
            }
        }
    }

    @Test func whatIsNotHTTPIsAnsweredAndEnded() async throws {
        try await TestServer.run { server in
            for garbage in ["\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\r\n\r\n", "hello world\r\n\r\n", "GET\r\n\r\n"] {
                let raw = try await RawClient.connect(port: server.port)
                raw.send(garbage)
                #expect(try await raw.response().status == 400)
                await raw.waitForEnd()
            }
            let raw = try await RawClient.connect(port: server.port)
            raw.send("GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "a", count: 40_000))\r\n\r\n")
            #expect(try await raw.response().status == 431)
        }
    }

    @Test func compressionIsNotNegotiated() async throws {
        try await TestServer.run { server in
            let request = SocketClient.upgrade(extra: "Sec-WebSocket-Extensions: permessage-deflate\r\n")
            let answer = try await answer(server, to: request)
            #expect(answer.status == 101 && answer.headers["sec-websocket-extensions"] == nil)
        }
    }

    @Test func randomBytesEndNothingButTheirConnection() async throws {
        try await TestServer.run { server in
            let (bystander, _) = try await SocketClient.connect(server, as: server.register("ann"))
            for round in 0..<200 {
                let raw = try await RawClient.connect(port: server.port)
                if round % 2 == 0 {
                    raw.send(SocketClient.upgrade(encoding: round % 4 == 0 ? .json : .protobuf))
                    _ = try await raw.response()
                }
                raw.send((0..<300).map { _ in UInt8.random(in: 0...255) })
                try await raw.halfClose()
                await raw.waitForEnd()
            }
            #expect(try await bystander.isAlive())
        }
    }

    @Test func aHeadThatComesTooSlowlyIsNotWaitedFor() async throws {
        var timings = HeartbeatTimings()
        timings.head = .seconds(2)
        try await TestServer.run(timings: timings) { server in
            let silent = try await RawClient.connect(port: server.port)
            let slow = try await RawClient.connect(port: server.port)
            slow.send("GET /healthz HTTP/1.1\r\nHost:")
            await silent.waitForEnd()
            await slow.waitForEnd()
            // A connection whose head was complete stays.
            let raw = try await RawClient.connect(port: server.port)
            raw.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await raw.response().status == 200)
            let other = try await RawClient.connect(port: server.port)
            await other.waitForEnd()
            raw.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await raw.response().status == 200)
        }
    }

    @Test func bytesThatFollowTheUpgradeAtOnceAreNotLost() async throws {
        try await TestServer.run { server in
            let user = try await server.register("ann")
            let raw = try await RawClient.connect(port: server.port)
            let client = SocketClient(raw: raw, encoding: .json)
            let hello = WireClientFrame.with {
                $0.id = 9
                $0.hello.accessToken = user.token
                $0.hello.device.id = user.device.description
            }
            let ping = WireClientFrame.with {
                $0.id = 10
                $0.ping = .init()
            }
            raw.send(
                Array(SocketClient.upgrade().utf8)
                    + SocketClient.bytes(opcode: 1, try Encoding.json.encode(hello))
                    + SocketClient.bytes(opcode: 1, try Encoding.json.encode(ping)))
            #expect(try await raw.response().status == 101)
            let welcome = try await client.receive()
            #expect(welcome.replyTo == 9)
            #expect(welcome.ok.welcome.user.username == "ann")
            #expect(try await client.receive().replyTo == 10)
        }
    }

    @Test func anAddressHasSoManySocketsAndNoMore() async throws {
        try await TestServer.run(.with { $0.limits.socketsPerAddress = 2 }) { server in
            let first = try await SocketClient.open(server)
            let second = try await SocketClient.open(server)
            let refused = try await answer(server, to: SocketClient.upgrade())
            #expect(refused.status == 429)
            #expect(refused.headers["retry-after"] != nil)
            #expect(try error(refused).code == .rateLimited)
            first.raw.send(SocketClient.bytes(opcode: 8, [0x03, 0xE8]))
            #expect(try await first.closeCode() == 1000)
            _ = try await SocketClient.open(server)
            second.raw.close()
        }
    }
}
