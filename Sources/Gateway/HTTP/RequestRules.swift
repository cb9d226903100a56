import NIOHTTP1
import Wire

/// The checks of every request's head, before anything acts on it (RFC 9112).
enum RequestRules {
    /// The result of the checks.
    enum Verdict {
        /// It continues in this form: the target is a path, the `Host` field the host that is meant.
        case taken(HTTPRequestHead, RequestProperties)
        case refused(RequestRefusal)
    }

    /// Checks a head.
    static func verdict(on head: HTTPRequestHead) -> Verdict {
        guard head.method != .CONNECT, head.uri != "*" else {
            let message = "This server is no proxy, and as a whole it has no options."
            return .refused(.init(status: .notImplemented, code: .unsupported, message: message))
        }
        guard let target = RequestTarget(head.uri) else {
            return .refused(.invalid("The target of the request is neither a path nor an HTTP URL."))
        }
        if let refusal = fault(inHostOf: head, target) ?? fault(inFramingOf: head.headers, version: head.version) {
            return .refused(refusal)
        }
        var head = head
        head.uri = target.path
        if let authority = target.authority { head.headers.replaceOrAdd(name: "host", value: authority) }
        let expectations = head.version == .http1_0 ? [] : head.headers[canonicalForm: "expect"]
        guard expectations.allSatisfy({ $0.lowercased() == "100-continue" }) else {
            let message = "The only expectation that can be met is 100-continue."
            return .refused(.init(status: .expectationFailed, code: .unsupported, message: message))
        }
        let options = head.headers[canonicalForm: "connection"].map { $0.lowercased() }
        let traits = RequestProperties(
            closes: head.version == .http1_0 || options.contains("close"), expectsContinue: !expectations.isEmpty,
            asksForUpgrade: head.headers.contains(name: "upgrade"))
        // In the one form that the handlers of requests look for.
        if traits.closes, !traits.asksForUpgrade { head.headers.replaceOrAdd(name: "connection", value: "close") }
        return .taken(head, traits)
    }

    /// RFC 9112 §3.2: a host is named once; §3.2.2: by the target if it is a URL, whatever the field says.
    private static func fault(inHostOf head: HTTPRequestHead, _ target: RequestTarget) -> RequestRefusal? {
        let hosts = head.headers["host"]
        guard hosts.count == 1 || (hosts.isEmpty && head.version == .http1_0) else {
            return .invalid("The header Host must occur exactly once.")
        }
        guard hosts.allSatisfy({ Authority($0) != nil }) else {
            return .invalid("The header Host must be a host, with :PORT if it is not the default.")
        }
        guard target.authority.map({ Authority($0) != nil }) ?? true else {
            return .invalid("The host in the request target is invalid.")
        }
        return nil
    }

    /// RFC 9112 §6: the end of a body has to be unambiguous, or an intermediary may see another end.
    private static func fault(inFramingOf headers: HTTPHeaders, version: HTTPVersion) -> RequestRefusal? {
        let codings = headers["transfer-encoding"]
        if !codings.isEmpty {
            guard version != .http1_0 else { return .invalid("HTTP/1.0 has no Transfer-Encoding.") }
            guard codings.count == 1, codings[0].lowercased() == "chunked" else {
                let message = "The only Transfer-Encoding that is understood is chunked."
                return .init(status: .notImplemented, code: .unsupported, message: message)
            }
        }
        let lengths = headers["content-length"]
        guard lengths.count <= 1, codings.isEmpty || lengths.isEmpty else {
            return .invalid("The length of the body is given twice.")
        }
        if let length = lengths.first {
            guard !length.isEmpty, length.utf8.allSatisfy({ (0x30...0x39).contains($0) }), Int64(length) != nil else {
                return .invalid("Content-Length is not a number of bytes.")
            }
        }
        return nil
    }
}

/// What matters to the connection about a request.
struct RequestProperties: Equatable {
    /// Nothing comes after it.
    var closes: Bool
    /// Its body comes after `100 Continue`.
    var expectsContinue: Bool
    /// It has an `Upgrade` field. The decoder stops after such a request, so that there is nothing after it.
    var asksForUpgrade: Bool
}
