import NIOCore
import NIOPosix
import Primitives
import Testing

@testable import Outbox

@Suite("The outbox over TLS", .timeLimit(.minutes(1)))
struct TLSTests {
    @Test("Versions before 1.2 are not offered (RFC 8996)")
    func versions() async throws {
        let (hello, greeting) = AsyncStream.makeStream(of: [UInt8].self)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(FirstBytes(greeting))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(channel.localAddress?.port)
        let poster = Poster(
            .init(url: Redacted("https://127.0.0.1:\(port)/"), secret: Redacted("a secret of some length")),
            OutboxSettings())
        let answer = await poster.post("{}", id: .random(at: .start), kind: "call.placed", at: .start)
        await poster.close()
        try await channel.close()
        #expect(answer != .taken)
        let bytes = try #require(await hello.first { _ in true })
        // RFC 8446, section 4.2.1: the extension supported_versions, with TLS 1.3 and 1.2.
        #expect(bytes.contains([0x00, 0x2B, 0x00, 0x05, 0x04, 0x03, 0x04, 0x03, 0x03]))
    }
}

/// Passes on the first bytes, and closes the connection.
private final class FirstBytes: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let stream: AsyncStream<[UInt8]>.Continuation

    init(_ stream: AsyncStream<[UInt8]>.Continuation) {
        self.stream = stream
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        stream.yield(Array(buffer: unwrapInboundIn(data)))
        context.close(promise: nil)
    }
}
