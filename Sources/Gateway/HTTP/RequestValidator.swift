import NIOCore
import NIOHTTP1
import Primitives

/// Sits behind the HTTP decoder and sees every request and every answer of a connection: refuses invalid HTTP in the
/// order of the requests, sends `100 Continue` for bodies that wait for it, closes when it is time, and adds the common
/// fields to each answer.
///
/// The rules for heads are in `RequestRules.swift`. Belongs to its event loop.
final class RequestValidator: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Goes out through the pipeline when the body of the current request is wanted, and nothing else is missing.
    struct BodyExpected: Sendable {}

    /// How many bytes of a body that nobody reads are read to keep the connection alive.
    private static let discardLimit = 64 * 1024
    /// How many bytes a message may have besides its body. More than the largest head that the decoder accepts.
    private static let framingLimit = 64 * 1024

    private let fields: HTTPHeaders
    private let connection: Connection
    private(set) lazy var meter = FramingMeter(limit: Self.framingLimit) { [unowned self] in overflowed() }
    private var context: ChannelHandlerContext?

    /// Requests that were passed on and are not completely answered.
    private var unanswered = 0
    /// The newest request is not complete yet.
    private var isInRequest = false
    /// The newest request's body waits for `100 Continue`.
    private var awaitsBody = false
    /// The current answer has begun.
    private var hasAnswerBegun = false
    /// How many bytes have come of a body that nobody will read any more.
    private var discarded = 0
    /// The last answer, which waits for those before it.
    private var refusal: RequestRefusal?
    /// Nothing more is read; the connection ends when the last request is answered.
    private var isLast = false
    /// Nothing more is written.
    private var isDone = false

    /// Makes the validator of a connection.
    /// - Parameter fields: The fields of every answer.
    init(fields: HTTPHeaders, connection: Connection) {
        self.fields = fields
        self.connection = connection
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// The connection becomes a socket: what comes now is not HTTP.
    func stepAside() {
        guard let context else { return }
        let operations = context.pipeline.syncOperations
        operations.removeHandler(meter, promise: nil)
        operations.removeHandler(self, promise: nil)
    }

    // MARK: In

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch Self.unwrapInboundIn(data) {
        case .head(let head):
            guard !isLast else { return }
            switch RequestRules.verdict(on: head) {
            case .refused(let refusal): refuse(refusal)
            case .taken(let head, let traits): begin(head, traits, context: context)
            }
        case .body(let bytes):
            meter.bodyCame(bytes.readableBytes)
            guard isInRequest else { return }
            awaitsBody = false
            if unanswered == 0 {
                discarded += bytes.readableBytes
                if discarded > Self.discardLimit { return end() }
            }
            context.fireChannelRead(data)
        case .end:
            meter.messageEnded()
            guard isInRequest else { return }
            isInRequest = false
            awaitsBody = false
            if isLast { meter.shut() }
            context.fireChannelRead(data)
        }
    }

    private func begin(_ head: HTTPRequestHead, _ traits: RequestProperties, context: ChannelHandlerContext) {
        unanswered += 1
        isInRequest = true
        awaitsBody = traits.expectsContinue
        discarded = 0
        isLast = traits.closes && !traits.asksForUpgrade
        context.fireChannelRead(Self.wrapInboundOut(.head(head)))
        // Still here, so it did not become a socket.
        if traits.asksForUpgrade, self.context != nil { isLast = true }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError else { return context.fireErrorCaught(error) }
        // After the last request the decoder wants no more input, and says so.
        if !isLast || isInRequest { refuse(RequestRefusal(error)) }
    }

    private func overflowed() {
        guard !isLast || isInRequest else { return }
        refuse(.tooMuchFraming)
    }

    // MARK: Out

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isDone else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        switch Self.unwrapOutboundIn(data) {
        case .head(var head) where head.status.code >= 200:
            hasAnswerBegun = true
            if awaitsBody, unanswered == 1 {
                // The head was enough for an answer. What comes now may still be the body, or the next request: nobody
                // can tell, so nothing is read (RFC 9110 §10.1.1).
                awaitsBody = false
                isInRequest = false
                isLast = true
                meter.shut()
            }
            for field in fields { head.headers.replaceOrAdd(name: field.name, value: field.value) }
            // The handler that answers may say so, too.
            if unanswered <= 1, head.headers[canonicalForm: "connection"].contains("close") { isLast = true }
            if isLast, unanswered <= 1 { head.headers.replaceOrAdd(name: "connection", value: "close") }
            context.write(Self.wrapOutboundOut(.head(head)), promise: promise)
        case .end:
            hasAnswerBegun = false
            unanswered = max(0, unanswered - 1)
            guard isLast, unanswered == 0 else { return context.write(data, promise: promise) }
            if let refusal {
                context.write(data, promise: promise)
                write(refusal)
            } else {
                context.write(data, promise: closing(context.channel, after: promise))
                isDone = true
            }
        default: context.write(data, promise: promise)
        }
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is BodyExpected else {
            return context.triggerUserOutboundEvent(event, promise: promise)
        }
        promise?.succeed()
        guard awaitsBody, unanswered == 1, !isDone else { return }
        awaitsBody = false
        let head = HTTPResponseHead(version: .http1_1, status: .continue)
        context.writeAndFlush(Self.wrapOutboundOut(.head(head)), promise: nil)
    }

    // MARK: The end

    /// Accepts no more input, and says why when everything before it is answered.
    private func refuse(_ refusal: RequestRefusal) {
        isLast = true
        meter.shut()
        guard self.refusal == nil, !isDone else { return }
        if isInRequest {
            isInRequest = false
            // It has been answered, or is being answered, and cannot be answered twice.
            guard unanswered > 0 else { return end() }
            if unanswered == 1, hasAnswerBegun { return }
            unanswered -= 1
        }
        self.refusal = refusal
        if unanswered == 0 { write(refusal) }
    }

    private func write(_ refusal: RequestRefusal) {
        guard let context else { return }
        isDone = true
        var (head, body) = refusal.answer
        for field in fields { head.headers.replaceOrAdd(name: field.name, value: field.value) }
        context.write(Self.wrapOutboundOut(.head(head)), promise: nil)
        context.write(Self.wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        context.writeAndFlush(Self.wrapOutboundOut(.end(nil)), promise: closing(context.channel, after: nil))
    }

    /// Ends the connection if there is nothing left to say.
    private func end() {
        guard let context else { return }
        isLast = true
        isDone = true
        isInRequest = false
        meter.shut()
        connection.note { $0.closing(now: $1) }
        context.channel.close(mode: .output, promise: nil)
    }

    /// A promise for the last bytes. The connection waits for the peer's end after them, because closing it with unread
    /// bytes would reset it, and the last answer would be lost.
    private func closing(_ channel: any Channel, after promise: EventLoopPromise<Void>?) -> EventLoopPromise<Void> {
        connection.note { $0.closing(now: $1) }
        let written = channel.eventLoop.makePromise(of: Void.self)
        written.futureResult.whenComplete { _ in channel.close(mode: .output, promise: nil) }
        written.futureResult.cascade(to: promise)
        return written
    }
}
