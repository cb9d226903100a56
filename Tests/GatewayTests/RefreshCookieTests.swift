import Primitives
import SwiftProtobuf
import Testing
import Wire

@testable import Gateway

/// The cookie in which a browser keeps its refresh token.
@Suite(.timeLimit(.minutes(1))) struct RefreshCookieTests {
    @Test func aBrowserKeepsItsRefreshTokenOutOfReachOfScripts() async throws {
        try await TestServer.run { server in
            let device = DeviceID.random(at: server.clock.now()).description
            func post(
                _ path: String, _ body: String, cookie: String? = nil, device: String? = device,
                origin: String? = "http://localhost"
            ) async throws -> HTTPAnswer {
                let fields = [
                    device.map { "Ringback-Refresh-Cookie: \($0)\r\n" }, origin.map { "Origin: \($0)\r\n" },
                    cookie.map { "Cookie: theme=dark; \($0)\r\n" },
                ].compactMap(\.self).joined()
                let raw = try await RawClient.connect(port: server.port)
                defer { raw.close() }
                raw.send(
                    "POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\(fields)"
                        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
                return try await raw.response()
            }
            func credentials(_ answer: HTTPAnswer) throws -> WireCredentials {
                try Encoding.json.decode(WireCredentials.self, from: Array(answer.body.utf8))
            }
            func cookie(_ answer: HTTPAnswer) throws -> String {
                let parts = try #require(answer.headers["set-cookie"]).split(separator: ";").map(\.trimmingSpaces)
                #expect(
                    Set(parts.dropFirst().filter { !$0.hasPrefix("Max-Age=") }) == [
                        "Path=/v1/sessions/refresh", "HttpOnly", "SameSite=Strict",
                    ])
                #expect(parts.contains { $0.hasPrefix("Max-Age=") && (Int($0.dropFirst(8)) ?? 0) > 2_500_000 })
                return parts[0]
            }
            let register =
                "{\"username\":\"ann\",\"password\":\"correct horse\",\"device\":{\"id\":\"\(device)\"}}"
            let made = try await post("/v1/accounts", register)
            #expect(try made.status == 201 && credentials(made).refreshToken.isEmpty)
            let first = try cookie(made)
            #expect(first.hasPrefix("ringback-refresh-\(device)="))
            let logIn = try await post("/v1/sessions", register)
            #expect(try logIn.status == 201 && credentials(logIn).refreshToken.isEmpty)
            let second = try cookie(logIn)
            let refreshed = try await post("/v1/sessions/refresh", "{}", cookie: second)
            #expect(try refreshed.status == 200 && credentials(refreshed).refreshToken.isEmpty)
            let third = try cookie(refreshed)
            #expect(Set([first, second, third]).count == 3)

            // A page of another site, one that does not say where it comes from, and a cookie that was not requested.
            let refresh = "/v1/sessions/refresh"
            for origin in ["http://evil.example", "null", "https://localhost", "http://localhost:81", nil] {
                let answer = try await post(refresh, "{}", cookie: third, origin: origin)
                #expect(answer.status == 403 && answer.headers["set-cookie"] == nil, "\(origin ?? "none")")
            }
            #expect(try await post(refresh, "{}", cookie: third, device: nil).status == 401)
            #expect(try await post(refresh, "{}", cookie: third, device: "x").status == 400)
            let another = DeviceID.random(at: server.clock.now()).description
            #expect(try await post(refresh, "{}", cookie: third, device: another).status == 401)
            // Two of the same name: one of them is from elsewhere.
            #expect(try await post(refresh, "{}", cookie: "\(third); \(third)x").status == 401)
            // A page that had its token before there was the cookie sends it in the body once.
            let body = try await post("/v1/sessions", register, device: nil, origin: nil)
            #expect(try body.headers["set-cookie"] == nil && !credentials(body).refreshToken.isEmpty)
            let token = try credentials(body).refreshToken
            let moved = try await post(refresh, "{\"refreshToken\":\"\(token)\"}")
            #expect(try moved.status == 200 && credentials(moved).refreshToken.isEmpty)
            let last = try await post(refresh, "{}", cookie: try cookie(moved))
            #expect(last.status == 200)

            let access = try credentials(last).accessToken
            let raw = try await RawClient.connect(port: server.port)
            raw.send(
                "DELETE /v1/sessions/current HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(access)\r\n"
                    + "Origin: http://localhost\r\nRingback-Refresh-Cookie: \(device)\r\n\r\n")
            let out = try await raw.response()
            #expect(out.status == 204)
            #expect(out.headers["set-cookie"]?.hasPrefix("ringback-refresh-\(device)=; ") == true)
            #expect(out.headers["set-cookie"]?.contains("Max-Age=0;") == true)
            #expect(try await post(refresh, "{}", cookie: try cookie(last)).status == 401)
        }
    }

    @Test func pagesOfElsewhereAreNotLetThroughByAPreflight() async throws {
        try await TestServer.run(.with { $0.allowedOrigins = Set([Origin("http://app.example")].compactMap(\.self)) }) {
            server in
            for origin in ["http://app.example", "http://evil.example"] {
                let raw = try await RawClient.connect(port: server.port)
                defer { raw.close() }
                raw.send(
                    "OPTIONS /v1/sessions/refresh HTTP/1.1\r\nHost: localhost\r\nOrigin: \(origin)\r\n"
                        + "Access-Control-Request-Method: POST\r\n"
                        + "Access-Control-Request-Headers: ringback-refresh-cookie\r\n\r\n")
                let answer = try await raw.response()
                #expect(answer.status == 405 && !answer.headers.keys.contains { $0.hasPrefix("access-control") })
            }
        }
    }

    @Test func overTLSItIsForTLSAlone() async throws {
        // A proxy in front of the server speaks it.
        try await TestServer.run(.with { $0.publicOrigin = Origin("https://app.example") }) { server in
            let device = DeviceID.random(at: server.clock.now()).description
            for (username, origin, status) in [
                ("ann", "https://app.example", 201), ("ben", "http://app.example", 403),
                ("ben", "http://localhost", 403),
            ] {
                let body =
                    "{\"username\":\"\(username)\",\"password\":\"correct horse\",\"device\":{\"id\":\"\(device)\"}}"
                let raw = try await RawClient.connect(port: server.port)
                defer { raw.close() }
                raw.send(
                    "POST /v1/accounts HTTP/1.1\r\nHost: localhost\r\nOrigin: \(origin)\r\n"
                        + "Ringback-Refresh-Cookie: \(device)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
                let answer = try await raw.response()
                #expect(answer.status == status, "\(origin)")
                #expect(answer.headers["strict-transport-security"] != nil)
                guard status == 201 else { continue }
                let cookie = answer.headers["set-cookie"] ?? ""
                #expect(cookie.hasPrefix("__Secure-ringback-refresh-\(device)=") && cookie.hasSuffix("; Secure"))
            }
        }
    }
}
