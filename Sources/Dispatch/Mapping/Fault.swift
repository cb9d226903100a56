package import Primitives
package import SignalingCore
package import Wire

/// Why something is not done, as clients are told: over the socket as `Error`, over REST as `Error` with a status.
package struct Fault: Error, Sendable, Equatable {
    /// The code that a client can act upon.
    package var code: WireErrorCode
    /// A message for people.
    package var message: String
    /// When it makes sense to try again.
    package var retryAfter: Instant.Span?

    /// Makes a fault.
    package init(_ code: WireErrorCode, _ message: String, retryAfter: Instant.Span? = nil) {
        self.code = code
        self.message = message
        self.retryAfter = retryAfter
    }
}

extension Fault {
    /// Something that the server needs is unavailable.
    package static let unavailable = Fault(
        .unavailable, "The server cannot do this right now. Try again in a moment.", retryAfter: .seconds(1))
    /// An internal error of the server.
    package static let `internal` = Fault(
        .internal, "An error occurred in the server. Try again, and tell the operator.")

    /// The input does not match the schema.
    package static func invalid(_ message: String) -> Fault { Fault(.invalid, message) }
    /// The input is longer than allowed.
    package static func tooLarge(_ message: String) -> Fault { Fault(.tooLarge, message) }
}

extension WireError {
    /// A fault as sent over the wire.
    package init(_ fault: Fault, call: CallView? = nil) {
        self.init()
        code = fault.code
        message = fault.message
        retryable = fault.code == .rateLimited || fault.code == .unavailable || fault.code == .internal
        if let wait = fault.retryAfter {
            // Rounded up, so that a client that waits exactly this long is not told to wait again.
            retryAfterMs = UInt32(clamping: wait.microseconds.advanced(by: 999) / 1000)
        }
        if let call { self.call = WireCall(call) }
    }
}
