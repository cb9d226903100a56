import Accounts
import FrameDispatch
import HTTPTypes
import Hummingbird
import NIOCore
import Primitives
import Storage
import SwiftProtobuf
import Wire

/// The context that Hummingbird creates for each request.
struct GatewayRequestContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// Where the connection comes from, as text.
    let address: String
    /// The channel of the request.
    let channel: any Channel

    init(source: Source) {
        coreContext = .init(source: source)
        channel = source.channel
        address = ClientAddress.current
    }
}

/// A request on its way to its route: what routes read from it, with every value checked.
struct RESTRequest: Sendable {
    private let request: Request
    private let context: GatewayRequestContext
    private let bodyLimit: Int

    init(_ request: Request, context: GatewayRequestContext, bodyLimit: Int) {
        self.request = request
        self.context = context
        self.bodyLimit = bodyLimit
    }

    /// Where the connection comes from. A forwarding proxy's headers are not trusted.
    var address: String { context.address }

    /// What the client calls itself.
    var userAgent: String { request.headers[.userAgent] ?? "" }

    /// The host that the request names, with its port if it is not the default.
    var host: String? { request.head.authority }

    /// The cookies of the request, as `NAME=VALUE`.
    var cookies: [String] {
        request.headers[values: .cookie].flatMap { $0.split(separator: ";") }.map {
            String($0.drop { $0 == " " })
        }
    }

    /// A header field, if it is there.
    func field(_ name: HTTPField.Name) -> String? { request.headers[name] }

    /// The token of `Authorization: Bearer` (RFC 6750 §2.1).
    func accessToken() throws(RESTFault) -> Redacted<String> {
        let header = request.headers[.authorization] ?? ""
        guard header.count > 7, header.prefix(7).lowercased() == "bearer " else {
            throw RESTFault(Fault(.unauthenticated, "Send Authorization: Bearer with an access token."))
        }
        return Redacted(String(header.dropFirst(7)))
    }

    /// The body as a message.
    func body<Body: Message>(_ type: Body.Type) async throws(RESTFault) -> Body {
        let tooLarge = RESTFault(Fault(.tooLarge, "The body has more than \(bodyLimit) bytes."))
        // A body that announces itself as too long is not read at all.
        if let length = request.headers[.contentLength].flatMap(Int.init), length > bodyLimit { throw tooLarge }
        // `100 Continue` is sent only now, when nothing but the body is missing.
        if request.headers[.expect] != nil {
            context.channel.triggerUserOutboundEvent(RequestValidator.BodyExpected(), promise: nil)
        }
        let bytes: ByteBuffer
        do {
            bytes = try await request.body.collect(upTo: bodyLimit)
        } catch is NIOTooManyBytesError {
            throw tooLarge
        } catch {
            throw RESTFault(.invalid("The body is incomplete."))
        }
        do throws(WireFault) {
            return try Encoding.decodeKnownNames(Body.self, fromJSON: Array(bytes.readableBytesView))
        } catch {
            throw RESTFault(.invalid(error.message))
        }
    }

    /// An id in the path. Anything but a UUID names nothing.
    func id<Kind>(_ type: Identifier<Kind>.Type, _ name: String = "id") throws(RESTFault) -> Identifier<Kind> {
        guard let id = context.parameters.get(name).flatMap({ Identifier<Kind>($0) }) else {
            throw RESTFault(Fault(.notFound, "There is no such thing."))
        }
        return id
    }

    /// A query parameter, if it is there and not empty.
    func query(_ name: String) -> String? {
        guard let value = request.uri.query.flatMap({ FormQuery($0)[name] }), !value.isEmpty else { return nil }
        return value
    }

    /// A query parameter that is a number of at least 1, if it is there.
    func number(_ name: String) throws(RESTFault) -> Int64? {
        guard let text = query(name) else { return nil }
        guard let number = Int64(text), number >= 1 else {
            throw RESTFault(.invalid("\(name) is not a number of at least 1."))
        }
        return number
    }

    /// Where a page of a list begins, if not at the start of the list.
    func cursor<Kind>(of kind: Kind.Type) throws(RESTFault) -> PageCursor<Kind>? {
        guard let text = query("cursor") else { return nil }
        guard let cursor = PageCursor<Kind>(text) else {
            throw RESTFault(.invalid("cursor is not from this server."))
        }
        return cursor
    }

    /// How many items to return.
    func limit() throws(RESTFault) -> Int? {
        try number("limit").map { Int(min($0, 1000)) }
    }
}

/// Why a request is refused.
struct RESTFault: Error, Sendable {
    /// The fault that the client is told.
    var fault: Fault
    /// The status, if it is not the fault's own.
    var status: HTTPResponse.Status

    /// A fault with the status of its code.
    init(_ fault: Fault, status: HTTPResponse.Status? = nil) {
        self.fault = fault
        self.status = status ?? Self.status(of: fault.code)
    }

    private static func status(of code: WireErrorCode) -> HTTPResponse.Status {
        switch code {
        case .invalid, .unsupported, .unspecified: .badRequest
        case .unauthenticated: .unauthorized
        case .forbidden: .forbidden
        case .notFound: .notFound
        case .conflict, .callEnded, .answeredElsewhere: .conflict
        case .tooLarge: .contentTooLarge
        case .rateLimited: .tooManyRequests
        case .unavailable: .serviceUnavailable
        case .internal, .UNRECOGNIZED: .internalServerError
        }
    }

    /// The response that says so.
    var response: Response {
        var response = Response.json(WireError(fault), status: status)
        if let wait = fault.retryAfter {
            response.headers[.retryAfter] = String(max(1, (wait.milliseconds + 999) / 1000))
        }
        if status == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer" }
        return response
    }
}

extension Response {
    /// A message as canonical protobuf JSON.
    static func json(_ message: some Message, status: HTTPResponse.Status = .ok) -> Response {
        guard let bytes = try? Encoding.json.encode(message) else { return Response(status: .internalServerError) }
        return Response(
            status: status,
            headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
