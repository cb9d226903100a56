import FrameDispatch
import HTTPTypes
import Primitives
import Wire

/// The cookie in which a browser keeps a refresh token out of reach of the scripts of its pages (RFC 6265).
///
/// A page asks for it with the field `Ringback-Refresh-Cookie`, whose value is the id of its device: a browser with
/// several people in it has a cookie for each. Pages of elsewhere can neither send the field, because the server lets
/// no other origin ask over REST (there is no answer to a preflight), nor would the browser send the cookie along.
struct RefreshCookie: Sendable {
    /// Where it goes, and nowhere else.
    static let path = "/v1/sessions/refresh"
    /// The field that asks for it.
    static let field = HTTPField.Name("Ringback-Refresh-Cookie")

    private let name: String
    private let isSecure: Bool

    /// The cookie that a request asks for; nil when it wants its tokens in the body.
    /// - Throws: `INVALID` when the field is no device's id, `FORBIDDEN` when the request comes from a page of elsewhere
    ///   or does not tell.
    init?(of request: RESTRequest, _ configuration: GatewayConfiguration) throws(RESTFault) {
        guard let text = Self.field.flatMap(request.field) else { return nil }
        guard let device = DeviceID(text) else {
            throw RESTFault(.invalid("Ringback-Refresh-Cookie is the id of a device."))
        }
        // Every browser tells, unless it only reads.
        guard let origin = request.field(.origin), configuration.isOwn(origin: origin, host: request.host) else {
            throw RESTFault(Fault(.forbidden, "The cookie is for the server's own pages: see publicOrigin."))
        }
        isSecure = configuration.isSecure
        // With the prefix no page that is reached without TLS can have set it (RFC 6265bis §4.1.3.1).
        name = "\(isSecure ? "__Secure-" : "")ringback-refresh-\(device)"
    }

    /// The token that came in the cookie; nil when there is none. Two of the same name are none: one of them was set
    /// from elsewhere.
    func token(in request: RESTRequest) -> Redacted<String>? {
        let prefix = name + "="
        let values = request.cookies.filter { $0.hasPrefix(prefix) }
        return values.count == 1 ? Redacted(String(values[0].dropFirst(prefix.count))) : nil
    }

    /// What makes the browser keep a token.
    /// - Parameter lifetime: How long the token is good.
    func keeping(_ token: Redacted<String>, for lifetime: Instant.Span) -> String {
        field(token.exposed, seconds: max(0, lifetime.milliseconds / 1000))
    }

    /// What makes the browser forget it.
    var forgetting: String { field("", seconds: 0) }

    private func field(_ value: String, seconds: Int64) -> String {
        "\(name)=\(value); Path=\(Self.path); Max-Age=\(seconds); HttpOnly; SameSite=Strict\(isSecure ? "; Secure" : "")"
    }
}
