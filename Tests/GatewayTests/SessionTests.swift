import Accounts
import Logging
import Messaging
import NIOCore
import NIOEmbedded
import NIOWebSocket
import Primitives
import Storage
import SwiftProtobuf
import Testing
import Wire

@testable import Delivery
@testable import Gateway

/// Hello, welcome, and how a session ends.
@Suite(.timeLimit(.minutes(1))) struct SessionTests {
    @Test(arguments: Encoding.allCases) func helloIsAnsweredWithAllThatAClientNeeds(encoding: Encoding) async throws {
        let servers = [IceServer(urls: ["stun:stun.example:3478"], username: "u", credential: Redacted("c"))]
        try await TestServer.run(.with { $0.iceServers = servers }) { server in
            let user = try await server.register("ann")
            let (client, welcome) = try await SocketClient.connect(server, as: user, encoding: encoding)
            #expect(welcome.user.id == user.id.description)
            #expect(welcome.user.displayName == "Ann")
            #expect(welcome.sessionID == user.credentials.session.description)
            #expect(!welcome.recovered)
            #expect(welcome.resumeToken.count == 32 && welcome.resumeLifetimeMs == 60_000)
            #expect(welcome.pingIntervalMs == 25_000)
            #expect(welcome.features == ["direct_calls", "group_calls", "messages", "screen_share"])
            #expect(welcome.limits.frameBytes == 262_144 && welcome.limits.messageBytes == 16_384)
            #expect(welcome.limits.descriptionBytes == 65_536 && welcome.limits.candidateBytes == 2048)
            #expect(welcome.limits.commandsPerSecond == 100 && welcome.limits.invitesPerMinute == 30)
            #expect(welcome.calls.isEmpty)
            #expect(welcome.iceServers.first?.urls == ["stun:stun.example:3478"])
            #expect(welcome.serverTime.nanos % 1_000_000 == 0)
            #expect(try await client.isAlive())
        }
    }

    @Test func aSessionThatEndsWithoutThisServerIsFoundByTheAudit() async throws {
        try await TestServer.run { server in
            let user = try await server.register("ann")
            let (client, _) = try await SocketClient.connect(server, as: user)
            let (bystander, _) = try await SocketClient.connect(server, as: server.register("ben"))
            // As `ringback user suspend` does, in a separate process.
            _ = try await server.database.commit(
                WriteUnit([Step(.setUserBlocked, [.id(user.id), .boolean(true), .instant(server.clock.now())])]))
            await SessionAudit(registry: server.registry, accounts: server.accounts, logger: .init(label: "test"))
                .look()
            #expect(try await client.closeCode() == 4502)
            #expect(try await bystander.isAlive())
        }
    }

    @Test func aCommandBeforeHelloIsRefused() async throws {
        try await TestServer.run { server in
            let client = try await SocketClient.open(server)
            try client.send(3, .ping(.init()))
            let answer = try await client.receive()
            #expect(answer.replyTo == 3 && answer.error.code == .invalid)
            #expect(try await client.closeCode() == 4500)
        }
    }

    @Test func aSecondHelloIsAnErrorAndNoMore() async throws {
        try await TestServer.run { server in
            let user = try await server.register("ann")
            let (client, _) = try await SocketClient.connect(server, as: user)
            client.hello(user, id: 2)
            let answer = try await client.receive()
            #expect(answer.replyTo == 2 && answer.error.code == .invalid)
            #expect(try await client.isAlive())
        }
    }

    @Test func whoSaysNothingIsNotWaitedFor() async throws {
        var timings = HeartbeatTimings()
        timings.hello = .milliseconds(300)
        try await TestServer.run(timings: timings) { server in
            let client = try await SocketClient.open(server)
            #expect(try await client.closeCode() == 4003)
        }
    }

    @Test func aTokenThatIsNotInForceOpensNothing() async throws {
        try await TestServer.run { server in
            let user = try await server.register("ann")
            func refused(_ token: String) async throws {
                let client = try await SocketClient.open(server)
                client.hello(user, id: 7, token: token)
                let answer = try await client.receive()
                #expect(answer.replyTo == 7 && answer.error.code == .unauthenticated)
                #expect(!answer.error.retryable)
                #expect(try await client.closeCode() == 4501)
            }
            try await refused("")
            try await refused("nonsense")
            try await refused(user.token + "x")
            // The signature belongs to another token.
            let parts = user.token.split(separator: ".")
            try await refused("\(parts[0]).\(parts[1]).\(String(parts[2].reversed()))")
            let (client, _) = try await SocketClient.connect(server, as: user)
            try await server.accounts.logOut(try await server.accounts.authenticate(user.credentials.accessToken))
            #expect(try await client.closeCode() == 4502)
            try await refused(user.token)
            let again = try await server.logIn("ann")
            server.clock.advance(.seconds(3600))
            let late = try await SocketClient.open(server)
            late.hello(again)
            #expect(try await late.receive().error.code == .unauthenticated)
            #expect(try await late.closeCode() == 4501)
        }
    }

    @Test func theDeviceIsTheOneOfTheSession() async throws {
        try await TestServer.run { server in
            let user = try await server.register("ann")
            let wrong = try await SocketClient.open(server)
            wrong.hello(user, device: DeviceID.random(at: server.clock.now()).description)
            #expect(try await wrong.receive().error.code == .forbidden)
            #expect(try await wrong.closeCode() == 4501)
            let nonsense = try await SocketClient.open(server)
            nonsense.hello(user, device: "my phone")
            #expect(try await nonsense.receive().error.code == .invalid)
            #expect(try await nonsense.closeCode() == 4500)
        }
    }

    @Test func aNewerSocketOfTheSameDeviceTakesThePlaceOfTheOlder() async throws {
        try await TestServer.run { server in
            let user = try await server.register("ann")
            let (older, _) = try await SocketClient.connect(server, as: user)
            let (newer, _) = try await SocketClient.connect(server, as: user)
            #expect(try await older.closeCode() == 4503)
            #expect(try await newer.isAlive())
            #expect(server.registry.connectedDevices(of: user.id) == [user.device])
        }
    }

    @Test func aUserHasSoManyDevicesAndNoMore() async throws {
        try await TestServer.run(.with { $0.limits.socketsPerUser = 2 }) { server in
            let first = try await server.register("ann")
            let second = try await server.logIn("ann")
            let third = try await server.logIn("ann")
            _ = try await SocketClient.connect(server, as: first)
            let (client, _) = try await SocketClient.connect(server, as: second)
            let refused = try await SocketClient.open(server)
            refused.hello(third)
            #expect(try await refused.receive().error.code == .rateLimited)
            #expect(try await refused.closeCode() == 4504)
            // The same device again does not count as another one.
            _ = try await SocketClient.connect(server, as: first)
            #expect(try await client.isAlive())
        }
    }

    @Test(arguments: Encoding.allCases) func malformedFramesAreAnsweredTenTimes(encoding: Encoding) async throws {
        try await TestServer.run { server in
            let (client, _) = try await SocketClient.connect(server, as: server.register("ann"), encoding: encoding)
            for _ in 0..<10 {
                client.send(message: Array("{\"id\":".utf8))
                let answer = try await client.receive()
                #expect(answer.replyTo == 0 && answer.seq == 0 && answer.error.code == .invalid)
            }
            #expect(try await client.closeCode() == 4500)
        }
    }

    @Test func aCommandFromTheFutureIsUnsupported() async throws {
        try await TestServer.run { server in
            let (client, _) = try await SocketClient.connect(server, as: server.register("ann"))
            client.send(message: Array(#"{"id":12,"callTeleport":{"where":"home"}}"#.utf8))
            let answer = try await client.receive()
            #expect(answer.replyTo == 12 && answer.error.code == .unsupported)
            #expect(try await client.isAlive())
        }
    }

    @Test func tooManyFramesBeforeTheWelcomeAreTooMany() async throws {
        try await TestServer.run { server in
            let user = try await server.register("ann")
            let client = try await SocketClient.open(server)
            let hello = try Encoding.json.encode(
                WireClientFrame.with {
                    $0.hello.accessToken = user.token
                    $0.hello.device.id = user.device.description
                })
            let ping = SocketClient.bytes(opcode: 1, Array(#"{"id":1,"ping":{}}"#.utf8))
            // In one segment, so that none of it is read after the welcome.
            client.raw.send(SocketClient.bytes(opcode: 1, hello) + (0..<33).flatMap { _ in ping })
            #expect(try await client.closeCode() == 4500)
        }
    }

    @Test func aThousandCommandsInASecondAreTooMany() async throws {
        // A slow rate, so that the figures are also right on a machine that takes longer than a second.
        try await TestServer.run(.with { $0.limits.commandsPerSecond = 1 }) { server in
            let (client, _) = try await SocketClient.connect(server, as: server.register("ann"))
            let (bystander, _) = try await SocketClient.connect(server, as: server.register("ben"))
            let call = CallID.random(at: server.clock.now()).description
            let user = UserID.random(at: server.clock.now()).description
            for id in 1...1000 as ClosedRange<UInt32> {
                try client.send(
                    id,
                    .sendCandidate(
                        .with {
                            $0.callID = call
                            $0.userID = user
                        }))
            }
            var limited = 0
            for _ in 0..<1000 {
                let answer = try await client.receive()
                if answer.error.code == .rateLimited {
                    limited += 1
                    #expect(answer.error.retryable && answer.error.retryAfterMs > 0)
                } else {
                    #expect(answer.error.code == .notFound)
                }
            }
            #expect((700...800).contains(limited))
            #expect(try await bystander.isAlive())
        }
    }

    @Test func whoGoesOnAllTheSameIsClosed() async throws {
        try await TestServer.run(.with { ($0.limits.refusals, $0.limits.commandsPerSecond) = (50, 1) }) { server in
            let (client, _) = try await SocketClient.connect(server, as: server.register("ann"))
            for id in 1...1000 as ClosedRange<UInt32> { try client.send(id, .callFetch(.init())) }
            #expect(try await client.closeCode() == 4505)
        }
    }

    @Test func aClientThatVanishesIsGivenUp() async throws {
        var timings = HeartbeatTimings()
        timings.ping = .milliseconds(300)
        timings.answer = .seconds(2)
        try await TestServer.run(timings: timings) { server in
            let (vanished, _) = try await SocketClient.connect(server, as: server.register("ann"))
            let ben = try await server.register("ben")
            let (answering, _) = try await SocketClient.connect(server, as: ben)
            // One answers the pings that come; the other one only waits for its end.
            let watch = Task { try? await answering.frame() }
            #expect(try await closeCode(unanswered: vanished) == 4001)
            #expect(server.registry.connectedDevices(of: ben.id) == [ben.device])
            answering.raw.close()
            _ = await watch.value
        }
    }

    /// Waits for the close frame and answers nothing.
    private func closeCode(unanswered client: SocketClient) async throws -> UInt16? {
        try await client.raw.read { buffer in
            let bytes = Array(buffer.readableBytesView)
            guard let start = bytes.firstIndex(of: 0x88), bytes.count >= start + 4 else { return nil }
            return UInt16(bytes[start + 2]) << 8 | UInt16(bytes[start + 3])
        }
    }

    @Test func aShutdownTellsEverySocket() async throws {
        try await TestServer.run { server in
            let (client, _) = try await SocketClient.connect(server, as: server.register("ann"))
            let waiting = try await SocketClient.open(server)
            let idle = try await RawClient.connect(port: server.port)
            await server.stop()
            #expect(try await client.closeCode() == 4000)
            #expect(try await waiting.closeCode() == 4000)
            await idle.waitForEnd()
        }
    }

    @Test func aShutdownDoesNotWaitForABodyThatNeverComes() async throws {
        var timings = HeartbeatTimings()
        timings.close = .milliseconds(300)
        try await TestServer.run(timings: timings) { server in
            let raw = try await RawClient.connect(port: server.port)
            raw.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await raw.response().status == 200)
            raw.send("POST /v1/accounts HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
            let silent = try await SocketClient.open(server)
            await server.stop()
            await raw.waitForEnd()
            // A client that does not answer the close frame is not waited for.
            await silent.raw.waitForEnd()
        }
    }

    @Test func whoIsSuspendedIsOut() async throws {
        try await TestServer.run { server in
            let user = try await server.register("ann")
            let (client, _) = try await SocketClient.connect(server, as: user)
            try await server.accounts.suspend(username: "ann")
            #expect(try await client.closeCode() == 4502)
            let again = try await SocketClient.open(server)
            again.hello(user)
            #expect([.forbidden, .unauthenticated].contains(try await again.receive().error.code))
            #expect(try await again.closeCode() == 4501)
        }
    }

    @Test func withoutADatabaseNobodyIsLetInButToldToComeBack() async throws {
        try await TestServer.run { server in
            let user = try await server.register("ann")
            let (open, _) = try await SocketClient.connect(server, as: user)
            await server.database.close()
            let client = try await SocketClient.open(server)
            client.hello(user)
            let answer = try await client.receive()
            #expect(answer.error.code == .unavailable && answer.error.retryable && answer.error.retryAfterMs > 0)
            #expect(try await client.closeCode() == 4004)
            // Connected clients stay, and are told what cannot be done.
            let sent = try await open.ask(
                2,
                .sendMessage(
                    .with {
                        $0.clientMessageID = RequestID.random(at: server.clock.now()).description
                        $0.conversationID = RequestID.random(at: server.clock.now()).description
                        $0.body = "hello"
                    }))
            #expect(sent.error.code == .unavailable && sent.error.retryable)
        }
    }

    @Test func whoDoesNotReadIsNotReadFrom() async throws {
        try await TestServer.run { server in
            let reads = ReadCounter()
            let channel = EmbeddedChannel()
            let connection = Connection(
                channel: channel, wheel: HeartbeatWheel(eventLoop: channel.embeddedEventLoop), timings: .init())
            let handler = SocketHandler(
                services: server.gateway.services, purpose: .session(.json), connection: connection)
            try channel.pipeline.syncOperations.addHandlers([reads, handler])
            channel.read()
            #expect(reads.count == 1)
            channel.isWritable = false
            channel.pipeline.fireChannelWritabilityChanged()
            channel.read()
            #expect(reads.count == 1)
            channel.isWritable = true
            channel.pipeline.fireChannelWritabilityChanged()
            #expect(reads.count == 2)
            _ = try channel.finish()
        }
    }

    @Test func aSocketThatMuchWaitsForLetsOthersHaveTheirTurn() async throws {
        try await TestServer.run { server in
            let user = try await server.register("ann")
            let channel = EmbeddedChannel()
            let connection = Connection(
                channel: channel, wheel: HeartbeatWheel(eventLoop: channel.embeddedEventLoop), timings: .init())
            let handler = SocketHandler(
                services: server.gateway.services, purpose: .session(.json), connection: connection)
            try channel.pipeline.syncOperations.addHandler(handler)
            handler.session = .open(try await server.accounts.authenticate(Redacted(user.token)))
            let port = try #require(handler.port)
            // As much as a call of a hundred people that changes thirty times.
            let event = try EncodedEvent(
                .with { $0.messageReceived.message.body = String(repeating: "x", count: 20_000) }, as: .json)
            for seq in 1...30 as ClosedRange<UInt64> {
                if port.enqueue(NumberedEvent(seq: seq, event: event)) { port.wake() }
            }
            var sent: [WebSocketFrame] = []
            func drain() throws {
                while let frame = try channel.readOutbound(as: WebSocketFrame.self) { sent.append(frame) }
            }
            channel.embeddedEventLoop.run()
            try drain()
            #expect((10...16).contains(sent.count))
            channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
            try drain()
            #expect((20...29).contains(sent.count))
            // Events that come meanwhile follow those that wait.
            #expect(!port.enqueue(NumberedEvent(seq: 31, event: event)))
            channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
            try drain()
            let seqs = try sent.map { frame in
                try Encoding.json.decode(WireServerFrame.self, from: Array(frame.data.readableBytesView)).seq
            }
            #expect(seqs == Array(1...31))
            #expect(port.enqueue(NumberedEvent(seq: 32, event: event)))
            _ = try? channel.finish()
        }
    }

    private final class ReadCounter: ChannelOutboundHandler {
        typealias OutboundIn = Never
        var count = 0

        func read(context: ChannelHandlerContext) {
            count += 1
            context.read()
        }
    }

    @Test func aReaderThatFallsTooFarBehindIsClosed() async throws {
        // On a slow machine it takes a while until the reader reaches the close frame.
        var timings = HeartbeatTimings()
        timings.close = .seconds(3_600)
        try await TestServer.run(timings: timings) { server in
            let ann = try await server.register("ann")
            let ben = try await server.register("ben")
            let (slow, _) = try await SocketClient.connect(server, as: ann, receiveBuffer: 4096)
            let (bystander, _) = try await SocketClient.connect(server, as: ben)
            try await slow.raw.pauseReading()
            let conversation = try await server.messaging.directConversation(between: ann.id, and: ben.id)
            // More than the kernel's buffers and the limit together; sent as the messaging service does.
            for seq in 1...1200 as ClosedRange<Int64> {
                server.registry.deliver(
                    .init(
                        id: .random(at: server.clock.now()), conversation: conversation.id, seq: seq, sender: ben.id,
                        clientMessageID: .random(at: server.clock.now()), type: .text,
                        body: Redacted(String(repeating: "x", count: 16_000)), createdAt: server.clock.now()),
                    to: [.user(ann.id)])
            }
            try await wait(while: { !server.registry.connectedDevices(of: ann.id).isEmpty })
            #expect(try await bystander.isAlive())
            try await slow.raw.resumeReading()
            var last: UInt64 = 0
            while true {
                let frame = try await slow.frame()
                if let code = frame.closeCode {
                    #expect(code == 4002)
                    break
                }
                // What arrived is complete and in order.
                let decoded = try slow.encoding.decode(WireServerFrame.self, from: frame.payload)
                #expect(decoded.seq == last + 1)
                last = decoded.seq
            }
            #expect(last > 0 && last < 1200)
        }
    }
}
