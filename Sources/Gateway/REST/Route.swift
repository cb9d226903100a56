import HTTPTypes
import Hummingbird

/// One entry of the REST interface.
struct Route: Sendable {
    let method: HTTPRequest.Method
    /// The path as the OpenAPI document writes it: `/v1/sessions/{id}`.
    let path: String
    let answer: @Sendable (RESTRequest) async throws(RESTFault) -> Response

    init(
        _ method: HTTPRequest.Method, _ path: String,
        _ answer: @escaping @Sendable (RESTRequest) async throws(RESTFault) -> Response
    ) {
        self.method = method
        self.path = path
        self.answer = answer
    }

    /// The path as Hummingbird's router writes it: `/v1/sessions/:id`.
    var routerPath: RouterPath {
        RouterPath(path.replacing("{", with: ":").replacing("}", with: ""))
    }

    /// Whether a request's path is one of this route's.
    func matches(path requested: String) -> Bool {
        let own = path.split(separator: "/")
        let other = requested.split(separator: "/")
        return own.count == other.count && zip(own, other).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
    }

    /// Whether a request's path is this route's path without parameters: repeated slashes count once, and trailing ones
    /// are ignored.
    static func isSame(_ requested: String, as path: String) -> Bool {
        requested == path || requested.split(separator: "/") == path.split(separator: "/")
    }
}
