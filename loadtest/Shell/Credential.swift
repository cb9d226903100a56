import FoundationEssentials
import Primitives

/// What a device presents to the server.
struct Credential: Sendable {
    let accessToken: Redacted<String>
    /// The device for which the token was issued.
    let device: String

    /// Uses an access token made by hand. It contains the device; whether the token is valid is up to the server.
    /// - Returns: nil when it is not a JSON Web Token (RFC 7519) with a device.
    init?(accessToken: String) {
        let parts = accessToken.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        var base64 = String(parts[1].map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 })
        base64 += String(repeating: "=", count: (4 - base64.count % 4) % 4)
        guard let json = Data(base64Encoded: base64), let claims = try? JSONDecoder().decode(Claims.self, from: json),
            let device = DeviceID(claims.did)
        else { return nil }
        self.init(accessToken: Redacted(accessToken), device: device.description)
    }

    init(accessToken: Redacted<String>, device: String) {
        self.accessToken = accessToken
        self.device = device
    }

    /// Reads access tokens, one per line; empty lines do not count.
    /// - Throws: `input`, with the number of the line that is not a token.
    static func parse(_ text: String) throws(LoadTestError) -> [Credential] {
        var credentials: [Credential] = []
        for (index, line) in text.split(
            omittingEmptySubsequences: false, whereSeparator: \.isNewline
        ).enumerated() {
            let token = line.filter { !$0.isWhitespace }
            guard !token.isEmpty else { continue }
            guard let credential = Credential(accessToken: token) else {
                throw LoadTestError(.input, "line \(index + 1) of the token file is not an access token")
            }
            credentials.append(credential)
        }
        return credentials
    }

    private struct Claims: Decodable {
        let did: String
    }
}
