import NIOConcurrencyHelpers
import NIOHTTP1
import Primitives
import SignalingCore
import SignalingService
import Storage
import TestDatabases
import Testing

@testable import Outbox

@Suite("Pushes wake sleeping devices", .timeLimit(.minutes(1)), .serialized)
struct PushTests {
    typealias World = OutboxWorld

    private static let tablet = DeviceID(high: 22, low: 3)
    private static let token = "token:of-the-phone/1"

    /// Runs a test with a callee who has a phone that can be woken, a laptop that can't, and a tablet that can.
    private func with(
        _ engine: DatabaseEngine, connected: Set<DeviceID> = [tablet], _ body: (World) async throws -> Void
    ) async throws {
        try await World.with(engine) { database, _, receiver in
            let world = World(database, receiver, [.push])
            try await world.add(
                Story.callee,
                devices: [
                    (Story.calleePhone.device, Self.token), (Story.calleeLaptop.device, nil), (Self.tablet, "other"),
                ])
            world.presence.devices.withLockedValue { $0[Story.callee.id] = connected }
            try await world.running { try await body(world) }
        }
    }

    @Test(
        "An invite to each device without a socket, and a cancel when the caller hangs up",
        arguments: DatabaseEngine.tested)
    func inviteAndCancel(_ engine: DatabaseEngine) async throws {
        try await with(engine) { world in
            var story = Story()
            try await world.record(story.changes)
            try await world.passTime(untilFinished: 1, .delivered, .push)
            story.hangUp()
            try await world.record([story.changes[1]])
            try await world.passTime(untilFinished: 2, .delivered, .push)
            let (invite, cancel) = (world.receiver.requests[0], world.receiver.requests[1])
            for request in [invite, cancel] {
                #expect(try request.isSigned(with: World.pushSecret))
                #expect(request.json["call_id"] as? String == story.call.id.description)
                #expect(request.json["user_id"] as? String == Story.callee.id.description)
                #expect(request.json["deadline"] as? String == story.call.ringExpiresAt.description)
                #expect(request.json["call_type"] as? String == "video")
                #expect((request.json["caller"] as? [String: Any])?["username"] as? String == "anna")
                let devices = request.json["devices"] as? [[String: Any]]
                #expect(devices?.map { $0["push_token"] as? String } == [Self.token])
                #expect(devices?.first?["id"] as? String == Story.calleePhone.device.description)
                #expect(request.json["active_device_id"] == nil)
            }
            #expect(invite.type == "invite" && invite.json["reason"] == nil)
            #expect(invite.json["server_time"] as? String == Instant.start.description)
            #expect(cancel.type == "cancel" && cancel.json["reason"] as? String == "cancelled")
        }
    }

    @Test("The token is in no row of the outbox", arguments: DatabaseEngine.tested)
    func tokensAreNotCopied(_ engine: DatabaseEngine) async throws {
        try await with(engine) { world in
            try await world.record(Story().changes)
            try await world.passTime(untilFinished: 1, .delivered, .push)
            #expect(world.receiver.requests[0].body.contains("token:of-the-phone"))
            let bodies = Statement("bodies", "SELECT body FROM outbox")
            let rows = try await world.database.query(bodies, [])
            #expect(rows.count == 1)
            for row in rows { #expect(try !row.text("body").contains("token:of")) }
        }
    }

    @Test("Every device has a socket: nobody is woken, and nobody is told to stop", arguments: DatabaseEngine.tested)
    func allAwake(_ engine: DatabaseEngine) async throws {
        try await with(engine, connected: [Self.tablet, Story.calleePhone.device]) { world in
            var story = Story()
            try await world.record(story.changes)
            try await world.passTime(untilFinished: 1, .unneeded, .push)
            world.presence.devices.withLockedValue { $0 = [:] }
            story.hangUp()
            try await world.record([story.changes[1]])
            try await world.passTime(untilFinished: 2, .unneeded, .push)
            #expect(world.receiver.requests.isEmpty)
        }
    }

    @Test("The device that answered is not told to stop", arguments: DatabaseEngine.tested)
    func answered(_ engine: DatabaseEngine) async throws {
        try await with(engine, connected: []) { world in
            var story = Story()
            story.answer()
            try await world.record([story.changes[0]])
            try await world.passTime(untilFinished: 1, .delivered, .push)
            try await world.record([story.changes[1]])
            try await world.passTime(untilFinished: 2, .delivered, .push)
            let devices = world.receiver.requests[1].json["devices"] as? [[String: Any]]
            #expect(devices?.map { $0["push_token"] as? String } == ["other"])
            #expect(world.receiver.requests[1].json["reason"] as? String == "answered_elsewhere")
        }
    }

    @Test("A cancel replaces an invite that was not accepted yet", arguments: DatabaseEngine.tested)
    func superseded(_ engine: DatabaseEngine) async throws {
        try await with(engine) { world in
            world.receiver.behave { request, _ in .answer(request.type == "invite" ? .serviceUnavailable : .ok) }
            var story = Story()
            try await world.record(story.changes)
            try await world.passTime { world.service.metrics.push.failedAttempts.value >= 2 }
            story.hangUp()
            let before = world.receiver.requests.count
            try await world.record([story.changes[1]])
            try await world.passTime(untilFinished: 1, .delivered, .push)
            #expect(world.finished(.superseded, .push) == 1)
            let after = world.receiver.requests[before...].map(\.type)
            #expect(after.last == "cancel" && after.count <= 2)
        }
    }

    @Test("Hung up before anything was sent: nothing is", arguments: DatabaseEngine.tested)
    func supersededUnsent(_ engine: DatabaseEngine) async throws {
        try await World.with(engine) { database, _, receiver in
            let world = World(database, receiver, [.push])
            try await world.add(Story.callee, devices: [(Story.calleePhone.device, Self.token)])
            var story = Story()
            story.hangUp()
            try await world.record(story.changes)
            try await world.running { try await world.passTime(untilFinished: 1, .unneeded, .push) }
            #expect(world.finished(.superseded, .push) == 1)
            #expect(receiver.requests.isEmpty)
        }
    }

    @Test("An invite is dropped at its deadline", arguments: DatabaseEngine.tested)
    func expired(_ engine: DatabaseEngine) async throws {
        try await with(engine) { world in
            world.receiver.behave { _, _ in .answer(.serviceUnavailable) }
            let story = Story()
            try await world.record(story.changes)
            try await world.passTime(untilFinished: 1, .expired, .push)
            #expect(world.time.now <= story.call.ringExpiresAt)
            // 0.5, 1, 2, 4, 5, 5, … s, each at least half of it.
            #expect((10...22).contains(world.receiver.requests.count))
            let times = Set(world.receiver.requests.compactMap { $0.json["server_time"] as? String })
            #expect(times.count == world.receiver.requests.count, "each attempt tells its own time")
        }
    }

    @Test("A webhook receiver that hangs delays no push")
    func apart() async throws {
        try await World.with(.sqlite) { database, _, receiver in
            receiver.behave { request, _ in request.type.hasPrefix("call.") ? .hang : .answer(.ok) }
            let world = World(database, receiver, [.webhook, .push]) {
                $0.concurrency = 1
                $0.requestTimeout = .seconds(600)
            }
            try await world.add(Story.callee, devices: [(Story.calleePhone.device, Self.token)])
            try await world.running {
                try await world.record(Story().changes)
                await receiver.receives(2)
            }
            #expect(Set(receiver.requests.map(\.type)) == ["call.initiated", "invite"])
        }
    }
}
