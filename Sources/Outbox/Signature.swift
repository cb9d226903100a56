import Crypto
import FoundationEssentials
import Primitives

/// Signs requests, so that the receiver knows who sent them and when (RFC 2104, with SHA-256).
struct Signature: Sendable {
    /// The header of the signature.
    static let header = "Ringback-Signature"

    private let key: SymmetricKey

    init(secret: Redacted<String>) {
        key = SymmetricKey(data: Data(secret.exposed.utf8))
    }

    /// `t=<Unix seconds>,v1=<hexadecimal HMAC of "<Unix seconds>.<body>">`.
    func value(for body: String, at now: Instant) -> String {
        let seconds = now.milliseconds / 1000
        let code = HMAC<SHA256>.authenticationCode(for: Data("\(seconds).\(body)".utf8), using: key)
        let digits = Array("0123456789abcdef".utf8)
        let hexadecimal = code.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return "t=\(seconds),v1=\(String(decoding: hexadecimal, as: UTF8.self))"
    }
}
