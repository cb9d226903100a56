import SwiftProtobuf
import Testing
import Wire

extension TestServer {
    /// Sends one request over a connection of its own.
    func ask(
        _ method: String, _ path: String, token: String? = nil, body: String? = nil, extra: String = ""
    ) async throws -> HTTPAnswer {
        let raw = try await RawClient.connect(port: port)
        defer { raw.close() }
        let authorization = token.map { "Authorization: Bearer \($0)\r\n" } ?? ""
        let length = body.map { "Content-Type: application/json\r\nContent-Length: \($0.utf8.count)\r\n" } ?? ""
        raw.send("\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\(authorization)\(length)\(extra)\r\n\(body ?? "")")
        return try await raw.response()
    }
}

/// Reads the body of an answer.
func decode<M: Message>(_ type: M.Type, _ answer: HTTPAnswer) throws -> M {
    #expect(answer.headers["content-type"] == "application/json")
    return try Encoding.json.decode(M.self, from: Array(answer.body.utf8))
}

/// Writes the body of a request.
func json(_ message: some Message) throws -> String {
    String(decoding: try Encoding.json.encode(message), as: UTF8.self)
}
