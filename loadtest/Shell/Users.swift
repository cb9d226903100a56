import FoundationEssentials
import NIOHTTP1
import Primitives
import SwiftProtobuf
import Wire

/// Where the users of a run come from.
enum Users {
    /// Reads access tokens from a file.
    /// - Throws: `input` when there are too few, or one is invalid.
    static func read(from path: String, count: Int) throws -> [Credential] {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw LoadTestError(.input, "cannot read \(path)")
        }
        let credentials = try Credential.parse(text)
        guard credentials.count >= count else {
            throw LoadTestError(.input, "\(path) has \(credentials.count) tokens, and \(count) are needed")
        }
        return Array(credentials.prefix(count))
    }

    /// Registers users, four at a time: hashing passwords takes the server some time.
    /// - Throws: `server` when it refuses them.
    static func register(_ count: Int, at server: Server, now: Instant) async throws -> [Credential] {
        let run = String(UInt64.random(in: 0...UInt64.max), radix: 36)
        return try await Server.inTurn(count, atATime: 4) { index in
            let device = DeviceID.random(at: now).description
            let request = WireRegisterRequest.with {
                $0.username = "load-\(run)-\(index)"
                $0.password = String(UInt64.random(in: (1 << 60)...UInt64.max), radix: 36)
                $0.device.id = device
                $0.device.name = "loadtest"
            }
            let answer = try await HTTPExchange.post(
                Encoding.json.encode(request), path: "/v1/accounts", server: server)
            guard answer.status == .created else { throw refusal(answer) }
            let credentials = try Encoding.json.decode(WireCredentials.self, from: answer.body)
            return Credential(accessToken: Redacted(credentials.accessToken), device: device)
        }
    }

    private static func refusal(_ answer: HTTPAnswer) -> LoadTestError {
        let text = try? Encoding.json.decode(WireError.self, from: answer.body)
        var message = "the server makes no account: \(answer.status.code) \(text?.message ?? "")"
        if answer.status == .tooManyRequests {
            message += " Use --token-file with tokens made by `ringback token create`."
        }
        return LoadTestError(.server, message, word: "http_\(answer.status.code)")
    }
}
