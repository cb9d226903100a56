import NIOCore
import Testing

@testable import loadtest

@Suite("Server address and credentials")
struct AddressTests {
    @Test(
        "Origins",
        arguments: [
            ("http://127.0.0.1:8080", "127.0.0.1", 8080), ("http://localhost", "localhost", 80),
            ("http://[::1]:9/", "::1", 9), ("http://a.example:65535", "a.example", 65_535),
        ])
    func origins(text: String, host: String, port: Int) throws {
        let address = try #require(ServerAddress(text))
        #expect(address.host == host)
        #expect(address.port == port)
    }

    @Test(
        "Anything else is not an origin",
        arguments: [
            "", "127.0.0.1:8080", "https://127.0.0.1", "http://", "http://:80", "http://h:0", "http://h:65536",
            "http://h:",
            "http://h/path", "http://u@h", "http://h?q", "http://[::1", "http://[::1]9", "http://a:b:c",
        ])
    func noOrigins(text: String) {
        #expect(ServerAddress(text) == nil)
    }

    @Test(
        "Only loopback, unless remote addresses are allowed",
        arguments: [
            ("127.0.0.1", true), ("127.9.9.9", true), ("::1", true), ("192.0.2.1", false), ("0.0.0.0", false),
            ("::ffff:192.0.2.1", false), ("2001:db8::1", false),
        ])
    func loopback(host: String, isLoopback: Bool) throws {
        let address = try #require(ServerAddress(host.contains(":") ? "http://[\(host)]:1" : "http://\(host):1"))
        #expect(ServerAddress.isLoopback(try address.resolve(allowRemote: true)) == isLoopback)
        if isLoopback {
            _ = try address.resolve(allowRemote: false)
        } else {
            let error = #expect(throws: LoadTestError.self) { try address.resolve(allowRemote: false) }
            #expect(error?.code == .input)
        }
    }

    @Test("A token contains its device")
    func tokens() throws {
        // The payload is {"did":"01890A5D-AC96-774B-BCCE-B302099A8057","x":"??>"}.
        let token = "e30.eyJkaWQiOiIwMTg5MEE1RC1BQzk2LTc3NEItQkNDRS1CMzAyMDk5QTgwNTciLCJ4IjoiPz8-In0.c2ln"
        let credentials = try Credential.parse("\n\(token)\r\n  \(token)\n\n")
        #expect(credentials.map(\.device) == Array(repeating: "01890a5d-ac96-774b-bcce-b302099a8057", count: 2))
        #expect("\(credentials[0])".contains("eyJ") == false)
        let error = #expect(throws: LoadTestError.self) { try Credential.parse("\(token)\ne30.e30.e30\n") }
        #expect(error?.message == "line 2 of the token file is not an access token")
    }
}
