import FrameDispatch
import HTTPTypes
import Hummingbird
import NIOConcurrencyHelpers
import NIOCore
import Primitives
import Storage
import SwiftProtobuf
import Wire

/// The dependencies of the operator's routes.
struct OperatorRoutes: Sendable {
    let version: String
    let openAPI: [UInt8]
    /// Asks the database to respond.
    let ping: @Sendable () async throws(DatabaseError) -> Void
    let metricFamilies: @Sendable () -> [MetricFamily]
    /// Whether calls may be written.
    let holdsLease: @Sendable () -> Bool
    /// Whether the server has begun to shut down.
    let isStopping: @Sendable () -> Bool
    /// Whether there is an echo.
    let echoes: Bool

    /// The routes for the operator.
    var routes: [Route] {
        [
            Route(.get, "/healthz") { _ throws(RESTFault) in
                .json(
                    WireHealth.with {
                        $0.status = "ok"
                        $0.version = version
                    })
            },
            Route(.get, "/readyz") { _ throws(RESTFault) in await readiness() },
            Route(.get, "/metrics") { _ throws(RESTFault) in
                let text = metricFamilies().map(\.exposition).joined()
                return Response(
                    status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                    body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
            },
            Route(.get, "/v1/openapi.yaml") { _ throws(RESTFault) in
                guard !openAPI.isEmpty else { throw RESTFault(Fault(.notFound, "The document is not available.")) }
                return Response(
                    status: .ok, headers: [.contentType: "application/yaml"],
                    body: ResponseBody(byteBuffer: ByteBuffer(bytes: openAPI)))
            },
        ] + ([UpgradeRequest.path] + (echoes ? [UpgradeRequest.echoPath] : [])).map(Self.lateUpgrade)
    }

    /// A socket is opened by the first request of a connection, which does not get here.
    private static func lateUpgrade(to path: String) -> Route {
        Route(.get, path) { _ throws(RESTFault) in
            let fault = Fault(.invalid, "A socket is opened by the first request of a connection. Open a new one.")
            var response = RESTFault(fault, status: .upgradeRequired).response
            response.headers[.upgrade] = "websocket"
            // So that a client with a connection pool uses a new connection when it tries again.
            response.headers[.connection] = "close"
            return response
        }
    }

    private func readiness() async -> Response {
        var problems: [String] = []
        if isStopping() { problems.append("shutting down") }
        if let problem = await databaseProblem() { problems.append(problem) }
        if !holdsLease() { problems.append("calls have to wait until the node's lease is renewed") }
        let health = WireHealth.with {
            $0.status = problems.isEmpty ? "ok" : "not ready"
            $0.version = version
            $0.problems = problems
        }
        return .json(health, status: problems.isEmpty ? .ok : .serviceUnavailable)
    }

    /// Why the database is not usable; nil when it has answered within a second.
    private func databaseProblem() async -> String? {
        // The first of the two decides. A database that never answers is not waited for.
        let ping = ping
        return await withCheckedContinuation { continuation in
            let first = FirstOnly(continuation)
            Task {
                do throws(DatabaseError) {
                    try await ping()
                    first.resume(nil)
                } catch {
                    first.resume(
                        error.blocksWrites ? "the database takes no writes" : "the database does not answer")
                }
            }
            Task {
                try? await Task.sleep(for: .seconds(1))
                first.resume("the database has not answered within 1 s")
            }
        }
    }
}

/// Accepts the first of several answers.
private final class FirstOnly: Sendable {
    private let continuation: NIOLockedValueBox<CheckedContinuation<String?, Never>?>

    init(_ continuation: CheckedContinuation<String?, Never>) { self.continuation = NIOLockedValueBox(continuation) }

    func resume(_ answer: String?) {
        let waiting = continuation.withLockedValue { continuation in
            defer { continuation = nil }
            return continuation
        }
        waiting?.resume(returning: answer)
    }
}
