import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
import Primitives
import SwiftProtobuf
import Wire

/// A socket that was welcomed.
struct OpenSocket: Sendable {
    /// The socket, for use on the event loop.
    let socket: NIOLoopBound<ClientSocket>
    let user: String
    /// From the first packet to the welcome.
    let took: Instant.Span
    let limits: WireLimits
    /// The open calls that the user is in.
    let calls: [String]
}

/// Opens sockets.
enum Dialer {
    /// The longest frame that is accepted: a welcome with many calls.
    private static let frameBytes = 1 << 20

    /// The result of the request for a socket.
    private enum Upgrade: Sendable {
        case socket(NIOLoopBound<ClientSocket>)
        case refused
    }

    /// Connects, upgrades (RFC 6455 §4.1) and says hello.
    /// - Parameter prepare: Called on the event loop before hello is sent, to listen from the first frame on.
    /// - Throws: `server` when the socket is refused, and network errors.
    static func open(
        _ credential: Credential, at server: Server, prepare: @escaping @Sendable (ClientSocket) -> Void = { _ in }
    ) async throws -> OpenSocket {
        let welcome = server.eventLoop.makePromise(of: WireWelcome.self)
        let start = NIODeadline.now()
        let timeout = server.eventLoop.scheduleTask(in: .seconds(20)) {
            welcome.fail(LoadTestError(.server, "the server does not let a socket in", word: "hello_timeout"))
        }
        defer { timeout.cancel() }
        var opened: NIOLoopBound<ClientSocket>?
        do {
            let upgrade = try await connect(credential, at: server, welcome)
            if case .socket(let socket) = upgrade {
                opened = socket
                try await server.eventLoop.submit {
                    prepare(socket.value)
                    socket.value.greet()
                }.get()
            }
        } catch {
            // The first of several outcomes counts.
            welcome.fail(
                LoadTestError(.server, "cannot open a socket at \(server.name): \(error)", word: "connect_failed"))
        }
        do {
            let answer = try await welcome.futureResult.get()
            guard let opened else { throw LoadTestError(.server, "a socket was refused", word: "refused") }
            let took = Instant.Span(microseconds: (NIODeadline.now() - start).nanoseconds / 1000)
            return OpenSocket(
                socket: opened, user: answer.user.id, took: took, limits: answer.limits, calls: answer.calls.map(\.id))
        } catch {
            if let opened { server.eventLoop.execute { opened.value.close() } }
            throw error
        }
    }

    private static func connect(
        _ credential: Credential, at server: Server, _ welcome: EventLoopPromise<WireWelcome>
    ) async throws -> Upgrade {
        let upgrader = NIOTypedWebSocketClientUpgrader<Upgrade>(maxFrameSize: frameBytes) { channel, _ in
            channel.eventLoop.makeCompletedFuture {
                let socket = ClientSocket(credential: credential, encoding: server.encoding, welcome: welcome)
                try channel.pipeline.syncOperations.addHandler(socket)
                return .socket(NIOLoopBound(socket, eventLoop: channel.eventLoop))
            }
        }
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/v1/socket")
        head.headers = [
            "host": server.name.authority, "content-length": "0",
            "sec-websocket-protocol": server.encoding.subprotocol,
        ]
        var pipeline = NIOUpgradableHTTPClientPipelineConfiguration(
            upgradeConfiguration: NIOTypedHTTPClientUpgradeConfiguration(
                upgradeRequestHead: head, upgraders: [upgrader]
            ) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(RefusalReader(welcome))
                    return .refused
                }
            })
        // The server may send frames right after the head of its answer.
        pipeline.leftOverBytesStrategy = .forwardBytes
        let upgrade: EventLoopFuture<Upgrade> = try await ClientBootstrap(group: server.eventLoop)
            .connectTimeout(.seconds(10))
            .connect(to: server.address) { [pipeline] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(configuration: pipeline)
                }
            }
        return try await upgrade.get()
    }
}

/// Reads the answer of a server that refuses a socket.
private final class RefusalReader: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let welcome: EventLoopPromise<WireWelcome>

    init(_ welcome: EventLoopPromise<WireWelcome>) { self.welcome = welcome }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(let head) = Self.unwrapInboundIn(data) else { return }
        let code = head.status.code
        welcome.fail(LoadTestError(.server, "a socket was refused with status \(code)", word: "http_\(code)"))
        context.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func handlerRemoved(context: ChannelHandlerContext) {
        welcome.fail(LoadTestError(.server, "a socket was refused", word: "refused"))
    }
}
