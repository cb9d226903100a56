import Foundation
import Testing
import WebClient

@testable import Gateway

/// The web client's files over raw connections.
@Suite(.timeLimit(.minutes(1))) struct StaticFilesTests {
    /// Sends one request over a connection of its own.
    private func get(_ server: TestServer, _ path: String, method: String = "GET", extra: String = "") async throws
        -> HTTPAnswer
    {
        let raw = try await RawClient.connect(port: server.port)
        defer { raw.close() }
        raw.send("\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\(extra)\r\n")
        return try await raw.response()
    }

    @Test func theWebClientIsServedAndNothingElse() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "web-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: folder.appending(path: "www/app"), withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data("secret".utf8).write(to: folder.appending(path: "secret.txt"))
        try Data("<h1>hi</h1>".utf8).write(to: folder.appending(path: "www/index.html"))
        try Data("export {}".utf8).write(to: folder.appending(path: "www/app/main.js"))
        try Data("hidden".utf8).write(to: folder.appending(path: "www/.hidden"))
        try FileManager.default.createSymbolicLink(
            at: folder.appending(path: "www/link.txt"), withDestinationURL: folder.appending(path: "secret.txt"))
        try await TestServer.run(.with { $0.webRoot = folder.appending(path: "www").path() }) { server in
            let page = try await get(server, "/")
            #expect(page.status == 200 && page.body == "<h1>hi</h1>")
            #expect(page.headers["content-type"] == "text/html; charset=utf-8")
            #expect(page.headers["content-security-policy"]?.contains("frame-ancestors 'none'") == true)
            #expect(page.headers["x-content-type-options"] == "nosniff")
            #expect(page.headers["referrer-policy"] == "no-referrer")
            #expect(page.headers["cache-control"] == "no-cache")
            let script = try await get(server, "/app/main.js?v=1")
            #expect(script.body == "export {}" && script.headers["content-type"] == "text/javascript; charset=utf-8")
            let tag = script.headers["etag"] ?? ""
            #expect(!tag.isEmpty && tag != page.headers["etag"])
            let same = try await get(server, "/app/main.js", extra: "If-None-Match: \"x\", \(tag)\r\n")
            #expect(same.status == 304 && same.body.isEmpty)
            #expect(try await get(server, "/index.html", method: "POST").status == 405)
            for path in [
                "/../secret.txt", "/app/../../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt",
                "/app/..%5c..%5csecret.txt", "//etc/passwd", "/.hidden", "/link.txt", "/app", "/app/", "/%00",
                "/app/main.js/",
            ] {
                let answer = try await get(server, path)
                #expect(answer.status == 404, "\(path)")
            }
        }
    }

    @Test func aFolderThatIsNotThereIsSaidAtTheStart() throws {
        #expect(throws: StaticFilesError.self) { try StaticFiles(folder: "/nowhere/to/be/found") }
    }

    /// Paths that a file refers to: sources and links of a page, imports of a script.
    private func references(in text: String, at path: String) -> Set<String> {
        let names = text.matches(of: /(?: (?:src|href)="|\bfrom ")((?:\/|\.\.?\/)[^"]+)"/).map(\.1)
        let base = URL(string: "http://localhost\(path)")
        return Set(names.compactMap { URL(string: String($0), relativeTo: base)?.absoluteURL.path() })
    }

    @Test func thePageThatComesWithTheServerFindsAllThatItNeeds() async throws {
        let folder = try #require(WebClient.folder)
        try await TestServer.run(.with { $0.webRoot = folder }) { server in
            var waiting: Set<String> = ["/"]
            var served: [String: HTTPAnswer] = [:]
            while let path = waiting.popFirst() {
                let answer = try await get(server, path)
                #expect(answer.status == 200, "\(path)")
                served[path] = answer
                waiting.formUnion(references(in: answer.body, at: path).filter { served[$0] == nil })
            }
            #expect(served["/page/main.js"] != nil && served["/library/client.js"] != nil)
            let scripts = try FileManager.default.subpathsOfDirectory(atPath: folder).filter { $0.hasSuffix(".js") }
            #expect(Set(scripts.map { "/" + $0 }).subtracting(served.keys).isEmpty)
        }
    }

    @Test func theFoldersOwnPageComesBeforeTheOneOfItsPageFolder() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "web-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder.appending(path: "page"), withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data("inner".utf8).write(to: folder.appending(path: "page/index.html"))
        try await TestServer.run(.with { $0.webRoot = folder.path() }) { server in
            let page = try await get(server, "/")
            #expect(page.body == "inner")
        }
        try Data("outer".utf8).write(to: folder.appending(path: "index.html"))
        try await TestServer.run(.with { $0.webRoot = folder.path() }) { server in
            let page = try await get(server, "/")
            #expect(page.body == "outer")
            let own = try await get(server, "/page/")
            #expect(own.body == "inner")
        }
    }
}
