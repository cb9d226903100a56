import NIOCore
import NIOHTTP1
import NIOPosix

/// The answer to a REST request.
struct HTTPAnswer: Sendable {
    var status: HTTPResponseStatus
    var body: [UInt8]
}

/// One REST request on a connection of its own.
enum HTTPExchange {
    /// Posts JSON.
    /// - Throws: `server` when the connection ends before the answer does, and network errors.
    static func post(_ body: [UInt8], path: String, server: Server) async throws -> HTTPAnswer {
        let promise = server.eventLoop.makePromise(of: HTTPAnswer.self)
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: server.eventLoop)
                .connectTimeout(.seconds(10))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        try channel.pipeline.syncOperations.addHandler(AnswerCollector(promise))
                    }
                }
                .connect(to: server.address).get()
        } catch {
            promise.fail(error)
            throw LoadTestError(.server, "cannot connect to \(server.name): \(error)", word: "connect_failed")
        }
        var head = HTTPRequestHead(version: .http1_1, method: .POST, uri: path)
        head.headers = [
            "host": server.name.authority, "content-type": "application/json", "content-length": "\(body.count)",
            "connection": "close",
        ]
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        channel.write(HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(bytes: body))), promise: nil)
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
        defer { channel.close(promise: nil) }
        return try await promise.futureResult.get()
    }
}

/// Collects the answer to one request.
private final class AnswerCollector: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private static let longestBody = 1 << 20

    private let promise: EventLoopPromise<HTTPAnswer>
    private var answer = HTTPAnswer(status: .ok, body: [])

    init(_ promise: EventLoopPromise<HTTPAnswer>) { self.promise = promise }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch Self.unwrapInboundIn(data) {
        case .head(let head): answer.status = head.status
        case .body(let buffer):
            guard answer.body.count + buffer.readableBytes <= Self.longestBody else {
                return context.close(promise: nil)
            }
            answer.body += buffer.readableBytesView
        case .end: promise.succeed(answer)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(error)
        context.close(promise: nil)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        // The first of two outcomes counts.
        promise.fail(LoadTestError(.server, "the server closed the connection", word: "closed"))
    }
}
