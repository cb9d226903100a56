import Glibc
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL

/// A TCP connection that sends any bytes a test wants and shows any bytes that come back.
final class RawClient: Sendable {
    struct Ended: Error {}

    private let channel: any Channel
    private let inbox: Inbox

    private init(channel: any Channel, inbox: Inbox) {
        self.channel = channel
        self.inbox = inbox
    }

    /// Connects to a server on this machine.
    /// - Parameters:
    ///   - tls: The context for TLS; plain text when nil.
    ///   - receiveBuffer: The size of the kernel's buffer, for a slow reader.
    ///   - address: This machine's address to connect from.
    static func connect(
        port: Int, tls: NIOSSLContext? = nil, receiveBuffer: Int? = nil, from address: String? = nil
    ) async throws -> RawClient {
        let inbox = Inbox()
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        let handler = try NIOSSLClientHandler(context: tls, serverHostname: "localhost")
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                    try channel.pipeline.syncOperations.addHandler(Collector(inbox: inbox))
                }
            }
        if let receiveBuffer {
            bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: .init(receiveBuffer))
        }
        if let address { bootstrap = bootstrap.bind(to: try SocketAddress(ipAddress: address, port: 0)) }
        return RawClient(channel: try await bootstrap.connect(host: "127.0.0.1", port: port).get(), inbox: inbox)
    }

    /// Sends bytes. They are lost if the connection is gone, as in the network.
    func send(_ bytes: [UInt8]) {
        channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
    }

    /// Sends a text.
    func send(_ text: String) { send(Array(text.utf8)) }

    /// Sends a text and aborts the connection at once, with RST instead of FIN.
    func sendAndReset(_ text: String) async throws {
        if let options = channel as? any SocketOptionProvider {
            try await options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        }
        try await channel.writeAndFlush(ByteBuffer(string: text))
        try? await channel.close()
    }

    /// Stops reading until `resumeReading()`.
    func pauseReading() async throws { try await channel.setOption(.autoRead, value: false).get() }

    /// Reads again.
    func resumeReading() async throws {
        try await channel.setOption(.autoRead, value: true).get()
        channel.read()
    }

    /// Sends a FIN and keeps reading.
    func halfClose() async throws { try await channel.close(mode: .output) }

    /// Closes the connection.
    func close() { channel.close(promise: nil) }

    /// Waits until the bytes that have come form a value; removes the bytes of that value.
    func read<Value>(_ parse: (inout ByteBuffer) throws -> Value?) async throws -> Value {
        while true {
            if let value = try inbox.parse(parse) { return value }
            guard await inbox.more() else { throw Ended() }
        }
    }

    /// Everything that comes until the server closes the connection.
    func readToEnd() async -> String {
        while await inbox.more() {}
        return inbox.parse { $0.readString(length: $0.readableBytes) } ?? ""
    }

    /// Waits for the end of the connection; everything before it is discarded.
    func waitForEnd() async { _ = await readToEnd() }

    /// One HTTP response with a Content-Length.
    func response() async throws -> HTTPAnswer {
        try await read { buffer in
            let text = String(decoding: buffer.readableBytesView, as: UTF8.self)
            guard let end = text.range(of: "\r\n\r\n") else { return nil }
            var lines = text[..<end.lowerBound].split(separator: "\r\n")
            let status = Int(lines.removeFirst().split(separator: " ")[1]) ?? 0
            var headers: [String: String] = [:]
            for line in lines {
                let parts = line.split(separator: ":", maxSplits: 1)
                headers[parts[0].lowercased()] = parts.count > 1 ? parts[1].trimmingSpaces : ""
            }
            let length = [101, 204, 304].contains(status) ? 0 : Int(headers["content-length"] ?? "0") ?? 0
            let headLength = text[..<end.upperBound].utf8.count
            guard buffer.readableBytes >= headLength + length else { return nil }
            buffer.moveReaderIndex(forwardBy: headLength)
            let body = buffer.readString(length: length) ?? ""
            return HTTPAnswer(status: status, headers: headers, body: body)
        }
    }
}

/// A received HTTP response.
struct HTTPAnswer: Sendable {
    let status: Int
    /// The headers, by their names in lower case.
    let headers: [String: String]
    let body: String
}

/// Puts what the channel reads into the inbox.
private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let inbox: Inbox

    init(inbox: Inbox) { self.inbox = inbox }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        inbox.add(Self.unwrapInboundIn(data))
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed { inbox.end() }
    }

    func channelInactive(context: ChannelHandlerContext) { inbox.end() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        inbox.end()
        context.close(promise: nil)
    }
}

/// Bytes that have come and were not read yet. One reader.
private final class Inbox: Sendable {
    private struct State {
        var buffer = ByteBuffer()
        var hasNews = false
        var isEnded = false
        var waiting: CheckedContinuation<Bool, Never>?
    }

    private let state = NIOLockedValueBox(State())

    func add(_ bytes: ByteBuffer) {
        let waiting = state.withLockedValue { state in
            state.buffer.writeImmutableBuffer(bytes)
            state.hasNews = state.waiting == nil
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume(returning: true)
    }

    func end() {
        let waiting = state.withLockedValue { state in
            state.isEnded = true
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume(returning: false)
    }

    func parse<Value>(_ parse: (inout ByteBuffer) throws -> Value?) rethrows -> Value? {
        try state.withLockedValue { state in
            let value = try parse(&state.buffer)
            state.buffer.discardReadBytes()
            return value
        }
    }

    /// Waits until more has come; false at the end, and when the test is cancelled.
    func more() async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let known = state.withLockedValue { state -> Bool? in
                    if state.hasNews {
                        state.hasNews = false
                        return true
                    }
                    if state.isEnded { return false }
                    state.waiting = continuation
                    return nil
                }
                if let known { continuation.resume(returning: known) }
            }
        } onCancel: {
            end()
        }
    }
}

extension StringProtocol {
    var trimmingSpaces: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }

    func range(of text: String) -> Range<Index>? {
        guard let start = ranges(of: text).first else { return nil }
        return start
    }
}
