import Primitives
import SwiftProtobuf
import Testing
import Wire

@testable import Delivery
@testable import Gateway

/// What a socket does with frames that violate RFC 6455, while another socket notices nothing.
@Suite(.timeLimit(.minutes(1))) struct FrameTests {
    /// Connects two users, does something to the first one's socket, and checks whether the second one's still works.
    private func withTwo(
        encoding: Encoding = .json, _ body: (SocketClient) async throws -> Void
    ) async throws {
        try await TestServer.run { server in
            let (client, _) = try await SocketClient.connect(server, as: server.register("ann"), encoding: encoding)
            let (bystander, _) = try await SocketClient.connect(server, as: server.register("ben"))
            try await body(client)
            #expect(try await bystander.isAlive())
        }
    }

    @Test func anUnmaskedFrameIsAProtocolError() async throws {
        try await withTwo { (client) async throws in
            client.raw.send(SocketClient.bytes(opcode: 1, Array("{}".utf8), isMasked: false))
            #expect(try await client.closeCode() == 1002)
        }
    }

    @Test(arguments: [1, 2, 4] as [UInt8]) func aReservedBitIsAProtocolError(bit: UInt8) async throws {
        try await withTwo { (client) async throws in
            client.raw.send(SocketClient.bytes(opcode: 1, Array("{}".utf8), reserved: bit))
            #expect(try await client.closeCode() == 1002)
        }
    }

    @Test(arguments: [3, 7, 11, 15] as [UInt8]) func anUnknownOpcodeIsAProtocolError(opcode: UInt8) async throws {
        try await withTwo { (client) async throws in
            client.raw.send(SocketClient.bytes(opcode: opcode, []))
            #expect(try await client.closeCode() == 1002)
        }
    }

    @Test func aLongOrFragmentedControlFrameIsAProtocolError() async throws {
        try await withTwo { (client) async throws in
            client.raw.send(SocketClient.bytes(opcode: 9, [UInt8](repeating: 0, count: 126)))
            #expect(try await client.closeCode() == 1002)
        }
        try await withTwo { (client) async throws in
            client.raw.send(SocketClient.bytes(opcode: 9, [], isFinal: false))
            #expect(try await client.closeCode() == 1002)
        }
    }

    @Test func aContinuationOfNothingIsAProtocolError() async throws {
        try await withTwo { (client) async throws in
            client.raw.send(SocketClient.bytes(opcode: 0, Array("{}".utf8)))
            #expect(try await client.closeCode() == 1002)
        }
    }

    @Test func aMessageThatIsTooBigIsRefused() async throws {
        try await withTwo { (client) async throws in
            client.raw.send(SocketClient.bytes(opcode: 1, [UInt8](repeating: 0x20, count: 300 * 1024)))
            #expect(try await client.closeCode() == 1009)
        }
        try await withTwo { (client) async throws in
            let piece = [UInt8](repeating: 0x20, count: 100 * 1024)
            client.raw.send(SocketClient.bytes(opcode: 1, piece, isFinal: false))
            client.raw.send(SocketClient.bytes(opcode: 0, piece, isFinal: false))
            client.raw.send(SocketClient.bytes(opcode: 0, piece))
            #expect(try await client.closeCode() == 1009)
        }
        // The maximum length, and one that is not allowed (RFC 6455 §5.2).
        for (first, code) in [(0x7F, 1009), (0xFF, 1002), (0x80, 1002)] as [(UInt8, UInt16)] {
            try await withTwo { (client) async throws in
                client.raw.send([0x81, 0xFF, first] + [UInt8](repeating: 0xFF, count: 7) + [0, 0, 0, 0])
                #expect(try await client.closeCode() == code)
            }
        }
    }

    @Test func aLengthThatTakesMoreBytesThanItNeedsIsAProtocolError() async throws {
        for length in [
            [0xFE, 0, 2], [0xFE, 0, 125], [0xFE, 0, 0], [0xFF, 0, 0, 0, 0, 0, 0, 0, 2],
            [0xFF, 0, 0, 0, 0, 0, 0, 0, 125], [0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF],
        ] as [[UInt8]] {
            let count = length.suffix(2).reduce(0) { $0 << 8 | Int($1) }
            let payload = Array("{}".utf8) + [UInt8](repeating: 0x20, count: max(0, count - 2))
            try await withTwo { (client) async throws in
                // A mask of zeros leaves the payload as it is. A valid ping comes before it, and its pong arrives.
                client.raw.send(SocketClient.bytes(opcode: 9, [7]))
                client.raw.send([0x81] + length + [0, 0, 0, 0] + payload.prefix(count))
                #expect(try await client.frame() == .init(opcode: 10, payload: [7]), "\(length)")
                #expect(try await client.closeCode() == 1002, "\(length)")
            }
        }
    }

    @Test func theWrongKindOfMessageIsRefused() async throws {
        try await withTwo(encoding: .json) { (client) async throws in
            client.raw.send(SocketClient.bytes(opcode: 2, [0x08, 0x01]))
            #expect(try await client.closeCode() == 1003)
        }
        try await withTwo(encoding: .protobuf) { (client) async throws in
            client.raw.send(SocketClient.bytes(opcode: 1, Array("{}".utf8)))
            #expect(try await client.closeCode() == 1003)
        }
    }

    @Test func textThatIsNotUTF8IsRefused() async throws {
        try await withTwo { (client) async throws in
            client.raw.send(SocketClient.bytes(opcode: 1, [0x7B, 0xC3, 0x28, 0x7D]))
            #expect(try await client.closeCode() == 1007)
        }
    }

    @Test func aFragmentedMessageWithAPingBetweenIsOneMessage() async throws {
        try await withTwo { (client) async throws in
            // The é is split.
            let message = try Encoding.json.encode(
                WireClientFrame.with {
                    $0.id = 5
                    $0.callFetch.callID = "é"
                })
            let cut = (message.firstIndex(of: 0xC3) ?? 0) + 1
            client.raw.send(SocketClient.bytes(opcode: 1, Array(message[..<cut]), isFinal: false))
            client.raw.send(SocketClient.bytes(opcode: 9, Array("between".utf8)))
            let pong = try await client.frame()
            #expect(pong == .init(opcode: 10, payload: Array("between".utf8)))
            client.raw.send(SocketClient.bytes(opcode: 0, Array(message[cut...])))
            let answer = try await client.receive()
            #expect(answer.replyTo == 5)
            #expect(answer.error.code == .invalid)
        }
    }

    @Test func aCloseFrameIsConfirmed() async throws {
        try await withTwo { (client) async throws in
            client.raw.send(SocketClient.bytes(opcode: 8, [0x0F, 0xA0]))
            #expect(try await client.closeCode() == 4000)
        }
        try await withTwo { (client) async throws in
            client.raw.send(SocketClient.bytes(opcode: 8, []))
            #expect(try await client.frame() == .init(opcode: 8, payload: []))
            await client.raw.waitForEnd()
        }
        // 1005 may not be sent, and half a code is not valid.
        for payload in [[0x03, 0xED], [0x03]] as [[UInt8]] {
            try await withTwo { (client) async throws in
                client.raw.send(SocketClient.bytes(opcode: 8, payload))
                #expect(try await client.closeCode() == 1002)
            }
        }
    }

    @Test func aFloodOfPingsIsClosedBeforeItCosts() async throws {
        try await withTwo { (client) async throws in
            let ping = SocketClient.bytes(opcode: 9, [])
            client.raw.send(Array([[UInt8]](repeating: ping, count: 20_000).joined()))
            #expect(try await client.closeCode() == 4505)
        }
    }

    @Test func aHalfClosedConnectionIsClosed() async throws {
        // The heartbeat would close it, too, at some time.
        var timings = HeartbeatTimings()
        timings.ping = .seconds(600)
        try await TestServer.run(timings: timings) { server in
            let (client, _) = try await SocketClient.connect(server, as: server.register("ann"))
            #expect(server.registry.count == 1)
            try await client.raw.halfClose()
            await client.raw.waitForEnd()
            // The server's side of the end may still be on its way through the pipeline.
            try await wait(while: { server.registry.count != 0 })
        }
    }
}
