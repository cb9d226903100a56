import NIOCore
import NIOSSL
import Primitives
import SwiftProtobuf
import Testing
import Wire

/// A client of the socket protocol over a raw connection.
final class SocketClient: Sendable {
    /// A frame of the server's.
    struct Frame: Equatable {
        var opcode: UInt8
        var payload: [UInt8]

        /// The code of a close frame.
        var closeCode: UInt16? {
            guard opcode == 8, payload.count >= 2 else { return nil }
            return UInt16(payload[0]) << 8 | UInt16(payload[1])
        }
    }

    let raw: RawClient
    let encoding: Encoding

    init(raw: RawClient, encoding: Encoding) {
        self.raw = raw
        self.encoding = encoding
    }

    static let key = "dGhlIHNhbXBsZSBub25jZQ=="

    /// The request for a socket.
    static func upgrade(
        path: String = "/v1/socket", method: String = "GET", version: String = "13", encoding: Encoding? = .json,
        extra: String = ""
    ) -> String {
        let protocols = encoding.map { "Sec-WebSocket-Protocol: \($0.subprotocol)\r\n" } ?? ""
        return "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Version: \(version)\r\nSec-WebSocket-Key: \(key)\r\n\(protocols)\(extra)\r\n"
    }

    /// Opens a socket and sends nothing.
    static func open(
        _ server: TestServer, encoding: Encoding = .json, tls: NIOSSLContext? = nil, receiveBuffer: Int? = nil
    ) async throws -> SocketClient {
        let raw = try await RawClient.connect(port: server.port, tls: tls, receiveBuffer: receiveBuffer)
        raw.send(upgrade(encoding: encoding))
        let answer = try await raw.response()
        try #require(answer.status == 101)
        #expect(answer.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(answer.headers["sec-websocket-protocol"] == encoding.subprotocol)
        return SocketClient(raw: raw, encoding: encoding)
    }

    /// Opens a socket and is admitted.
    static func connect(
        _ server: TestServer, as user: TestUser, encoding: Encoding = .json, receiveBuffer: Int? = nil,
        resume: WireResume? = nil
    ) async throws -> (client: SocketClient, welcome: WireWelcome) {
        let client = try await open(server, encoding: encoding, receiveBuffer: receiveBuffer)
        client.hello(user, resume: resume)
        let frame = try await client.receive()
        guard case .welcome(let welcome)? = frame.ok.result else {
            Issue.record("no welcome but \(frame)")
            throw RawClient.Ended()
        }
        #expect(frame.replyTo == 1)
        return (client, welcome)
    }

    // MARK: Frames

    /// The bytes of a frame, masked as a client's are.
    static func bytes(
        opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true, reserved: UInt8 = 0, isMasked: Bool = true
    ) -> [UInt8] {
        var bytes: [UInt8] = [(isFinal ? 0x80 : 0) | reserved << 4 | opcode]
        let mask: [UInt8] = isMasked ? [0x12, 0x34, 0x56, 0x78] : []
        let flag: UInt8 = isMasked ? 0x80 : 0
        switch payload.count {
        case ..<126: bytes.append(flag | UInt8(payload.count))
        case ..<65_536: bytes += [flag | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default:
            bytes.append(flag | 127)
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: payload.count >> shift))
            }
        }
        bytes += mask
        bytes += isMasked ? payload.enumerated().map { $1 ^ mask[$0 % 4] } : payload
        return bytes
    }

    /// The opcode of this encoding's messages.
    var opcode: UInt8 { encoding == .json ? 1 : 2 }

    /// Sends the bytes of a message.
    func send(message: [UInt8]) { raw.send(Self.bytes(opcode: opcode, message)) }

    /// Sends a frame of the protocol.
    func send(_ frame: WireClientFrame) throws { send(message: try encoding.encode(frame)) }

    /// Sends a command.
    func send(_ id: UInt32, _ command: WireClientFrame.OneOf_Command) throws {
        try send(
            .with {
                $0.id = id
                $0.command = command
            })
    }

    /// Says hello.
    func hello(
        _ user: TestUser, id: UInt32 = 1, token: String? = nil, device: String? = nil, resume: WireResume? = nil
    ) {
        try? send(
            id,
            .hello(
                .with {
                    $0.accessToken = token ?? user.token
                    $0.device.id = device ?? user.device.description
                    $0.device.name = "Test"
                    if let resume { $0.resume = resume }
                }))
    }

    /// The next frame, of any kind; pings of the server are answered and skipped.
    func frame() async throws -> Frame {
        while true {
            let frame = try await raw.read { buffer -> Frame? in
                guard let head = buffer.getInteger(at: buffer.readerIndex, as: UInt16.self) else { return nil }
                #expect(head & 0x0080 == 0, "the server masks")
                var index = buffer.readerIndex + 2
                var length = Int(head & 0x7F)
                if length == 126 {
                    guard let word = buffer.getInteger(at: index, as: UInt16.self) else { return nil }
                    length = Int(word)
                    index += 2
                } else if length == 127 {
                    guard let word = buffer.getInteger(at: index, as: UInt64.self) else { return nil }
                    length = Int(word)
                    index += 8
                }
                guard let payload = buffer.getBytes(at: index, length: length) else { return nil }
                buffer.moveReaderIndex(to: index + length)
                return Frame(opcode: UInt8(head >> 8 & 0x0F), payload: payload)
            }
            guard frame.opcode == 9 else { return frame }
            raw.send(Self.bytes(opcode: 10, frame.payload))
        }
    }

    /// The next message.
    func receive() async throws -> WireServerFrame {
        let frame = try await frame()
        guard frame.opcode == opcode else {
            Issue.record("a frame of kind \(frame.opcode), close code \(frame.closeCode ?? 0)")
            throw RawClient.Ended()
        }
        return try encoding.decode(WireServerFrame.self, from: frame.payload)
    }

    /// Sends a command and waits for its answer; events before it are discarded.
    func ask(_ id: UInt32, _ command: WireClientFrame.OneOf_Command) async throws -> WireServerFrame {
        try send(id, command)
        while true {
            let frame = try await receive()
            if frame.replyTo == id { return frame }
            if case .event = frame.body { continue }
            return frame
        }
    }

    /// The next event; answers are not expected.
    func event() async throws -> WireEvent {
        let frame = try await receive()
        guard case .event(let event) = frame.body else {
            Issue.record("no event but \(frame)")
            throw RawClient.Ended()
        }
        return event
    }

    /// Waits for the close frame and then for the end of the connection; messages before it are discarded.
    func closeCode() async throws -> UInt16? {
        while true {
            let frame = try await frame()
            guard frame.opcode == 8 else { continue }
            raw.send(Self.bytes(opcode: 8, Array(frame.payload.prefix(2))))
            await raw.waitForEnd()
            return frame.closeCode
        }
    }

    /// Whether the socket still answers.
    func isAlive() async throws -> Bool {
        let answer = try await ask(4_000_000_000, .ping(.init()))
        if case .pong? = answer.ok.result { return true }
        return false
    }
}
