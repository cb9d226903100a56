import Crypto
import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@testable import Outbox

/// A service of an operator: a real HTTP server on this machine, which behaves as badly as a test wants.
final class Receiver: Sendable {
    /// What it does with a request.
    enum Behaviour: Sendable {
        case answer(HTTPResponseStatus)
        /// Redirects.
        case redirect
        /// Never answers.
        case hang
        /// Closes the connection instead.
        case close
        /// Answers 200, and never ends the body.
        case answerWithoutEnd
    }

    struct Request: Sendable {
        let path: String
        let headers: HTTPHeaders
        let body: String

        var json: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any]) ?? [:]
        }

        var id: String { json["id"] as? String ?? "" }
        var type: String { json["type"] as? String ?? "" }
        var call: String { (json["call"] as? [String: Any])?["id"] as? String ?? "" }

        /// Checks the signature as the documents tell receivers to.
        func isSigned(with secret: String) throws -> Bool {
            let header = try #require(headers["Ringback-Signature"].first)
            let parts = Dictionary(
                uniqueKeysWithValues: header.split(separator: ",").map {
                    let pair = $0.split(separator: "=")
                    return (String(pair[0]), String(pair[1]))
                })
            let code = HMAC<SHA256>.authenticationCode(
                for: Data("\(try #require(parts["t"])).\(body)".utf8), using: SymmetricKey(data: Data(secret.utf8)))
            return code.map { String(format: "%02x", $0) }.joined() == parts["v1"]
        }
    }

    private struct State {
        var requests: [Request] = []
        var behave: @Sendable (Request, Int) -> Behaviour = { _, _ in .answer(.ok) }
        var waiting: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = NIOLockedValueBox(State())
    private let channel: NIOLockedValueBox<(any Channel)?> = .init(nil)

    /// Runs a test with a receiver.
    static func run(_ body: (Receiver) async throws -> Void) async throws {
        let receiver = Receiver()
        try await receiver.open()
        do {
            try await body(receiver)
        } catch {
            await receiver.close()
            throw error
        }
        await receiver.close()
    }

    /// Says what to do with each request from now on; the number counts the requests so far, from 0.
    func behave(_ behave: @escaping @Sendable (Request, Int) -> Behaviour) {
        state.withLockedValue { $0.behave = behave }
    }

    var requests: [Request] { state.withLockedValue { $0.requests } }

    /// Returns when there were so many requests.
    func receives(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isSo = state.withLockedValue { state in
                if state.requests.count >= count { return true }
                state.waiting.append((count, continuation))
                return false
            }
            if isSo { continuation.resume() }
        }
    }

    var port: Int { channel.withLockedValue { $0?.localAddress?.port } ?? 0 }
    var url: String { "http://127.0.0.1:\(port)/hooks?from=ringback" }

    private func open() async throws {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.pipeline.configureHTTPServerPipeline().flatMapThrowing {
                    try channel.pipeline.syncOperations.addHandler(Handler(self))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        self.channel.withLockedValue { $0 = channel }
    }

    private func close() async {
        try? await channel.withLockedValue { $0 }?.close()
    }

    fileprivate func take(_ request: Request) -> Behaviour {
        let (behaviour, done) = state.withLockedValue { state in
            let behaviour = state.behave(request, state.requests.count)
            state.requests.append(request)
            let count = state.requests.count
            let done = state.waiting.filter { $0.count <= count }
            state.waiting.removeAll { $0.count <= count }
            return (behaviour, done)
        }
        for waiting in done { waiting.continuation.resume() }
        return behaviour
    }
}

private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let receiver: Receiver
    private var head: HTTPRequestHead?
    private var body = ""

    init(_ receiver: Receiver) { self.receiver = receiver }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = ""
        case .body(let part): body += String(buffer: part)
        case .end:
            guard let head else { return }
            switch receiver.take(.init(path: head.uri, headers: head.headers, body: body)) {
            case .answer(let status): answer(status, context)
            case .redirect: answer(.temporaryRedirect, context, ["Location": "/elsewhere"])
            case .hang: break
            case .close: context.close(promise: nil)
            case .answerWithoutEnd: answerWithoutEnd(context)
            }
        }
    }

    private func answer(_ status: HTTPResponseStatus, _ context: ChannelHandlerContext, _ more: HTTPHeaders = [:]) {
        var headers: HTTPHeaders = ["Content-Length": "2"]
        headers.add(contentsOf: more)
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: "{}")))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    private func answerWithoutEnd(_ context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.head(.init(version: .http1_1, status: .ok))), promise: nil)
        goOn(context)
    }

    private func goOn(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let chunk = ByteBuffer(repeating: UInt8(ascii: "x"), count: 16_384)
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(chunk)))).whenSuccess {
            bound.value.0.goOn(bound.value.1)
        }
    }
}
