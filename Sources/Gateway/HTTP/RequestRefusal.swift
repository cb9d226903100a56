import FrameDispatch
import NIOCore
import NIOHTTP1
import Wire

/// Why a request is refused by its head, and the last answer of its connection.
struct RequestRefusal: Equatable {
    var status: HTTPResponseStatus
    var code: WireErrorCode
    var message: String
    var headers: HTTPHeaders = [:]

    /// The answer that says so.
    var answer: (head: HTTPResponseHead, body: ByteBuffer) {
        let body = (try? Encoding.json.encode(WireError(Fault(code, message)))) ?? []
        var headers = headers
        headers.add(name: "content-type", value: "application/json")
        headers.add(name: "content-length", value: String(body.count))
        headers.add(name: "connection", value: "close")
        return (HTTPResponseHead(version: .http1_1, status: status, headers: headers), ByteBuffer(bytes: body))
    }
}

extension RequestRefusal {
    /// It is not valid.
    static func invalid(_ message: String) -> Self {
        Self(status: .badRequest, code: .invalid, message: message)
    }

    /// There are more bytes around the body than a body needs: sizes of chunks, their extensions, trailers, blanks.
    static let tooMuchFraming = Self(
        status: .payloadTooLarge, code: .tooLarge, message: "There is too much around the body.")

    /// What the decoder reported.
    init(_ error: HTTPParserError) {
        self =
            switch error {
            case .headerOverflow:
                Self(status: .requestHeaderFieldsTooLarge, code: .tooLarge, message: "The head is too large.")
            case .invalidContentLength, .unexpectedContentLength: .invalid("The length of the body is ambiguous.")
            default: .invalid("This is not HTTP.")
            }
    }
}
