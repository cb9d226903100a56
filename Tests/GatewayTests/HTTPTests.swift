import Accounts
import Foundation
import NIOSSL
import Primitives
import SwiftProtobuf
import Testing
import Wire

@testable import Gateway

/// What is accepted as HTTP and how it is answered, over raw connections.
@Suite(.timeLimit(.minutes(1))) struct HTTPTests {
    /// The answer to the bytes of a request, over a connection of its own.
    private func answer(_ server: TestServer, to request: String) async throws -> HTTPAnswer {
        let raw = try await RawClient.connect(port: server.port)
        defer { raw.close() }
        raw.send(request)
        return try await raw.response()
    }

    /// Everything that comes after the bytes of a request until the server closes.
    private func everything(_ server: TestServer, after request: String) async throws -> String {
        let raw = try await RawClient.connect(port: server.port)
        raw.send(request)
        return await raw.readToEnd()
    }

    private func count(_ text: String, in whole: String) -> Int { whole.ranges(of: text).count }

    // MARK: Heads

    @Test func aHostIsNamedOnce() async throws {
        try await TestServer.run { server in
            for (version, hosts, status) in [
                ("1.1", [], 400), ("1.1", [""], 400), ("1.1", ["a"], 200), ("1.1", ["a:80"], 200), ("1.1", ["a:"], 200),
                ("1.1", ["[::1]:8080"], 200), ("1.1", ["192.0.2.1"], 200), ("1.1", ["a", "a"], 400),
                ("1.1", ["a", "b"], 400), ("1.1", ["a b"], 400), ("1.1", ["a, b"], 400), ("1.1", ["a/b"], 400),
                ("1.1", ["ann@a"], 400), ("1.1", ["http://a"], 400), ("1.1", ["a:b"], 400), ("1.1", ["a:65536"], 400),
                ("1.1", ["::1"], 400), ("1.1", ["[::1"], 400), ("1.1", ["[x]"], 400), ("1.1", ["a?"], 400),
                ("1.1", ["bücher"], 400), ("1.0", [], 200), ("1.0", ["a"], 200), ("1.0", ["a", "b"], 400),
                ("1.0", ["a b"], 400),
            ] as [(String, [String], Int)] {
                let fields = hosts.map { "Host: \($0)\r\n" }.joined()
                let answer = try await answer(server, to: "GET /healthz HTTP/\(version)\r\n\(fields)\r\n")
                #expect(answer.status == status, "\(version) \(hosts)")
                guard status == 400 else { continue }
                #expect(answer.headers["connection"] == "close")
                let error = try Encoding.json.decode(WireError.self, from: Array(answer.body.utf8))
                #expect(error.code == .invalid && error.message.contains("Host"), "\(version) \(hosts)")
            }
        }
    }

    @Test func aConnectionThatIsToCloseCloses() async throws {
        try await TestServer.run { server in
            for (version, fields) in [
                ("1.0", ""), ("1.0", "Connection: keep-alive\r\n"), ("1.1", "Connection: close\r\n"),
                ("1.1", "Connection: Close\r\n"), ("1.1", "Connection: keep-alive, close\r\n"),
                ("1.1", "Connection: foo\r\nConnection: close\r\n"),
            ] {
                let last = "GET /healthz HTTP/\(version)\r\nHost: a\r\n\(fields)\r\n"
                // What follows it is not answered, and ends the connection there.
                let text = try await everything(
                    server, after: last + "GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                #expect(count("HTTP/1.1 ", in: text) == 1 && text.hasPrefix("HTTP/1.1 200 "), "\(version) \(fields)")
                #expect(text.lowercased().contains("\r\nconnection: close\r\n"), "\(version) \(fields)")
            }
            let kept = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
            let text = try await everything(
                server, after: kept + kept + "GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            #expect(count("HTTP/1.1 200 ", in: text) == 3)
        }
    }

    @Test func whatIsWrongComesAfterTheAnswersBeforeIt() async throws {
        try await TestServer.run { server in
            let good = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
            let text = try await everything(server, after: good + good + "GET /readyz HTTP/1.1\r\n\r\n" + good)
            #expect(count("HTTP/1.1 200 ", in: text) == 2 && count("HTTP/1.1 400 ", in: text) == 1)
            let wrong = try #require(text.range(of: "HTTP/1.1 400 "))
            #expect(count("HTTP/1.1 200 ", in: String(text[..<wrong.lowerBound])) == 2)
        }
    }

    @Test func lengthsAreNumbersThatThereCanBe() async throws {
        try await TestServer.run { server in
            for (fields, status) in [
                ("Content-Length: 2", 400), ("Content-Length: 02", 400), ("Content-Length: 9223372036854775808", 400),
                ("Content-Length: 18446744073709551615", 400), ("Content-Length: 18446744073709551616", 400),
                ("Content-Length: 99999999999999999999999999", 400), ("Content-Length: -1", 400),
                ("Content-Length: +2", 400), ("Content-Length: 0x2", 400), ("Content-Length: 2 2", 400),
                ("Content-Length:", 400), ("Content-Length: 2, 2", 400),
                ("Content-Length: 2\r\nContent-Length: 3", 400),
                ("Content-Length: 2\r\nTransfer-Encoding: chunked", 400),
                ("Transfer-Encoding: chunked\r\nContent-Length: 2", 400), ("Transfer-Encoding: gzip", 501),
                ("Transfer-Encoding: gzip, chunked", 501), ("Transfer-Encoding: chunked, chunked", 501),
                ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 501), ("Content-Length : 2", 400),
            ] {
                let answer = try await answer(
                    server, to: "POST /v1/accounts HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n{}")
                // An invalid account is refused, too, but for its content.
                if fields == "Content-Length: 2" || fields == "Content-Length: 02" {
                    #expect(answer.headers["connection"] != "close", "\(fields)")
                } else {
                    #expect(answer.headers["connection"] == "close", "\(fields)")
                    // If two checks fail, either may answer.
                    #expect([status, 400].contains(answer.status), "\(fields)")
                }
            }
            let old = "POST /v1/accounts HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            let answer = try await answer(server, to: old)
            #expect(answer.status == 400 && answer.body.contains("Transfer-Encoding"))
        }
    }

    @Test func whatIsNoPathIsRefused() async throws {
        try await TestServer.run { server in
            for (request, status) in [
                ("OPTIONS *", 501), ("CONNECT a:80", 501), ("GET http://", 400), ("GET ftp://a/healthz", 400),
                ("GET http://ann@a/healthz", 400), ("GET /healthz#top", 400), ("GET /health%7", 400),
                ("GET /health%zz", 400), ("GET http://b/healthz", 200), ("GET HTTP://b:8080/healthz?x=1", 200),
                ("GET /health%7A", 200), ("GET /%68ealthz", 200), ("GET //healthz/", 200),
            ] {
                let answer = try await answer(server, to: "\(request) HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(answer.status == status, "\(request)")
            }
        }
    }

    // MARK: Expectations

    @Test func aBodyIsAskedForWhenItIsWanted() async throws {
        try await TestServer.run { server in
            let raw = try await RawClient.connect(port: server.port)
            let head = "POST /v1/accounts HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            raw.send(head + "Content-Length: 2\r\nExpect: 100-Continue\r\n\r\n")
            #expect(try await raw.response().status == 100)
            raw.send("{}")
            #expect(try await raw.response().status == 400)
            // The connection goes on.
            raw.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await raw.response().status == 200)
            // `100 Continue` is not sent for a body that has already come.
            let eager = try await RawClient.connect(port: server.port)
            eager.send(head + "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n{}")
            #expect(try await eager.response().status == 400)
            // HTTP/1.0 has no such thing.
            let old = try await RawClient.connect(port: server.port)
            old.send(head.replacing("1.1", with: "1.0") + "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n{}")
            #expect(try await old.response().status == 400)
        }
    }

    @Test func aBodyIsNotAskedForWhenTheHeadSaysEnough() async throws {
        try await TestServer.run { server in
            for (request, fields, status) in [
                ("POST /v1/nothing", "Content-Length: 2", 404), ("PUT /v1/accounts", "Content-Length: 2", 405),
                ("POST /v1/contacts", "Content-Length: 2", 401), ("POST /v1/accounts", "Content-Length: 70000", 413),
                ("POST /v1/nothing", "Transfer-Encoding: chunked", 404),
            ] {
                let head = "\(request) HTTP/1.1\r\nHost: a\r\n\(fields)\r\nExpect: 100-continue\r\n\r\n"
                let raw = try await RawClient.connect(port: server.port)
                raw.send(head)
                let answer = try await raw.response()
                #expect(answer.status == status && answer.headers["connection"] == "close", "\(request)")
                // What could be a second request is discarded: it might as well be the body.
                raw.send("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                #expect(await raw.readToEnd().isEmpty, "\(request)")
            }
            for expectation in ["200-ok", "100-continue, x", "x"] {
                let answer = try await answer(
                    server,
                    to: "POST /v1/accounts HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: \(expectation)\r\n\r\n{}"
                )
                #expect(answer.status == 417, "\(expectation)")
            }
        }
    }

    // MARK: Bodies

    @Test func framingOfABodyIsBounded() async throws {
        try await TestServer.run { server in
            let head = "POST /v1/accounts HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            let much = String(repeating: "x", count: 1 << 20)
            for (name, body) in [
                ("an extension", "2;\(much)\r\n{}\r\n0\r\n\r\n"),
                ("a quoted extension", "2;a=\"\(much)\"\r\n{}\r\n0\r\n\r\n"),
                ("many extensions", String(repeating: "1;a=b\r\n \r\n", count: 20_000) + "0\r\n\r\n"),
                ("a last extension", "2\r\n{}\r\n0;\(much)\r\n\r\n"), ("zeros", String(repeating: "0", count: 1 << 20)),
                ("a trailer", "2\r\n{}\r\n0\r\nx: \(much)\r\n\r\n"),
                ("many trailers", "2\r\n{}\r\n0\r\n" + String(repeating: "x: y\r\n", count: 50_000) + "\r\n"),
                ("blanks", "2\r\n{}\r\n0\r\nx:" + String(repeating: " ", count: 1 << 20) + "y\r\n\r\n"),
            ] {
                let text = try await everything(server, after: head + body)
                let ofFraming = text.hasPrefix("HTTP/1.1 4") && text.lowercased().contains("connection: close")
                #expect(ofFraming, "\(name): \(text.prefix(200))")
                #expect(!text.contains("username"), "\(name)")
            }
            // As clients do.
            let answer = try await answer(server, to: head + "2;name=\"value\"\r\n{}\r\n0\r\nx: y\r\n\r\n")
            #expect(answer.status == 400 && answer.headers["connection"] != "close")
        }
    }

    @Test func aBodyThatNobodyReadsIsNotReadForLong() async throws {
        try await TestServer.run { server in
            let raw = try await RawClient.connect(port: server.port)
            raw.send("POST /v1/nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n")
            #expect(try await raw.response().status == 404)
            for _ in 0..<64 { raw.send([UInt8](repeating: 0x20, count: 64 * 1024)) }
            await raw.waitForEnd()
        }
    }

    @Test func whatFollowsTheLastRequestIsNotKept() async throws {
        try await TestServer.run { server in
            // The decoder stops after each of these.
            for fields in ["Connection: close", "Connection: Upgrade\r\nUpgrade: h2c"] {
                let raw = try await RawClient.connect(port: server.port)
                raw.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n")
                let answer = try await raw.response()
                #expect(answer.status == 200 && answer.headers["connection"] == "close", "\(fields)")
                for _ in 0..<64 { raw.send([UInt8](repeating: 0x20, count: 64 * 1024)) }
                #expect(await raw.readToEnd().isEmpty, "\(fields)")
            }
        }
    }

    // MARK: Targets

    @Test func aSocketIsWhereRESTWouldFindIt() async throws {
        try await TestServer.run(.with { $0.echoes = true }) { server in
            for path in [
                "/v1/socket", "//v1/socket", "/v1//socket", "/v1/socket/", "//v1//socket//", "/v1/socket?x=1",
                "/v1/%73ocket", "http://localhost/v1/socket", "HTTP://localhost:80/v1/socket/?x",
                "ws://localhost/v1/socket",
            ] {
                let answer = try await answer(server, to: SocketClient.upgrade(path: path))
                #expect(answer.status == 101, "\(path)")
                let echo = path.replacing("socket", with: "echo").replacing("%73ocket", with: "%65cho")
                let echoed = try await self.answer(server, to: SocketClient.upgrade(path: echo, encoding: nil))
                #expect(echoed.status == 101, "\(echo)")
            }
            // The target decides which host is meant, whatever the field says (RFC 9112 §3.2.2).
            let other = SocketClient.upgrade(
                path: "http://other.example/v1/socket", extra: "Origin: http://other.example\r\n")
            #expect(try await answer(server, to: other).status == 101)
            let wrong = SocketClient.upgrade(
                path: "http://other.example/v1/socket", extra: "Origin: http://localhost\r\n")
            #expect(try await answer(server, to: wrong).status == 403)
        }
    }

    @Test func filesAreFoundByTheirNames() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "web-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder.appending(path: "a b"), withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for name in ["app.js", "a b/ü.txt", "100%.txt", "a+b.txt"] {
            try Data(name.utf8).write(to: folder.appending(path: name))
        }
        try await TestServer.run(.with { $0.webRoot = folder.path() }) { server in
            for (path, body) in [
                ("/app.js", "app.js"), ("/app%2Ejs", "app.js"), ("/%61pp.js?v=1", "app.js"),
                ("/a%20b/%C3%BC.txt", "a b/ü.txt"), ("/a%20b/%c3%bc.txt", "a b/ü.txt"), ("/100%25.txt", "100%.txt"),
                ("/a+b.txt", "a+b.txt"), ("/a%2Bb.txt", "a+b.txt"), ("http://a/app.js", "app.js"),
            ] {
                let answer = try await answer(server, to: "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(answer.status == 200 && answer.body == body, "\(path)")
            }
            for path in ["/a%20b%2F%C3%BC.txt", "/a%20b/%FC.txt", "/app.js%00", "/%2e%2e/app.js", "/a%2520b/x"] {
                let answer = try await answer(server, to: "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(answer.status == 404, "\(path)")
            }
        }
    }

    @Test func queriesAreReadAsFormsAreWritten() async throws {
        try await TestServer.run { server in
            let device = DeviceID.random(at: server.clock.now())
            for (username, name) in [("space", "Zoe Space"), ("plus", "Zoe+Plus")] {
                _ = try await server.accounts.register(
                    username: username, password: Redacted("correct horse"), displayName: name,
                    client: ClientInfo(device: device, deviceName: "", ipAddress: "", userAgent: ""))
            }
            let ann = try await server.register("ann")
            for (query, found) in [
                ("query=zoe+s", ["space"]), ("query=zoe%20s", ["space"]), ("query=zoe%2Bp", ["plus"]),
                ("%71uery=zoe+s", ["space"]), ("query=zoe%2bp&query=zoe+s", ["plus"]),
                ("x=1&query=zoe+s&&y", ["space"]),
                ("query=%FF", []), ("query=zoe%", []),
            ] {
                let request =
                    "GET /v1/users?\(query) HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(ann.token)\r\n\r\n"
                let answer = try await answer(server, to: request)
                let users = try Encoding.json.decode(WireUserList.self, from: Array(answer.body.utf8)).users
                #expect(users.map(\.username) == found, "\(query)")
            }
        }
    }

    // MARK: Fields of answers

    @Test func everyAnswerKeepsItsTypeToItself() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "web-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data("<h1>hi</h1>".utf8).write(to: folder.appending(path: "index.html"))
        let configuration = GatewayConfiguration.with {
            $0.webRoot = folder.path()
            $0.openAPI = Array("openapi: 3.1.0\n".utf8)
        }
        try await TestServer.run(configuration) { server in
            let ann = try await server.register("ann")
            for (request, status) in [
                ("GET / HTTP/1.1\r\nHost: a", 200), ("GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: *", 304),
                ("GET /healthz HTTP/1.1\r\nHost: a", 200), ("GET /readyz HTTP/1.1\r\nHost: a", 200),
                ("GET /metrics HTTP/1.1\r\nHost: a", 200), ("GET /v1/openapi.yaml HTTP/1.1\r\nHost: a", 200),
                ("GET /nothing HTTP/1.1\r\nHost: a", 404), ("POST / HTTP/1.1\r\nHost: a", 405),
                ("GET /v1/me HTTP/1.1\r\nHost: a", 401), ("GET /healthz HTTP/1.1", 400), ("garbage", 400),
                ("DELETE /v1/sessions/current HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(ann.token)", 204),
                ("GET /v1/socket HTTP/1.1\r\nHost: a", 426),
            ] {
                let answer = try await answer(server, to: request + "\r\n\r\n")
                #expect(answer.status == status, "\(request)")
                #expect(answer.headers["x-content-type-options"] == "nosniff", "\(request)")
                #expect(answer.headers["referrer-policy"] == "no-referrer", "\(request)")
                #expect(answer.headers["strict-transport-security"] == nil, "\(request)")
            }
            // A later request that is not valid HTTP.
            let raw = try await RawClient.connect(port: server.port)
            raw.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await raw.response().status == 200)
            raw.send("garbage\r\n\r\n")
            let last = try await raw.response()
            #expect(last.status == 400 && last.headers["x-content-type-options"] == "nosniff")
        }
    }

    @Test func thePageMayDoWhatItNeedsAndNoMore() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "web-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data("<h1>hi</h1>".utf8).write(to: folder.appending(path: "index.html"))
        try await TestServer.run(.with { $0.webRoot = folder.path() }) { server in
            let page = try await answer(server, to: "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            let policy = page.headers["content-security-policy"]?.split(separator: ";").map(\.trimmingSpaces) ?? []
            for directive in [
                "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "object-src 'none'",
                "connect-src 'self'",
            ] {
                #expect(policy.contains(directive), "\(directive)")
            }
            let permissions = page.headers["permissions-policy"] ?? ""
            for permission in [
                "camera=(self)", "microphone=(self)", "display-capture=(self)", "geolocation=()", "payment=()",
            ] {
                #expect(permissions.contains(permission), "\(permission)")
            }
            #expect(page.headers["cross-origin-opener-policy"] == "same-origin")
        }
    }

    @Test func browsersAreToldToStayWithTLS() async throws {
        let (serverSide, clientSide) = try TestCertificate.make()
        let context = try NIOSSLContext(configuration: clientSide)
        try await TestServer.run(.with { $0.tls = serverSide }) { server in
            for request in [
                "GET /healthz HTTP/1.1\r\nHost: localhost", "GET /nothing HTTP/1.1\r\nHost: localhost", "garbage",
            ] {
                let raw = try await RawClient.connect(port: server.port, tls: context)
                raw.send(request + "\r\n\r\n")
                let answer = try await raw.response()
                #expect(answer.headers["strict-transport-security"]?.hasPrefix("max-age=") == true, "\(request)")
                raw.close()
            }
        }
    }
}
