import NIOHTTP1
import NIOSSL
import Testing

@testable import Gateway

/// Whether a page is the server's own.
@Suite struct OriginTests {
    @Test func originsAreReadAsBrowsersWriteThem() {
        for (text, same) in [
            ("https://a.example", "https://a.example"), ("HTTPS://A.Example", "https://a.example"),
            ("https://a.example:443", "https://a.example"), ("http://a.example:80", "http://a.example"),
            ("http://a.example:443", "http://a.example:443"),
            ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"),
            ("http://192.0.2.1", "http://192.0.2.1"), ("capacitor://localhost", "capacitor://localhost"),
            ("app+x.y-z://a:1", "app+x.y-z://a:1"),
        ] {
            #expect(Origin(text)?.description == same, "\(text)")
        }
        for text in [
            "", "null", "*", "a.example", "//a.example", "https:a.example", "https://", "https:///",
            "https://a.example/",
            "https://a.example/path", "https://a.example?x", "https://a.example#x", "https://ann@a.example",
            "https://a.example:0", "https://a.example:65536", "https://a.example:x", "https://a example",
            "https://*.example",
            "https://[::1", "https://[a]", "https://b\u{FC}cher.example", "https://a.example, https://b.example",
            "ws://a",
            "1a://a", "https://a.example\r\n",
        ] {
            #expect(Origin(text) == nil, "\(text)")
        }
    }

    @Test func theServersOwnPagesAreOfItsScheme() {
        var configuration = GatewayConfiguration()
        #expect(configuration.isOwn(origin: "http://a:8080", host: "a:8080"))
        #expect(configuration.isOwn(origin: "http://a", host: "A:80"))
        #expect(!configuration.isOwn(origin: "https://a:8080", host: "a:8080"))
        #expect(!configuration.isOwn(origin: "http://a", host: nil))
        #expect(!configuration.isOwn(origin: "null", host: "null"))
        configuration.tls = .clientDefault
        #expect(configuration.isOwn(origin: "https://a", host: "a:443"))
        #expect(!configuration.isOwn(origin: "http://a", host: "a"))
        // Behind a proxy that ends TLS; then the host of the request says nothing.
        configuration.tls = nil
        configuration.publicOrigin = Origin("https://a.example")
        #expect(configuration.isOwn(origin: "https://a.example", host: "10.0.0.1:8080"))
        #expect(!configuration.isOwn(origin: "http://10.0.0.1:8080", host: "10.0.0.1:8080"))
        #expect(!configuration.isOwn(origin: "http://a.example", host: "a.example"))
    }

    @Test func aTargetHasOneForm() {
        for (text, path, authority) in [
            ("/", "/", nil), ("/a?b=%7e", "/a?b=%7e", nil), ("/%7Euser/%2f%c3%bc", "/~user/%2F%C3%BC", nil),
            ("http://a", "/", "a"), ("http://a?b", "/?b", "a"), ("HTTPS://a:1/b//c/?d", "/b//c/?d", "a:1"),
            ("//a/b", "//a/b", nil), ("/http://a", "/http://a", nil),
        ] as [(String, String, String?)] {
            let target = RequestTarget(text)
            #expect(target?.path == path && target?.authority == authority, "\(text)")
        }
        for text in ["", "*", "a", "a:80", "/%", "/%1", "/%g0", "/%+1", "/a#b", "ftp://a/b", "://a"] {
            #expect(RequestTarget(text) == nil, "\(text)")
        }
    }
}
