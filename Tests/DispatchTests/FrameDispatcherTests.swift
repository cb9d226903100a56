import Composition
import Primitives
import SignalingService
import Storage
import SwiftProtobuf
import TestBackends
import TestDatabases
import Testing
import Wire

@testable import FrameDispatch

/// Frames on their way to the services, without a socket.
@Suite(.timeLimit(.minutes(1))) struct FrameDispatcherTests {
    private static let now = Instant(microseconds: 1_700_000_000_000_000)
    private static let ann = Profile(id: UserID(high: 1, low: 1), username: "ann", displayName: "Ann")
    private static let ben = Profile(id: UserID(high: 1, low: 2), username: "ben", displayName: "Ben")

    /// A dispatcher with real services that know two people, and a device of one of them.
    private struct World {
        let dispatcher: FrameDispatcher
        let socket: AnswerSocket

        static func run(_ body: (World) async throws -> Void) async throws {
            try await TestDatabase.with(.sqlite) { database, _ in
                for person in [ann, ben] {
                    let values: [SQLValue] = [
                        .id(person.id), .text(person.username), .null, .null, .text(person.displayName),
                        .text(person.username), .null, .text("user"), .instant(now),
                    ]
                    _ = try await database.commit(WriteUnit([Step(.insertUser, values, expectedRows: 1)]))
                }
                let backend = await Backend(testing: database, now: { now })
                try await backend.calls.start()
                let socket = AnswerSocket(ann, DeviceID(high: 2, low: 1), at: backend)
                let dispatcher = FrameDispatcher(
                    messaging: backend.messaging, calls: backend.calls, limits: FieldLimits(), now: { now })
                try await body(World(dispatcher: dispatcher, socket: socket))
                await backend.calls.stop()
            }
        }

        /// The commands that are answered at once.
        func carryOut(_ id: UInt32, _ command: WireClientFrame.OneOf_Command?) -> WireServerFrame? {
            dispatcher.carryOut(
                .with {
                    $0.id = id
                    $0.command = command
                }, of: socket.identity, from: socket)
        }

        /// The commands that are answered later, because nothing comes at once.
        func answer(to command: WireClientFrame.OneOf_Command) async -> WireServerFrame {
            await socket.answer { id in #expect(carryOut(id, command) == nil) }
        }
    }

    private static func message(to user: UserID, _ body: String) -> WireClientFrame.OneOf_Command {
        .sendMessage(
            .with {
                $0.userID = user.description
                $0.clientMessageID = RequestID(high: 3, low: user.low).description
                $0.body = body
            })
    }

    @Test(
        arguments: [
            (nil, .unsupported), (.hello(.init()), .invalid), (.callFetch(.init()), .invalid),
            (message(to: ben.id, String(repeating: "x", count: 16 * 1024 + 1)), .tooLarge),
        ] as [(WireClientFrame.OneOf_Command?, WireErrorCode)])
    func whatIsWrongInItselfIsAnsweredAtOnce(
        command: WireClientFrame.OneOf_Command?, code: WireErrorCode
    ) async throws {
        try await World.run { world in
            let answer = try #require(world.carryOut(7, command))
            #expect(answer.replyTo == 7 && answer.error.code == code)
        }
    }

    @Test func aPingIsAnsweredWithTheTimeIfAnAnswerIsWanted() async throws {
        try await World.run { world in
            let pong = try #require(world.carryOut(7, .ping(.init())))
            #expect(pong.replyTo == 7 && pong.ok.pong.serverTime.seconds == 1_700_000_000)
            #expect(world.carryOut(0, .ping(.init())) == nil)
        }
    }

    @Test func aMessageIsAnsweredOnceItIsStored() async throws {
        try await World.run { world in
            let stored = await world.answer(to: Self.message(to: Self.ben.id, "Hello")).ok.message
            #expect(stored.body == "Hello" && stored.seq == 1 && stored.senderID == Self.ann.id.description)
            let refused = await world.answer(to: Self.message(to: UserID(high: 9, low: 9), "Hello"))
            #expect(refused.error.code == .notFound)
        }
    }

    @Test func aCommandOfACallIsAnsweredByTheCall() async throws {
        try await World.run { world in
            let placed = await world.answer(
                to: .callInvite(
                    .with {
                        $0.clientCallID = RequestID(high: 4, low: 1).description
                        $0.userID = Self.ben.id.description
                        $0.type = .voice
                    })
            ).ok.call
            #expect(placed.initiatorID == Self.ann.id.description && placed.status == .initiated)
            let fetched = await world.answer(to: .callFetch(.with { $0.callID = placed.id })).ok.call
            #expect(fetched.id == placed.id)
            let unknown = await world.answer(to: .callFetch(.with { $0.callID = CallID(high: 9, low: 9).description }))
            #expect(unknown.error.code == .notFound)
        }
    }
}
