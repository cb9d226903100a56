import Accounts
import Foundation
import Primitives
import Storage
import SwiftProtobuf
import TestDatabases
import Testing
import Wire

@testable import Gateway

/// Hidden calls through the real services: by REST and over the socket the blocker gets, byte by byte except for ids,
/// what they would get without them, and the caller reads what they would read if nobody were at home.
@Suite(.serialized, .timeLimit(.minutes(2))) struct HiddenCallTests {
    /// One thing that happens. Ben has blocked eve, who does not know.
    enum Happening {
        case hiddenCall, eveWrites, benWrites, benOpens, benUnblocks, heardCall
    }

    /// What happens to the hidden calls.
    enum HiddenCalls {
        case hidden, neverPlaced, heard
    }

    static let stories: [[Happening]] = [
        [.hiddenCall, .hiddenCall, .eveWrites, .benWrites],
        [.eveWrites, .hiddenCall, .benWrites, .hiddenCall, .eveWrites],
        [.hiddenCall, .benOpens, .hiddenCall, .benWrites, .eveWrites],
        [.hiddenCall, .benUnblocks, .heardCall, .eveWrites],
    ]

    @Test(arguments: DatabaseEngine.tested, stories)
    func leaveNoTrace(_ engine: DatabaseEngine, _ story: [Happening]) async throws {
        let hidden = try await told(story, .hidden, engine)
        #expect(try await told(story, .neverPlaced, engine).ben == hidden.ben)
        #expect(try await told(story, .heard, engine).eve == hidden.eve)
    }

    /// What the two are told when this happens: eve by REST, ben also over the socket.
    private func told(
        _ story: [Happening], _ hidden: HiddenCalls, _ engine: DatabaseEngine
    ) async throws -> (ben: [String], eve: [String]) {
        var (bens, eves): ([String], [String]) = ([], [])
        var start = Instant(microseconds: 0)
        try await TestServer.run(on: engine) { server in
            let (benUser, eveUser) = (try await server.register("ben"), try await server.register("eve"))
            if hidden != .heard { try await server.accounts.block(eveUser.id, by: benUser.id) }
            let (ben, _) = try await SocketClient.connect(server, as: benUser)
            let (eve, _) = try await SocketClient.connect(server, as: eveUser)
            start = server.clock.now()
            for (number, happening) in story.enumerated() {
                server.clock.advance(.seconds(Self.pace))
                let id = UInt32(number + 1) * 10
                // The events that ben gets over the socket end with this.
                var isLast: (WireServerFrame) -> Bool = { $0.replyTo == id + 9 }
                switch happening {
                case .hiddenCall:
                    if hidden != .neverPlaced { try await call(benUser, by: eve, id) }
                case .heardCall:
                    try await call(benUser, by: eve, id)
                    var missing = 2
                    isLast = { frame in
                        let isEnd = frame.event.callRingStopped.call.status == .missed
                        if isEnd || frame.event.messageReceived.message.hasCall { missing -= 1 }
                        return missing == 0
                    }
                case .eveWrites:
                    _ = try await eve.ask(id, message("\(number)", to: benUser))
                    isLast = { $0.event.messageReceived.message.body == "\(number)" }
                case .benWrites:
                    try ben.send(id, message("\(number)", to: eveUser))
                    isLast = { $0.replyTo == id }
                case .benOpens:
                    let body = #"{"userId":"\#(eveUser.id)"}"#
                    bens.append(try await answer(server, "POST /v1/conversations", as: benUser, body: body).body)
                case .benUnblocks:
                    try await server.accounts.unblock(eveUser.id, by: benUser.id)
                }
                try ben.send(id + 9, .ping(.init()))
                if hidden != .heard { bens += try await frames(to: ben, through: isLast) }
                bens += try await conversations(of: benUser, server)
                eves += try await conversations(of: eveUser, server)
            }
        }
        return (Self.plain(bens, since: start), Self.plain(eves, since: start))
    }

    /// The time between two steps, in seconds.
    private static let pace: Int64 = 100

    /// Calls and hangs up before anybody answers.
    private func call(_ callee: TestUser, by caller: SocketClient, _ id: UInt32) async throws {
        let placed = try await caller.ask(
            id,
            .callInvite(
                .with {
                    $0.clientCallID = RequestID.random().description
                    $0.userID = callee.id.description
                    $0.type = .voice
                }))
        let ended = try await caller.ask(
            id + 1,
            .callCancel(
                .with {
                    $0.commandID = RequestID.random().description
                    $0.callID = placed.ok.call.id
                }))
        #expect(ended.ok.call.status == .missed)
    }

    private func message(_ body: String, to user: TestUser) -> WireClientFrame.OneOf_Command {
        .sendMessage(
            .with {
                $0.clientMessageID = RequestID.random().description
                $0.userID = user.id.description
                $0.body = body
            })
    }

    /// The messages of the server in order, except for answers to pings.
    private func frames(
        to client: SocketClient, through isLast: (WireServerFrame) -> Bool
    ) async throws -> [String] {
        var texts: [String] = []
        while true {
            let bytes = try await client.frame().payload
            let frame = try client.encoding.decode(WireServerFrame.self, from: bytes)
            if frame.replyTo % 10 != 9 { texts.append(String(decoding: bytes, as: UTF8.self)) }
            if isLast(frame) { return texts }
        }
    }

    /// Sends a REST request.
    private func answer(
        _ server: TestServer, _ request: String, as user: TestUser, body: String? = nil
    ) async throws -> HTTPAnswer {
        let raw = try await RawClient.connect(port: server.port)
        defer { raw.close() }
        let length = body.map { "Content-Type: application/json\r\nContent-Length: \($0.utf8.count)\r\n" } ?? ""
        raw.send(
            "\(request) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(user.token)\r\n\(length)\r\n\(body ?? "")"
        )
        let answer = try await raw.response()
        #expect(answer.status / 100 == 2, "\(request): \(answer)")
        return answer
    }

    /// Everything that a user can read about conversations.
    private func conversations(of user: TestUser, _ server: TestServer) async throws -> [String] {
        let list = try await answer(server, "GET /v1/conversations", as: user).body
        var bodies = [list]
        let conversations = try Encoding.json.decode(WireConversationList.self, from: Array(list.utf8)).conversations
        for conversation in conversations {
            let path = "GET /v1/conversations/\(conversation.id)"
            bodies.append(try await answer(server, path, as: user).body)
            for place in 1...conversation.lastSeq + 2 {
                let page = try await answer(server, "\(path)/messages?limit=2&before_seq=\(place)", as: user)
                bodies.append("before \(place): \(page.body)")
            }
        }
        return bodies
    }

    /// The texts with short names for ids, in the order in which they appear, and the number of `pace` periods for
    /// times.
    private static func plain(_ texts: [String], since start: Instant) -> [String] {
        var names: [Substring: String] = [:]
        return texts.map { text in
            let named = text.replacing(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/) { match in
                let name = names[match.output.0] ?? "#\(names.count)"
                names[match.output.0] = name
                return name
            }
            return named.replacing(/"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)[.\d]*Z"/) { match in
                guard let time = try? Date("\(match.output.1)Z", strategy: .iso8601) else { return "no time" }
                return "+\((Int64(time.timeIntervalSince1970) - start.microseconds / 1_000_000) / pace)"
            }
        }
    }
}
