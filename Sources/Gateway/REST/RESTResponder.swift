import FrameDispatch
import HTTPTypes
import Hummingbird
import Logging
import Primitives
import Wire

/// Answers HTTP requests: routes first, then the web client's files, then an error that says what is wrong.
struct RESTResponder: HTTPResponder {
    typealias Context = GatewayRequestContext

    private let routes: [Route]
    private let router: RouterResponder<GatewayRequestContext>
    private let files: StaticFiles
    private let metrics: GatewayMetrics

    init(routes: [Route], files: StaticFiles, bodyLimit: Int, metrics: GatewayMetrics) {
        self.routes = routes
        self.files = files
        self.metrics = metrics
        let router = Router(context: GatewayRequestContext.self)
        for route in routes {
            router.on(route.routerPath, method: route.method) { request, context in
                do throws(RESTFault) {
                    return try await route.answer(RESTRequest(request, context: context, bodyLimit: bodyLimit))
                } catch {
                    return error.response
                }
            }
        }
        self.router = router.buildResponder()
    }

    func respond(to request: Request, context: GatewayRequestContext) async throws -> Response {
        metrics.requests.add()
        // The path alone decides: a path of the REST interface is never a file.
        let path = request.uri.path
        let methods = methods(at: path)
        if methods.contains(request.method) { return await answer(request, context: context) }
        if request.method == .head, methods.contains(.get) {
            var head = request.head
            head.method = .get
            return await answer(Request(head: head, body: request.body), context: context).createHeadResponse()
        }
        if let file = files[path] {
            switch request.method {
            case .get, .head: return file.response(to: request)
            default: return Self.methodNotAllowed([.get, .head])
            }
        }
        guard methods.isEmpty else { return Self.methodNotAllowed(methods) }
        return RESTFault(Fault(.notFound, "There is nothing at this path.")).response
    }

    /// The methods of a path; empty if it does not belong to the REST interface. As in the router, the first matching
    /// route decides which path is meant.
    private func methods(at path: String) -> [HTTPRequest.Method] {
        guard let route = routes.first(where: { $0.matches(path: path) }) else { return [] }
        return routes.filter { $0.path == route.path }.map(\.method)
    }

    private func answer(_ request: Request, context: GatewayRequestContext) async -> Response {
        do {
            return try await router.respond(to: request, context: context)
        } catch {
            context.logger.error("request failed", metadata: ["error": "\(error)"])
            return RESTFault(.internal).response
        }
    }

    private static func methodNotAllowed(_ methods: [HTTPRequest.Method]) -> Response {
        let allowed = methods.map(\.rawValue).joined(separator: ", ")
        let fault = Fault(.invalid, "This path takes \(allowed).")
        var response = RESTFault(fault, status: .methodNotAllowed).response
        response.headers[.allow] = allowed
        return response
    }
}
