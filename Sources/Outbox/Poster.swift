import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOSSL
import Primitives

/// Sends signed requests to one service. Only the status of an answer counts; redirects are not followed.
struct Poster: Sendable {
    /// The result of a request.
    enum Answer: Sendable, Equatable {
        /// The service accepted it (2xx).
        case taken
        /// It was not accepted, or nobody knows; why, for logs.
        case failed(String)
        /// The server stopped in the meantime.
        case interrupted
    }

    private let client: HTTPClient
    private let endpoint: OutboxSettings.Endpoint
    private let signature: Signature
    private let timeout: Instant.Span

    init(_ endpoint: OutboxSettings.Endpoint, _ settings: OutboxSettings) {
        self.endpoint = endpoint
        signature = Signature(secret: endpoint.secret)
        timeout = settings.requestTimeout
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(
                connect: .microseconds(settings.connectTimeout.microseconds),
                read: .microseconds(settings.requestTimeout.microseconds)))
        configuration.httpVersion = .http1Only
        // RFC 8996: older versions are deprecated, but the library would still speak them.
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        configuration.tlsConfiguration = tls
        // The outbox itself retries, and later.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = settings.concurrency
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    func post(_ body: String, id: DeliveryID, kind: String, at now: Instant) async -> Answer {
        var request = HTTPClientRequest(url: endpoint.url.exposed)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.headers.add(name: "User-Agent", value: "Ringback")
        request.headers.add(name: "Ringback-Delivery", value: id.description)
        request.headers.add(name: "Ringback-Event", value: kind)
        request.headers.add(name: Signature.header, value: signature.value(for: body, at: now))
        request.body = .bytes(ByteBuffer(string: body))
        do {
            let response = try await client.execute(request, timeout: .microseconds(timeout.microseconds))
            let status = response.status
            await drain(response.body)
            return (200..<300).contains(status.code) ? .taken : .failed("status \(status.code)")
        } catch {
            return Task.isCancelled ? .interrupted : .failed("\(error)")
        }
    }

    /// Reads the body so that the connection can be reused; but not much, and not for long.
    private func drain(_ body: HTTPClientResponse.Body) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                var count = 0
                do {
                    for try await part in body {
                        count += part.readableBytes
                        if count > OutboxSettings.answerLimit { return }
                    }
                } catch {
                    // The status has already decided.
                }
            }
            group.addTask { try? await Task.sleep(for: .microseconds(OutboxSettings.drainTimeout.microseconds)) }
            await group.next()
            group.cancelAll()
        }
    }

    /// Closes the connections.
    func close() async {
        try? await client.shutdown()
    }
}
