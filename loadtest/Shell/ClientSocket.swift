import NIOCore
import NIOWebSocket
import Primitives
import SwiftProtobuf
import Wire

/// One socket of a device: the last handler in its channel. It says hello, answers pings, and passes frames on.
///
/// Everything here runs on the channel's event loop.
final class ClientSocket: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let encoding: Encoding
    private let welcome: EventLoopPromise<WireWelcome>
    private let hello: WireClientFrame
    private var context: ChannelHandlerContext?
    private var lastSeq: UInt64 = 0
    /// Why the socket ends, as far as it is known; the first reason says most.
    private var reason: String?
    private var isLost = false
    private var isWelcome = false

    /// Called on the welcome, before any frame that comes after it.
    var onWelcome: ((WireWelcome) -> Void)?
    /// Called with the server's frames, in order, and the time of their arrival.
    var onFrame: ((WireServerFrame, NIODeadline) -> Void)?
    /// Called once when the socket is lost, with a word for the reason.
    var onLoss: ((String) -> Void)?

    /// Makes the handler of a connection that has just been upgraded.
    /// - Parameter welcome: Succeeds when the server answers hello, or fails.
    init(credential: Credential, encoding: Encoding, welcome: EventLoopPromise<WireWelcome>) {
        self.encoding = encoding
        self.welcome = welcome
        hello = .with {
            $0.id = 1
            $0.hello.accessToken = credential.accessToken.exposed
            $0.hello.device.id = credential.device
            $0.hello.device.name = "loadtest"
        }
    }

    /// Why the socket is lost; nil while it is not.
    var loss: String? { isLost ? word : nil }
    private var word: String { reason ?? "socket_lost" }

    /// Says hello, once the upgrade is done.
    func greet() {
        send(hello)
        flush()
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { lose() }

    func channelInactive(context: ChannelHandlerContext) {
        lose()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let now = NIODeadline.now()
        let frame = Self.unwrapInboundIn(data)
        switch frame.opcode {
        case .ping:
            write(.pong, frame.unmaskedData)
            flush()
        case .connectionClose:
            var payload = frame.unmaskedData
            if reason == nil, let code = payload.readInteger(as: UInt16.self) { reason = "socket_closed_\(code)" }
            context.close(promise: nil)
        case .text, .binary: receive(frame.unmaskedData, now: now)
        default: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    /// Writes a frame; `flush()` sends it.
    func send(_ frame: WireClientFrame) {
        var frame = frame
        frame.ack = lastSeq
        guard let bytes = try? encoding.encode(frame) else { return }
        write(encoding == .json ? .text : .binary, ByteBuffer(bytes: bytes))
    }

    /// Sends what was written.
    func flush() { context?.flush() }

    /// Closes the socket.
    func close() { context?.close(promise: nil) }

    private func receive(_ payload: ByteBuffer, now: NIODeadline) {
        guard let frame = try? encoding.decode(WireServerFrame.self, from: Array(payload.readableBytesView)) else {
            reason = "malformed_frame"
            return close()
        }
        if frame.seq > 0 { lastSeq = frame.seq }
        if case .ok(let ok)? = frame.body, case .welcome(let welcome)? = ok.result {
            isWelcome = true
            onWelcome?(welcome)
            return self.welcome.succeed(welcome)
        }
        if case .error(let error)? = frame.body, frame.replyTo == hello.id, !isWelcome {
            reason = error.code.word
        }
        onFrame?(frame, now)
    }

    private func write(_ opcode: WebSocketOpcode, _ payload: ByteBuffer) {
        guard let context else { return }
        let frame = WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(), data: payload)
        context.write(Self.wrapOutboundOut(frame), promise: nil)
    }

    private func lose() {
        guard !isLost else { return }
        isLost = true
        context = nil
        welcome.fail(LoadTestError(.server, "a socket was not let in: \(word)", word: word))
        onLoss?(word)
        onWelcome = nil
        onFrame = nil
        onLoss = nil
    }
}
