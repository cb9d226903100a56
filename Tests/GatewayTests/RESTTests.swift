import Accounts
import Foundation
import HTTPTypes
import Primitives
import Storage
import SwiftProtobuf
import Testing
import Wire

@testable import Gateway

/// The REST interface over raw connections.
@Suite(.timeLimit(.minutes(1))) struct RESTTests {
    @Test func anAccountFromRegistrationToLogout() async throws {
        try await TestServer.run { server in
            let device = DeviceID.random(at: server.clock.now()).description
            let register = WireRegisterRequest.with {
                $0.username = "ann"
                $0.password = "correct horse"
                $0.displayName = "Ann Example"
                $0.device.id = device
                $0.device.name = "A browser"
            }
            let made = try await server.ask(
                "POST", "/v1/accounts", body: json(register), extra: "User-Agent: raw\r\n")
            #expect(made.status == 201)
            let credentials = try decode(WireCredentials.self, made)
            #expect(credentials.user.displayName == "Ann Example" && !credentials.accessToken.isEmpty)
            #expect(credentials.accessTokenExpiresAt.seconds > 0 && credentials.refreshTokenExpiresAt.seconds > 0)
            let taken = try await server.ask("POST", "/v1/accounts", body: json(register))
            #expect(taken.status == 409)
            #expect(try decode(WireError.self, taken).code == .conflict)

            let me = try await server.ask("GET", "/v1/me", token: credentials.accessToken)
            #expect(me.status == 200)
            #expect(try decode(WireUser.self, me) == credentials.user)

            let login = WireLoginRequest.with {
                $0.username = "Ann"
                $0.password = "correct horse"
                $0.device.id = RequestID.random(at: server.clock.now()).description
            }
            let second = try await server.ask("POST", "/v1/sessions", body: json(login))
            #expect(second.status == 201)
            let other = try decode(WireCredentials.self, second)
            var wrong = login
            wrong.password = "battery staple"
            let refused = try await server.ask("POST", "/v1/sessions", body: json(wrong))
            #expect(refused.status == 401)
            #expect(refused.headers["www-authenticate"] == "Bearer")

            let listed = try await server.ask("GET", "/v1/sessions", token: credentials.accessToken)
            let sessions = try decode(WireSessionList.self, listed).sessions
            #expect(Set(sessions.map(\.id)) == [credentials.sessionID, other.sessionID])
            #expect(sessions.filter(\.current).map(\.id) == [credentials.sessionID])
            let own = sessions.first { $0.current }
            #expect(own?.device.name == "A browser" && own?.userAgent == "raw" && own?.ipAddress == "127.0.0.1")

            let refresh = try json(WireRefreshRequest.with { $0.refreshToken = credentials.refreshToken })
            let refreshed = try await server.ask("POST", "/v1/sessions/refresh", body: refresh)
            #expect(refreshed.status == 200)
            let fresh = try decode(WireCredentials.self, refreshed)
            #expect(fresh.sessionID == credentials.sessionID && fresh.refreshToken != credentials.refreshToken)
            // The answer may have been lost, so the same token stays valid for one repeat, for a moment.
            #expect(try await server.ask("POST", "/v1/sessions/refresh", body: refresh).status == 200)

            let path = "/v1/sessions/\(other.sessionID)"
            #expect(try await server.ask("DELETE", path, token: fresh.accessToken).status == 204)
            #expect(try await server.ask("DELETE", path, token: fresh.accessToken).status == 404)
            #expect(try await server.ask("DELETE", "/v1/sessions/nonsense", token: fresh.accessToken).status == 404)
            #expect(try await server.ask("GET", "/v1/me", token: other.accessToken).status == 401)
            #expect(try await server.ask("DELETE", "/v1/sessions/current", token: fresh.accessToken).status == 204)
            #expect(try await server.ask("GET", "/v1/me", token: fresh.accessToken).status == 401)

            // Valid once more, but not a third time: then the session ends.
            let third = try decode(
                WireCredentials.self, try await server.ask("POST", "/v1/sessions", body: json(login)))
            let again = try json(WireRefreshRequest.with { $0.refreshToken = third.refreshToken })
            for status in [200, 200, 401, 401] {
                #expect(try await server.ask("POST", "/v1/sessions/refresh", body: again).status == status)
            }
            #expect(try await server.ask("GET", "/v1/me", token: third.accessToken).status == 401)
        }
    }

    @Test func peopleConversationsAndCalls() async throws {
        try await TestServer.run { server in
            let (ann, ben) = (try await server.register("ann"), try await server.register("ben"))
            let found = try await server.ask("GET", "/v1/users?query=B%65&limit=5", token: ann.token)
            #expect(try decode(WireUserList.self, found).users.map(\.username) == ["ben"])
            #expect(try await server.ask("GET", "/v1/users?query=b&limit=none", token: ann.token).status == 400)

            let open = try json(WireOpenConversationRequest.with { $0.userID = ben.id.description })
            let opened = try await server.ask("POST", "/v1/conversations", token: ann.token, body: open)
            #expect(opened.status == 200)
            let conversation = try decode(WireConversation.self, opened)
            #expect(conversation.type == .direct && conversation.members.count == 2)
            let nobody = try json(WireOpenConversationRequest.with { $0.userID = ann.device.description })
            #expect(try await server.ask("POST", "/v1/conversations", token: ann.token, body: nobody).status == 404)

            let (client, _) = try await SocketClient.connect(server, as: ann)
            for id in 2...4 as ClosedRange<UInt32> {
                _ = try await client.ask(
                    id,
                    .sendMessage(
                        .with {
                            $0.clientMessageID = RequestID.random(at: server.clock.now()).description
                            $0.conversationID = conversation.id
                            $0.body = "message \(id)"
                        }))
            }
            let list = try await server.ask("GET", "/v1/conversations", token: ben.token)
            let listed = try decode(WireConversationList.self, list).conversations
            #expect(listed.map(\.id) == [conversation.id] && listed.first?.lastMessage.body == "message 4")
            let messages = "/v1/conversations/\(conversation.id)/messages"
            let newest = try decode(
                WireMessageList.self, await server.ask("GET", messages + "?limit=2", token: ben.token))
            #expect(newest.messages.map(\.seq) == [2, 3] && newest.hasMore_p)
            let older = try decode(
                WireMessageList.self, await server.ask("GET", messages + "?before_seq=2", token: ben.token))
            #expect(older.messages.map(\.body) == ["message 2"] && !older.hasMore_p)
            let eve = try await server.register("eve")
            #expect(try await server.ask("GET", messages, token: eve.token).status == 404)

            for id in 10...11 as ClosedRange<UInt32> {
                let placed = try await client.ask(
                    id,
                    .callInvite(
                        .with {
                            $0.clientCallID = RequestID.random(at: server.clock.now()).description
                            $0.userID = ben.id.description
                            $0.type = .voice
                        }))
                _ = try await client.ask(
                    id + 10,
                    .callCancel(
                        .with {
                            $0.commandID = RequestID.random(at: server.clock.now()).description
                            $0.callID = placed.ok.call.id
                        }))
            }
            let first = try decode(WireCallList.self, await server.ask("GET", "/v1/calls?limit=1", token: ben.token))
            #expect(first.calls.map(\.endReason) == [.cancelled] && !first.nextCursor.isEmpty)
            let next = try decode(
                WireCallList.self,
                await server.ask("GET", "/v1/calls?limit=1&cursor=\(first.nextCursor)", token: ben.token))
            #expect(next.calls.count == 1 && next.calls.first?.id != first.calls.first?.id)
            #expect(try await server.ask("GET", "/v1/calls?cursor=x", token: ben.token).status == 400)

            // Each call has left its line in the conversation, with its summary.
            let lines = try decode(
                WireMessageList.self, await server.ask("GET", messages + "?limit=2", token: ben.token)
            ).messages
            #expect(lines.map(\.type) == [.system, .system] && lines.map(\.seq) == [4, 5])
            #expect(lines.map(\.call.callID) == [next.calls[0].id, first.calls[0].id])
            #expect(lines.allSatisfy { $0.call.status == .missed && $0.call.endReason == .cancelled })
            #expect(lines.allSatisfy { $0.call.type == .voice && $0.call.initiatorID == ann.id.description })

            for (query, count) in [
                ("missed=true", 2), ("missed=false", 2), ("type=voice", 2), ("type=video", 0),
                ("with=\(ann.id)&missed=true", 2), ("with=\(eve.id)", 0),
            ] {
                let page = try await server.ask("GET", "/v1/calls?\(query)", token: ben.token)
                #expect(try decode(WireCallList.self, page).records.filter(\.missed).count == count, "\(query)")
            }
            let caller = try await server.ask("GET", "/v1/calls?missed=true", token: ann.token)
            #expect(try decode(WireCallList.self, caller).calls.isEmpty)
            for query in ["missed=perhaps", "type=fax", "with=ben"] {
                #expect(try await server.ask("GET", "/v1/calls?\(query)", token: ben.token).status == 400)
            }
            let shared = "/v1/conversations/\(conversation.id)/calls"
            let both = try decode(WireCallList.self, await server.ask("GET", shared, token: ann.token))
            #expect(both.calls.count == 2 && both.records.map(\.callID) == both.calls.map(\.id))
            #expect(try await server.ask("GET", shared, token: eve.token).status == 404)
            let one = "/v1/calls/\(first.calls[0].id)"
            let details = try decode(WireCallDetails.self, await server.ask("GET", one, token: ben.token))
            #expect(details.call.participants.count == 2 && details.record.missed)
            #expect(try await server.ask("GET", one, token: eve.token).status == 404)

            func unseen(_ answer: HTTPAnswer) throws -> UInt32 { try decode(WireMissedCalls.self, answer).unseen }
            #expect(try unseen(await server.ask("GET", "/v1/calls/missed", token: ben.token)) == 2)
            let seen = "/v1/calls/missed/seen"
            let olderCall = try json(WireSeenMissedCallsRequest.with { $0.callID = next.calls[0].id })
            #expect(try unseen(await server.ask("POST", seen, token: ben.token, body: olderCall)) == 1)
            #expect(try unseen(await server.ask("POST", seen, token: ben.token, body: olderCall)) == 1)
            #expect(try unseen(await server.ask("POST", seen, token: ben.token, body: "{}")) == 0)
            #expect(try unseen(await server.ask("GET", "/v1/calls/missed", token: ann.token)) == 0)
            #expect(try await server.ask("POST", seen, token: ben.token, body: "{\"callId\": \"x\"}").status == 400)
        }
    }

    @Test func whatIsWrongIsSaid() async throws {
        try await TestServer.run { server in
            let unknown = try await server.ask("GET", "/v1/nothing")
            #expect(unknown.status == 404)
            #expect(try decode(WireError.self, unknown).code == .notFound)
            let method = try await server.ask("PUT", "/v1/accounts", body: "{}")
            #expect(method.status == 405 && method.headers["allow"] == "POST")
            let other = try await server.ask("POST", "/v1/sessions/current")
            #expect(other.status == 405 && other.headers["allow"] == "DELETE")
            // A path with an id would match, but is not meant here.
            let action = try await server.ask("DELETE", "/v1/sessions/refresh")
            #expect(action.status == 405 && action.headers["allow"] == "POST")
            #expect(try decode(WireError.self, action).code == .invalid)
            for body in ["", "{", "[]", "{\"username\":7}", "\u{0}"] {
                let answer = try await server.ask("POST", "/v1/accounts", body: body)
                #expect(answer.status == 400)
                #expect(try decode(WireError.self, answer).code == .invalid)
            }
            let large = try await server.ask(
                "POST", "/v1/accounts", body: String(repeating: " ", count: 64 * 1024 + 1))
            #expect(large.status == 413)
            #expect(try decode(WireError.self, large).code == .tooLarge)
            let chunked = try await RawClient.connect(port: server.port)
            chunked.send("POST /v1/accounts HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<9 { chunked.send("2000\r\n" + String(repeating: " ", count: 0x2000) + "\r\n") }
            chunked.send("0\r\n\r\n")
            #expect(try await chunked.response().status == 413)
            #expect(try await server.ask("GET", "/v1/me").status == 401)
            #expect(try await server.ask("GET", "/v1/me", token: "x").status == 401)
            #expect(try await server.ask("GET", "/v1/me", extra: "Authorization: Basic eDp5\r\n").status == 401)
            #expect(try await server.ask("GET", "/healthz").status == 200)
            let head = try await RawClient.connect(port: server.port)
            head.send("HEAD /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            let text = await head.readToEnd()
            #expect(text.hasPrefix("HTTP/1.1 200") && text.hasSuffix("\r\n\r\n"))
        }
    }

    /// A name that the schema does not have is not ignored.
    @Test func unknownNamesAreSaid() async throws {
        try await TestServer.run { server in
            let token = try await server.register("ann").token
            for (method, path, body, field) in [
                ("PATCH", "/v1/me/call-settings", #"{"callWaiting":true,"whoCanCall":"FRIENDS"}"#, "whoCanCall"),
                ("PATCH", "/v1/me/call-settings", #"{"who_can_call":"WHO_CAN_CALL_FRIENDS"}"#, "who_can_call"),
                ("POST", "/v1/conversations", #"{"type":"CONVERSATION_TYPE_CHANNEL","name":"x"}"#, "type"),
                ("PATCH", "/v1/conversations/\(Self.nothing)/members/\(Self.nothing)", #"{"role":"KING"}"#, "role"),
            ] {
                let answer = try await server.ask(method, path, token: token, body: body)
                #expect(answer.status == 400, "\(body)")
                let error = try decode(WireError.self, answer)
                #expect(error.code == .invalid)
                #expect(error.message.hasPrefix("\(field) "), "\(error.message)")
            }
            let settings = try await server.ask("GET", "/v1/me/call-settings", token: token)
            #expect(try decode(WireCallSettings.self, settings).callWaiting == false)
            // A field of a newer schema does no harm.
            let newer = try await server.ask(
                "PATCH", "/v1/me/call-settings", token: token, body: #"{"new":"x","callWaiting":true}"#)
            #expect(newer.status == 200)
        }
    }

    private static let nothing = "00000000-0000-7000-8000-000000000000"

    @Test func tooManyAttemptsAreToldWhenToComeBack() async throws {
        try await TestServer.run(attempts: .init(perUsername: 3)) { server in
            _ = try await server.register("ann")
            let login = try json(
                WireLoginRequest.with {
                    $0.username = "ann"
                    $0.password = "wrong wrong"
                    $0.device.id = RequestID.random(at: server.clock.now()).description
                })
            for _ in 0..<3 {
                #expect(try await server.ask("POST", "/v1/sessions", body: login).status == 401)
            }
            let answer = try await server.ask("POST", "/v1/sessions", body: login)
            #expect(answer.status == 429)
            #expect(Int(answer.headers["retry-after"] ?? "") ?? 0 > 0)
            #expect(try decode(WireError.self, answer).retryable)
        }
    }

    @Test func theOperatorSeesHowThingsStand() async throws {
        let document = Array("openapi: 3.1.0\n".utf8)
        let configuration = GatewayConfiguration.with {
            $0.openAPI = document
            $0.version = "1.2.3"
        }
        try await TestServer.run(configuration) { server in
            let health = try decode(WireHealth.self, await server.ask("GET", "/healthz"))
            #expect(health.status == "ok" && health.version == "1.2.3")
            #expect(try await server.ask("GET", "/readyz").status == 200)
            let yaml = try await server.ask("GET", "/v1/openapi.yaml")
            #expect(yaml.body == "openapi: 3.1.0\n" && yaml.headers["content-type"] == "application/yaml")
            let (client, _) = try await SocketClient.connect(server, as: server.register("ann"))
            let metrics = try await server.ask("GET", "/metrics")
            #expect(metrics.headers["content-type"]?.hasPrefix("text/plain; version=0.0.4") == true)
            #expect(metrics.body.contains("\nringback_sockets 1\n"))
            #expect(metrics.body.contains("ringback_socket_upgrades_total{outcome=\"accepted\"} 1\n"))
            #expect(try await client.isAlive())
        }
        try await TestServer.run(pingFails: true) { server in
            let answer = try await server.ask("GET", "/readyz")
            #expect(answer.status == 503)
            #expect(try decode(WireHealth.self, answer).problems == ["the database does not answer"])
            #expect(try await server.ask("GET", "/healthz").status == 200)
        }
        try await TestServer.run { server in
            server.clock.advance(.seconds(101 * 24 * 3600))
            let answer = try await server.ask("GET", "/readyz")
            #expect(answer.status == 503)
            let problems = try decode(WireHealth.self, answer).problems
            #expect(problems == ["calls have to wait until the node's lease is renewed"])
        }
    }

    @Test func theDocumentNamesEveryRouteAndNoOther() async throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/openapi.yaml")
        var documented: Set<String> = []
        var path = ""
        var isInPaths = false
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            if !line.hasPrefix(" ") { isInPaths = line == "paths:" }
            guard isInPaths, line.hasSuffix(":") else { continue }
            let name = line.dropLast().trimmingSpaces
            if line.hasPrefix("  /") { path = name }
            if ["    get:", "    post:", "    delete:", "    put:", "    patch:"].contains(line) {
                documented.insert("\(name.uppercased()) \(path)")
            }
        }
        try await TestServer.run(.with { $0.echoes = true }) { server in
            #expect(documented == Set(server.gateway.routes.map { "\($0.method.rawValue) \($0.path)" }))
            // The router knows each of them: none is answered as if it were not there.
            for route in server.gateway.routes {
                let path = route.path.replacing("{id}", with: "0190a0c0-0000-7000-8000-000000000000")
                let answer = try await server.ask(route.method.rawValue, path)
                #expect(answer.status != 405, "\(path)")
                #expect(answer.status != 404 || path == "/v1/openapi.yaml", "\(path)")
            }
        }
    }
}
