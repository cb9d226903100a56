import Primitives
import SwiftProtobuf
import Testing
import Wire

@testable import Gateway

/// What frames may cost, and what happens to invalid ones.
@Suite(.timeLimit(.minutes(1))) struct HostileFrameTests {
    /// A command that a decoder would merge thousands of times, each time with a copy of a long list.
    static func merged(bytes: Int) -> [UInt8] {
        let list = [UInt8](repeating: 0x32, count: bytes / 2).enumerated().map { $0 % 2 == 0 ? $1 : 0 }
        var length: [UInt8] = []
        var rest = list.count
        while rest > 0x7F {
            length.append(UInt8(rest & 0x7F | 0x80))
            rest >>= 7
        }
        let again = [[UInt8]](repeating: [0x52, 0x02, 0x32, 0x00], count: bytes / 8).joined()
        return [0x08, 0x07, 0x52] + length + [UInt8(rest)] + list + again
    }

    @Test func aCommandThatIsMergedIsRefusedUndecoded() async throws {
        try await TestServer.run { server in
            let user = try await server.register("ann")
            let (client, _) = try await SocketClient.connect(server, as: user, encoding: .protobuf)
            client.send(message: Self.merged(bytes: 250_000))
            let answer = try await client.receive()
            #expect(answer.replyTo == 7 && answer.error.code == .invalid)
            #expect(answer.error.message == "A frame has one command at most.")
            #expect(try await client.isAlive())
        }
    }

    @Test func aStrangerMaySayHelloAndNoMore() async throws {
        try await TestServer.run { server in
            // A message longer than any hello is not even assembled.
            for encoding in Encoding.allCases {
                let client = try await SocketClient.open(server, encoding: encoding)
                client.send(message: [UInt8](repeating: 0x20, count: 16 * 1024 + 1))
                #expect(try await client.closeCode() == 1009)
            }
            let fragments = try await SocketClient.open(server)
            fragments.raw.send(SocketClient.bytes(opcode: 1, [UInt8](repeating: 0x20, count: 10_000), isFinal: false))
            fragments.raw.send(SocketClient.bytes(opcode: 0, [UInt8](repeating: 0x20, count: 10_000), isFinal: false))
            #expect(try await fragments.closeCode() == 1009)
            // A command is refused without being decoded: this one would be malformed.
            let client = try await SocketClient.open(server, encoding: .protobuf)
            client.send(message: Self.merged(bytes: 16_000))
            let answer = try await client.receive()
            #expect(answer.replyTo == 7 && answer.error.message == "The first frame must be hello.")
            #expect(try await client.closeCode() == 4500)
        }
    }

    @Test(arguments: Encoding.allCases) func aLongHelloHasRoom(encoding: Encoding) async throws {
        try await TestServer.run { server in
            let user = try await server.register("ann")
            let client = try await SocketClient.open(server, encoding: encoding)
            try client.send(
                1,
                .hello(
                    .with {
                        $0.accessToken = user.token
                        $0.device.id = user.device.description
                        $0.resume.token = String(repeating: "x", count: 15_000)
                    }))
            #expect(try await client.receive().ok.welcome.user.username == "ann")
            // And what follows may have any allowed length.
            try client.send(2, .sendMessage(.with { $0.body = String(repeating: "x", count: 200_000) }))
            #expect(try await client.receive().replyTo == 2)
        }
    }

    @Test func framesThatWaitForTheWelcomeAreLookedAtAfterIt() async throws {
        try await TestServer.run { server in
            let user = try await server.register("ann")
            let client = try await SocketClient.open(server)
            let hello = try Encoding.json.encode(
                WireClientFrame.with {
                    $0.id = 1
                    $0.hello.accessToken = user.token
                    $0.hello.device.id = user.device.description
                })
            let frames = [#"{"id":2,"ping":{},"ping":{}}"#, #"{"id":3,"ack":"9","ping":{}}"#]
            // In one segment, so that none of it is read after the welcome.
            client.raw.send(
                SocketClient.bytes(opcode: 1, hello)
                    + frames.flatMap { SocketClient.bytes(opcode: 1, Array($0.utf8)) })
            #expect(try await client.receive().ok.welcome.user.username == "ann")
            let malformed = try await client.receive()
            #expect(malformed.replyTo == 2 && malformed.error.code == .invalid)
            #expect(try await client.receive().replyTo == 3)
        }
    }

    @Test func malformedFramesAreAnsweredWithTheirID() async throws {
        try await TestServer.run { server in
            let (json, _) = try await SocketClient.connect(server, as: server.register("ann"))
            for text in [
                #"{"id":7,"sendMessage":{"body":"\ud83d"}}"#, #"{"sendMessage":{"body":"\ud83d"},"id":7}"#,
                #"{"future":"\ud83d","id":7,"ping":{}}"#, #"{"id":7,"future":1e400,"ping":{}}"#,
            ] {
                json.send(message: Array(text.utf8))
                let answer = try await json.receive()
                #expect(answer.replyTo == 7 && answer.error.code == .invalid, "\(text)")
            }
            #expect(try await json.isAlive())
            let (binary, _) = try await SocketClient.connect(server, as: server.register("ben"), encoding: .protobuf)
            // A message whose body is not UTF-8.
            binary.send(message: [0xC2, 0x02, 0x03, 0x22, 0x01, 0xC3, 0x08, 0x07])
            let answer = try await binary.receive()
            #expect(answer.replyTo == 7 && answer.error.code == .invalid)
            #expect(try await binary.isAlive())
        }
    }

    @Test func charactersOfEveryPlaneArriveAsTheyWereSent() async throws {
        try await TestServer.run { server in
            let (ann, ben) = (try await server.register("ann"), try await server.register("ben"))
            let (client, _) = try await SocketClient.connect(server, as: ann)
            let (other, _) = try await SocketClient.connect(server, as: ben, encoding: .protobuf)
            let request = RequestID.random(at: server.clock.now()).description
            let text =
                #"{"id":2,"sendMessage":{"userId":"\#(ben.id)","clientMessageId":"\#(request)","body":"\ud842\udfb7\ud83d\ude00"}}"#
            client.send(message: Array(text.utf8))
            #expect(try await client.receive().ok.message.body == "\u{20BB7}\u{1F600}")
            #expect(try await other.event().messageReceived.message.body == "\u{20BB7}\u{1F600}")
        }
    }

    @Test func bodiesOfRequestsKeepTheirCharactersOrAreRefused() async throws {
        try await TestServer.run { server in
            func register(_ body: String) async throws -> HTTPAnswer {
                let raw = try await RawClient.connect(port: server.port)
                defer { raw.close() }
                raw.send(
                    "POST /v1/accounts HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
                )
                return try await raw.response()
            }
            let device = DeviceID.random(at: server.clock.now())
            let rest = #""password":"correct horse","device":{"id":"\#(device)"}"#
            let made = try await register(#"{"username":"ann","displayName":"\ud842\udfb7",\#(rest)}"#)
            #expect(made.status == 201)
            let credentials = try Encoding.json.decode(WireCredentials.self, from: Array(made.body.utf8))
            #expect(credentials.user.displayName == "\u{20BB7}")
            for body in [
                #"{"username":"ben","displayName":"\ud842",\#(rest)}"#,
                #"{"username":"ben","future":"\udfb7",\#(rest)}"#,
                #"{"username":"ben","future":1e400,\#(rest)}"#, #"{"username":"ben","username":"ben",\#(rest)}"#,
                #"{"username":"ben","device":{},\#(rest)}"#,
            ] {
                let refused = try await register(body)
                #expect(refused.status == 400, "\(body)")
                #expect(try Encoding.json.decode(WireError.self, from: Array(refused.body.utf8)).code == .invalid)
            }
        }
    }
}
