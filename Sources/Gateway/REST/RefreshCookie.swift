import FrameDispatch
import HTTPTypes
import Primitives
import Wire

/// The cookie in which a browser keeps a refresh token hidden from the scripts of its pages (RFC 6265).
///
/// A page asks for it with the field `Ringback-Refresh-Cookie`, whose value is the id of its device: a browser with
/// several people in it has a cookie for each. Pages of other sites cannot send the field, because the server allows no
/// other origin over REST (it answers no preflight), and the browser would not send them the cookie either.
struct RefreshCookie: Sendable {
    /// The path to which it is sent, and no other.
    static let path = "/v1/sessions/refresh"
    /// The field that requests it.
    static let field = HTTPField.Name("Ringback-Refresh-Cookie")

    private let name: String
    private let isSecure: Bool

    /// The cookie that a request asks for; nil when it wants its tokens in the body.
    /// - Throws: `INVALID` when the field is not a device's id, `FORBIDDEN` when the request comes from another site's
    ///   page or does not say where it comes from.
    init?(of request: RESTRequest, _ configuration: GatewayConfiguration) throws(RESTFault) {
        guard let text = Self.field.flatMap(request.field) else { return nil }
        guard let device = DeviceID(text) else {
            throw RESTFault(.invalid("Ringback-Refresh-Cookie is the id of a device."))
        }
        // Every browser says so, except for reads.
        guard let origin = request.field(.origin), configuration.isOwn(origin: origin, host: request.host) else {
            throw RESTFault(Fault(.forbidden, "The cookie is for the server's own pages: see publicOrigin."))
        }
        isSecure = configuration.isSecure
        // Because of the prefix, no page that is reached without TLS can have set it (RFC 6265bis §4.1.3.1).
        name = "\(isSecure ? "__Secure-" : "")ringback-refresh-\(device)"
    }

    /// The token in the cookie; nil when there is none. Two cookies of the same name count as none: one of them was set
    /// by another site.
    func token(in request: RESTRequest) -> Redacted<String>? {
        let prefix = name + "="
        let values = request.cookies.filter { $0.hasPrefix(prefix) }
        return values.count == 1 ? Redacted(String(values[0].dropFirst(prefix.count))) : nil
    }

    /// Makes the browser store a token.
    /// - Parameter lifetime: How long the token is valid.
    func keeping(_ token: Redacted<String>, for lifetime: Instant.Span) -> String {
        field(token.exposed, seconds: max(0, lifetime.milliseconds / 1000))
    }

    /// Makes the browser delete it.
    var forgetting: String { field("", seconds: 0) }

    private func field(_ value: String, seconds: Int64) -> String {
        "\(name)=\(value); Path=\(Self.path); Max-Age=\(seconds); HttpOnly; SameSite=Strict\(isSecure ? "; Secure" : "")"
    }
}
