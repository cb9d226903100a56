import NIOCore
import Primitives
import Testing
import Wire

@testable import Gateway

/// The echo, which shows conformance suites how every socket handles its frames.
@Suite(.timeLimit(.minutes(1))) struct EchoTests {
    /// Opens an echo.
    private func open(_ server: TestServer, receiveBuffer: Int? = nil) async throws -> SocketClient {
        let raw = try await RawClient.connect(port: server.port, receiveBuffer: receiveBuffer)
        raw.send(SocketClient.upgrade(path: "/v1/echo", encoding: nil))
        let answer = try await raw.response()
        try #require(answer.status == 101)
        #expect(answer.headers["sec-websocket-protocol"] == nil)
        return SocketClient(raw: raw, encoding: .json)
    }

    @Test func thereIsNoneUnlessItIsAskedFor() async throws {
        try await TestServer.run { server in
            let raw = try await RawClient.connect(port: server.port)
            raw.send(SocketClient.upgrade(path: "/v1/echo", encoding: nil))
            #expect(try await raw.response().status == 404)
        }
    }

    @Test func messagesComeBackAsWhatTheyWere() async throws {
        try await TestServer.run(.with { $0.echoes = true }) { server in
            let client = try await open(server)
            for opcode in [1, 2] as [UInt8] {
                for count in [0, 1, 125, 126, 65_535, 65_536] {
                    let bytes = [UInt8](repeating: 0x2A, count: count)
                    client.raw.send(SocketClient.bytes(opcode: opcode, bytes))
                    #expect(try await client.frame() == .init(opcode: opcode, payload: bytes))
                }
            }
            client.raw.send(SocketClient.bytes(opcode: 1, Array("a".utf8), isFinal: false))
            client.raw.send(SocketClient.bytes(opcode: 9, Array("ping".utf8)))
            client.raw.send(SocketClient.bytes(opcode: 0, Array("b".utf8)))
            #expect(try await client.frame() == .init(opcode: 10, payload: Array("ping".utf8)))
            #expect(try await client.frame() == .init(opcode: 1, payload: Array("ab".utf8)))
            client.raw.send(SocketClient.bytes(opcode: 1, [0xFF], isFinal: false))
            #expect(try await client.closeCode() == 1007)
        }
    }

    @Test func itsMessagesHaveALimitOfTheirOwn() async throws {
        try await TestServer.run(
            .with {
                $0.echoes = true
                $0.limits.echoBytes = 300 * 1024
            }
        ) { server in
            let client = try await open(server)
            let longest = [UInt8](repeating: 0x2A, count: 300 * 1024)
            client.raw.send(SocketClient.bytes(opcode: 2, longest))
            #expect(try await client.frame() == .init(opcode: 2, payload: longest))
            client.raw.send(SocketClient.bytes(opcode: 2, longest + [0x2A]))
            #expect(try await client.closeCode() == 1009)
            // Other sockets keep the usual limit, although the echo's is larger.
            let (other, _) = try await SocketClient.connect(server, as: server.register("ann"))
            other.raw.send(SocketClient.bytes(opcode: 1, [UInt8](repeating: 0x20, count: 257 * 1024)))
            #expect(try await other.closeCode() == 1009)
        }
    }

    @Test func aReaderThatIsSlowIsWaitedForAndGetsEverything() async throws {
        // On a slow machine all of it takes longer than a silence may last: a ping would be queued behind it, and so
        // would its answer.
        var timings = HeartbeatTimings()
        timings.ping = .seconds(3_600)
        try await TestServer.run(.with { $0.echoes = true }, timings: timings) { server in
            let client = try await open(server, receiveBuffer: 16 * 1024)
            try await client.raw.pauseReading()
            let count = 32
            let message = [UInt8](repeating: 0x2A, count: 256 * 1024)
            for _ in 0..<count { client.raw.send(SocketClient.bytes(opcode: 2, message)) }
            // The server still reads what others send.
            let (bystander, _) = try await SocketClient.connect(server, as: server.register("ann"))
            #expect(try await bystander.isAlive())
            try await client.raw.resumeReading()
            for _ in 0..<count { #expect(try await client.frame() == .init(opcode: 2, payload: message)) }
        }
    }

    @Test func nobodyIsHeldToAHello() async throws {
        var timings = HeartbeatTimings()
        timings.hello = .milliseconds(1)
        timings.ping = .milliseconds(500)
        try await TestServer.run(.with { $0.echoes = true }, timings: timings) { server in
            let client = try await open(server)
            // The first ping comes after the deadline for hello; `frame` answers it.
            let ping = try await client.raw.read { buffer in buffer.readInteger(as: UInt16.self) }
            #expect(ping == 0x8900)
            client.raw.send(SocketClient.bytes(opcode: 10, []))
            client.raw.send(SocketClient.bytes(opcode: 1, Array("still here".utf8)))
            #expect(try await client.frame().payload == Array("still here".utf8))
        }
    }

    @Test func theServersEndClosesIt() async throws {
        try await TestServer.run(.with { $0.echoes = true }) { server in
            let client = try await open(server)
            async let stopped: Void = server.stop()
            #expect(try await client.closeCode() == 4000)
            await stopped
        }
    }
}
