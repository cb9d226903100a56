import Foundation
import NIOSSL
import Primitives
import SwiftProtobuf
import Testing
import Wire

@testable import Gateway

/// The same port with TLS.
@Suite(.timeLimit(.minutes(1))) struct TLSTests {
    @Test(arguments: [(.tlsv11, false), (.tlsv12, true), (.tlsv13, true)] as [(TLSVersion, Bool)])
    func oldVersionsAreNotSpoken(version: TLSVersion, isSpoken: Bool) async throws {
        let (serverSide, trusting) = try TestCertificate.make()
        var clientSide = trusting
        clientSide.maximumTLSVersion = version
        let context = try NIOSSLContext(configuration: clientSide)
        try await TestServer.run(.with { $0.tls = serverSide }) { server in
            let raw = try await RawClient.connect(port: server.port, tls: context)
            raw.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            let status = try? await raw.response().status
            #expect((status == 200) == isSpoken)
        }
    }

    @Test func certificatesAreExchangedWhileTheServerRuns() async throws {
        let (old, oldClient) = try TestCertificate.make()
        let (new, newClient) = try TestCertificate.make()
        let trustsOld = try NIOSSLContext(configuration: oldClient)
        let trustsNew = try NIOSSLContext(configuration: newClient)
        let request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        try await TestServer.run(.with { $0.tls = old }) { server in
            func isServed(_ context: NIOSSLContext) async throws -> Bool {
                let raw = try await RawClient.connect(port: server.port, tls: context)
                defer { raw.close() }
                raw.send(request)
                return (try? await raw.response())?.status == 200
            }
            let before = try await RawClient.connect(port: server.port, tls: trustsOld)
            before.send(request)
            #expect(try await before.response().status == 200)

            var mixed = new
            mixed.privateKey = old.privateKey
            #expect(throws: GatewayError.self) { try server.gateway.replaceCertificates(mixed) }
            #expect(try await isServed(trustsOld))

            try server.gateway.replaceCertificates(new)
            #expect(try await isServed(trustsNew))
            #expect(try await !isServed(trustsOld))
            before.send(request)
            #expect(try await before.response().status == 200)
            before.close()
        }
    }

    @Test func socketsAndRequestsWorkOverTLS() async throws {
        let (serverSide, clientSide) = try TestCertificate.make()
        let context = try NIOSSLContext(configuration: clientSide)
        try await TestServer.run(.with { $0.tls = serverSide }) { server in
            let raw = try await RawClient.connect(port: server.port, tls: context)
            raw.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(try await raw.response().status == 200)
            let socket = try await SocketClient.open(server, tls: context)
            let user = try await server.register("ann")
            socket.hello(user)
            #expect(try await socket.receive().ok.welcome.user.username == "ann")
            #expect(try await socket.isAlive())
            // Plain text on this port is not valid and ends the connection.
            let plain = try await RawClient.connect(port: server.port)
            plain.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await plain.waitForEnd()
            socket.raw.send(SocketClient.bytes(opcode: 1, [], reserved: 1))
            #expect(try await socket.closeCode() == 1002)
        }
    }
}

/// A certificate for one test.
enum TestCertificate {
    /// Makes a certificate with the openssl command.
    /// - Returns: A server that has it, and a client that trusts it.
    static func make() throws -> (server: TLSConfiguration, client: TLSConfiguration) {
        let folder = FileManager.default.temporaryDirectory.appending(path: "tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let openssl = Process()
        openssl.executableURL = URL(filePath: "/usr/bin/env")
        openssl.arguments = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
            "1",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout",
            folder.appending(path: "key.pem").path(), "-out", folder.appending(path: "cert.pem").path(),
        ]
        openssl.standardError = FileHandle.nullDevice
        try openssl.run()
        openssl.waitUntilExit()
        try #require(openssl.terminationStatus == 0)
        let certificates = try NIOSSLCertificate.fromPEMFile(folder.appending(path: "cert.pem").path())
        let key = try NIOSSLPrivateKey(file: folder.appending(path: "key.pem").path(), format: .pem)
        let server = TLSConfiguration.makeServerConfiguration(
            certificateChain: certificates.map { .certificate($0) }, privateKey: .privateKey(key))
        var client = TLSConfiguration.makeClientConfiguration()
        client.trustRoots = .certificates(certificates)
        return (server, client)
    }
}
