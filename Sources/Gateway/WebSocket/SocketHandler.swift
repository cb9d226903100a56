import Delivery
import Logging
import NIOCore
import NIOWebSocket
import Primitives
import Wire

/// One socket, in the channel's pipeline after the frame decoder: frames in, frames out, and how it ends.
///
/// The meaning of messages is in `SocketHandler+Session.swift`. Everything here runs on the channel's event loop; it
/// has no task and no timer of its own.
final class SocketHandler: ChannelDuplexHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundIn = Never
    typealias OutboundOut = WebSocketFrame

    /// The most bytes before a payload that is not masked (RFC 6455 §5.2).
    private static let longestHeader = 10

    let services: GatewayServices
    /// The encoding of events and answers; an echo has none.
    let encoding: Encoding
    private let connection: Connection
    private var assembler: MessageAssembler
    private var context: ChannelHandlerContext?
    private var isReadHeld = false
    private var wantsFlush = false
    private var isClosing = false

    /// The state of the session; `SocketHandler+Session.swift` changes it.
    var session: Session
    var bucket: TokenBucket
    /// The rate limit of all input, in KiB; every frame counts as one more, even a ping or an empty fragment. An echo
    /// is only limited by how fast it is read.
    private var traffic: TokenBucket?
    /// How often commands may still be refused for their rate.
    var refusals: TokenBucket
    var malformedFrames = 0
    /// Events that wait for the welcome, which they must follow.
    var heldEvents: [NumberedEvent] = []
    /// The total size of those events, in bytes.
    var heldBytes = 0
    /// How other threads reach this socket; exists from `handlerAdded` to `handlerRemoved`.
    private(set) var port: SocketPort?

    /// Makes the handler of a connection that has just been upgraded.
    init(services: GatewayServices, purpose: SocketPurpose, connection: Connection) {
        self.services = services
        self.connection = connection
        let limits = services.configuration.limits
        let now = HeartbeatWheel.now()
        let kinds: Set<MessageAssembler.Kind>
        switch purpose {
        case .session(let encoding):
            self.encoding = encoding
            session = .greeting
            kinds = [.init(encoding)]
            traffic = TokenBucket(limits.trafficPerSecond, per: .seconds(1), burst: limits.trafficBurst, now: now)
        case .echo:
            encoding = .json
            session = .echoing
            kinds = Set(MessageAssembler.Kind.allCases)
        }
        assembler = MessageAssembler(kinds: kinds, limit: purpose == .echo ? limits.echoBytes : limits.greetingBytes)
        bucket = TokenBucket(limits.commandsPerSecond, per: .seconds(1), burst: limits.commandBurst, now: now)
        refusals = TokenBucket(
            limits.forgivenPerSecond, per: .seconds(1), burst: limits.refusals, now: now)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        port = SocketPort(handler: self, encoding: encoding, eventLoop: context.eventLoop)
        connection.socket = self
        connection.note { $0.upgraded(now: $1) }
        if case .echoing = session { connection.note { $0.openedWithoutHello(now: $1) } }
        services.metrics.sockets.add(1)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        endSession()
        self.context = nil
        port = nil
        services.metrics.sockets.add(-1)
    }

    func channelInactive(context: ChannelHandlerContext) {
        endSession()
        context.fireChannelInactive()
    }

    // MARK: In

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = Self.unwrapInboundIn(data)
        if isClosing {
            // After our close frame, everything up to the peer's own close frame is read and discarded.
            if frame.opcode == .connectionClose { context.close(promise: nil) }
            return
        }
        connection.heard()
        // Counted before anything is decoded: refused work costs almost nothing.
        if traffic?.take(1 + frame.length / 1024, now: HeartbeatWheel.now()) == false { return close(.flooding) }
        switch assembler.handle(frame) {
        case .nothing: break
        case .message(let kind, let bytes):
            if case .echoing = session { echo(bytes, as: kind) } else { receive(bytes) }
        case .ping(let payload): write(.pong, payload)
        case .close(let code): confirmClose(code, context: context)
        case .refuse(let code): close(code)
        }
    }

    private func echo(_ bytes: [UInt8], as kind: MessageAssembler.Kind) {
        guard let context else { return }
        write(kind == .text ? .text : .binary, context.channel.allocator.buffer(bytes: bytes))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        flush()
        context.fireChannelReadComplete()
    }

    /// A peer that does not read its answers may not send more commands.
    func read(context: ChannelHandlerContext) {
        if context.channel.isWritable || isClosing { context.read() } else { isReadHeld = true }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, isReadHeld {
            isReadHeld = false
            context.read()
        }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        // The peer's FIN arrives as this event and not as the end of the channel: half-closure is on for all
        // connections.
        case let event as ChannelEvent where event == .inputClosed: context.close(promise: nil)
        case is ChannelShouldQuiesceEvent: close(.goingAway)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is FrameLengths.Fault { return close(.protocolError) }
        switch error as? NIOWebSocketError {
        case .invalidFrameLength?: close(.messageTooBig)
        case .some: close(.protocolError)
        case nil: context.close(promise: nil)
        }
    }

    /// The client has said hello: from now on its messages may be as long as any other.
    func liftGreetingLimit() { assembler.limit = services.configuration.limits.frameBytes }

    // MARK: Out

    /// Sends what other threads have left at the port.
    func fetch() {
        guard let port, let context else { return }
        let (items, isMore) = port.take()
        if isMore { port.wakeAfterOthers() }
        for item in items {
            switch item {
            case .event(let event): send(event)
            case .reply(let bytes): reply(bytes)
            case .welcome(let bytes): welcome(bytes)
            case .close(let code): close(code)
            }
        }
        flush()
        // Events are never dropped, so a reader that is too far behind is disconnected, and gets what it missed when it
        // returns.
        guard !isClosing, !context.channel.isWritable,
            let waiting = try? context.channel.syncOptions?.getOption(.bufferedWritableBytes),
            waiting > services.configuration.limits.outboundBytes
        else { return }
        close(.slow)
    }

    /// Sends an event, with its place among the events of the device.
    func send(_ numbered: NumberedEvent) {
        guard !isClosing, let context else { return }
        guard session.isOpen else { return hold(numbered) }
        write(message: numbered.event.tail, after: numbered.event.head(seq: numbered.seq), in: context)
        services.metrics.events.add()
    }

    /// Queues an event until the welcome is sent.
    private func hold(_ event: NumberedEvent) {
        heldEvents.append(event)
        heldBytes += event.event.tail.count
        let limits = services.configuration.limits
        // Nobody waits so long for the welcome, unless the database is unreachable.
        if heldEvents.count > limits.heldEvents || heldBytes > limits.outboundBytes { close(.unavailable) }
    }

    /// Sends an answer.
    func reply(_ bytes: [UInt8]) {
        guard let context else { return }
        write(message: bytes, in: context)
        services.metrics.replies.add()
    }

    /// Sends an answer.
    func reply(_ frame: WireServerFrame) {
        if let port { reply(port.encoded(frame)) }
    }

    /// Asks the peer for a sign of life.
    func ping() {
        guard let context else { return }
        write(.ping, context.channel.allocator.buffer(capacity: 0))
        flush()
    }

    /// Tells the connection's heartbeat what happened.
    func note(_ change: (inout Heartbeat, Instant) -> Void) { connection.note(change) }

    /// Writes a message of our own. The encoder of frames puts the header into the room before it, which spares a buffer.
    private func write(message: [UInt8], after head: [UInt8] = [], in context: ChannelHandlerContext) {
        let room = Self.longestHeader
        var buffer = context.channel.allocator.buffer(capacity: room + head.count + message.count)
        buffer.moveWriterIndex(to: room)
        buffer.moveReaderIndex(to: room)
        buffer.writeBytes(head)
        buffer.writeBytes(message)
        write(encoding == .json ? .text : .binary, buffer)
    }

    private func write(_ opcode: WebSocketOpcode, _ payload: ByteBuffer) {
        guard !isClosing, let context else { return }
        context.write(Self.wrapOutboundOut(WebSocketFrame(fin: true, opcode: opcode, data: payload)), promise: nil)
        wantsFlush = true
    }

    /// Sends what was written.
    func flush() {
        guard wantsFlush, let context else { return }
        wantsFlush = false
        context.flush()
    }

    // MARK: The end

    /// Says why and closes. The peer's end is waited for, because closing a connection with unread bytes would reset
    /// it, and the reason would be lost.
    func close(_ code: CloseCode) {
        guard !isClosing, let context else { return }
        isClosing = true
        wantsFlush = false
        services.metrics.countClose(code)
        services.logger.debug("socket closed", metadata: ["code": "\(code.rawValue)"])
        endSession()
        connection.note { $0.closing(now: $1) }
        let frame = WebSocketFrame(
            fin: true, opcode: .connectionClose, data: code.payload(allocator: context.channel.allocator))
        let channel = context.channel
        context.writeAndFlush(Self.wrapOutboundOut(frame)).whenComplete { _ in
            channel.close(mode: .output, promise: nil)
        }
        if isReadHeld {
            isReadHeld = false
            context.read()
        }
    }

    /// The peer closes: its code is sent back, and the socket ends.
    private func confirmClose(_ code: UInt16?, context: ChannelHandlerContext) {
        var payload = context.channel.allocator.buffer(capacity: 2)
        if let code { payload.writeInteger(code) }
        isClosing = true
        endSession()
        // The peer may never read it.
        connection.note { $0.closing(now: $1) }
        let channel = context.channel
        context.writeAndFlush(
            Self.wrapOutboundOut(WebSocketFrame(fin: true, opcode: .connectionClose, data: payload))
        ).whenComplete { _ in channel.close(promise: nil) }
    }
}
