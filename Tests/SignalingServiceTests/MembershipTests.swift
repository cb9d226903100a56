import NIOConcurrencyHelpers
import Primitives
import Storage
import TestDatabases
import Testing

@testable import SignalingCore
@testable import SignalingService

@Suite("Who belongs to a call, through the service and the database", .timeLimit(.minutes(1)), .serialized)
struct MembershipTests {
    typealias World = CallWorld

    private static func hasLeft(_ user: UserID) -> @Sendable (EventLog.Entry) -> Bool {
        { entry in
            guard case .left(_, _, .removed)? = entry.call.participant(user)?.state else { return false }
            return true
        }
    }

    @Test(
        "Removed from the group: out of its call, on disk and told; may return only as a member",
        arguments: DatabaseEngine.tested)
    func removed(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            let call = try await world.fullGroupCall()
            try await world.remove(World.caller)
            let told = try await world.events.first(Self.hasLeft(World.caller.id))
            #expect(told.call.participant(World.callee.id)?.role == .host)
            let stored = try #require(try await world.stored(call.id)?.participant(World.caller.id))
            #expect(stored.standing == .former && !stored.isConnected)
            #expect(await world.join(call.id, from: World.callerPhone).refusal == .notFound)
            #expect(await world.send(.fetch, to: call.id, from: World.callerPhone).refusal == .notFound)
            #expect(await world.invite(World.wholeGroup).refusal == .notFound)
            #expect(await world.openCalls(of: World.callerPhone).isEmpty)
            world.members.withLockedValue { $0.append(World.caller.id) }
            #expect(try await world.join(call.id, from: World.callerPhone).call.id == call.id)
        }
    }

    @Test("Guests are not sent out, however they are looked up", arguments: DatabaseEngine.tested)
    func guests(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            let call = try await world.fullGroupCall()
            _ = try await world.add([World.stranger], to: call.id, from: World.calleePhone).call
            _ = try await world.accept(call.id, from: World.strangersPhone).call
            await world.service.renewLease()
            let next = World(world.database, now: world.now + .seconds(1))
            try await next.service.start()
            let adopted = try await next.send(.fetch, to: call.id, from: World.strangersPhone).call
            #expect(adopted.participants.filter { !$0.isConnected }.isEmpty)
            #expect(adopted.participant(World.stranger.id)?.standing == .guest)
        }
    }

    @Test(
        "The process ends between the removal and the call's change: the next one sends the former member out",
        arguments: DatabaseEngine.tested)
    func crashBetween(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            let call = try await world.fullGroupCall()
            try await world.removeSilently(World.member)
            let next = World(world.database, now: world.now + .seconds(1))
            next.members.withLockedValue { $0.removeAll { $0 == World.member.id } }
            try await next.service.start()
            _ = try await next.events.first(Self.hasLeft(World.member.id))
            #expect(try await next.stored(call.id)?.participant(World.member.id)?.isConnected == false)
        }
    }

    @Test(
        "Removed by another node: the call's owner notices on its next renewal", arguments: DatabaseEngine.tested)
    func anotherNode(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            let call = try await world.fullGroupCall()
            try await world.removeSilently(World.member)
            await world.service.renewLease()
            _ = try await world.events.first(Self.hasLeft(World.member.id))
            #expect(try await world.stored(call.id)?.participant(World.member.id)?.isConnected == false)
        }
    }

    /// How a commit may go wrong.
    static let faults: [FaultyDatabase.Fault] = [
        .before(.unavailable), .before(.outcomeUnknown), .after(.outcomeUnknown),
    ]

    @Test(
        "The database is away when a user must be out: it takes effect once the database is back",
        arguments: DatabaseEngine.tested, faults)
    func databaseAway(_ engine: DatabaseEngine, _ fault: FaultyDatabase.Fault) async throws {
        try await World.run(engine) { first in
            let faulty = FaultyDatabase(first.database)
            let world = World(faulty)
            try await world.service.start()
            let call = try await world.fullGroupCall()
            faulty.fail(fault)
            world.service.loggedOut(World.callee.id, devices: [World.calleePhone.device], isLast: false)
            // Retried after half a second, as often as needed.
            try await world.wait(
                .milliseconds(500),
                while: { try await world.stored(call.id)?.participant(World.callee.id)?.isConnected == true })
            _ = try await world.events.first(Self.hasLeft(World.callee.id))
            #expect(faulty.isSpent)
        }
    }

    @Test("A join that was looked up before the removal, and comes after it", arguments: DatabaseEngine.tested)
    func lateJoin(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            let placed = try await world.invite(.conversation(World.group, ringing: [World.callee.id])).call
            _ = try await world.accept(placed.id, from: World.calleePhone).call
            world.gate.close()
            async let reply = world.join(placed.id, from: World.membersPhone)
            await world.gate.somebodyIsHeld()
            try await world.remove(World.member)
            world.gate.open()
            #expect(await reply.refusal == .notFound)
            #expect(try await world.stored(placed.id)?.participant(World.member.id) == nil)
        }
    }

    @Test(
        "An invite that was looked up before a removal rings only the others, and fails for a removed caller",
        arguments: DatabaseEngine.tested)
    func lateInvite(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            world.gate.close()
            async let reply = world.invite(World.wholeGroup)
            await world.gate.somebodyIsHeld()
            try await world.remove(World.member)
            world.gate.open()
            let placed = try await reply.call
            #expect(placed.participants.map(\.user).sorted() == [World.caller.id, World.callee.id].sorted())
            _ = await world.send(.cancel(.random(at: world.now)), to: placed.id, from: World.callerPhone)

            world.gate.close()
            async let second = world.invite(World.wholeGroup)
            await world.gate.somebodyIsHeld()
            try await world.remove(World.caller)
            world.gate.open()
            #expect(await second.refusal == .notFound)
        }
    }

    @Test("A user who was removed before, and was a member again when looked up, comes in")
    func memberAgain() async throws {
        try await World.run(.sqlite) { world in
            let call = try await world.fullGroupCall()
            try await world.remove(World.member)
            _ = try await world.events.first(Self.hasLeft(World.member.id))
            world.members.withLockedValue { $0.append(World.member.id) }
            #expect(try await world.join(call.id, from: World.membersPhone).call.id == call.id)
        }
    }

    @Test("A device is logged out: its user is out without any grace, another device's call goes on")
    func loggedOut() async throws {
        try await World.run(.sqlite) { world in
            let call = try await world.fullGroupCall()
            world.service.loggedOut(World.callee.id, devices: [World.calleeLaptop.device], isLast: false)
            let fetched = try await world.send(.fetch, to: call.id, from: World.calleePhone).call
            #expect(fetched.participant(World.callee.id)?.isConnected == true)
            world.service.loggedOut(World.callee.id, devices: [World.calleePhone.device], isLast: false)
            _ = try await world.events.first(Self.hasLeft(World.callee.id))
        }
    }

    @Test("A ringing user with no session left stops ringing", arguments: DatabaseEngine.tested)
    func ringingLoggedOut(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            let placed = try await world.invite().call
            world.service.loggedOut(World.callee.id, devices: [World.calleePhone.device], isLast: false)
            let fetched = try await world.send(.fetch, to: placed.id, from: World.callerPhone).call
            #expect(fetched.participant(World.callee.id)?.isRinging == true)
            world.service.loggedOut(World.callee.id, devices: [World.calleeLaptop.device], isLast: true)
            _ = try await world.events.first { $0.call.isEnded }
            #expect(try await world.stored(placed.id)?.endReason == .noAnswer)
        }
    }

    @Test(
        "The history of a barred user ends when they left; the others see all of it",
        arguments: DatabaseEngine.tested)
    func history(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            let call = try await world.fullGroupCall()
            await world.wait(.seconds(5))
            let leftAt = world.now
            _ = try await world.control(.remove(World.member.id, isBarred: true), of: call.id).call
            await world.wait(.seconds(5))
            _ = try await world.send(.startScreenShare(.random(at: world.now)), to: call.id, from: World.callerPhone)
                .call
            _ = try await world.add([World.stranger], to: call.id, from: World.callerPhone).call
            #expect(await world.send(.fetch, to: call.id, from: World.membersPhone).refusal == .notFound)
            guard case .refused(.forbidden, nil) = await world.join(call.id, from: World.membersPhone) else {
                Issue.record("a barred participant sees the call")
                return
            }
            let service = world.service
            let own = try await service.history(of: World.member.id, before: nil, limit: 9).entries
            let ofGroup = try #require(
                try await service.history(of: World.group, for: World.member.id, before: nil, limit: 9)
            ).entries
            let one = try #require(try await service.entry(of: call.id, for: World.member.id))
            for entry in own + ofGroup + [one] {
                #expect(entry.view.call.endedAt == leftAt && entry.view.call.endReason == .endedByHost)
                #expect(entry.view.call.participant(World.stranger.id) == nil)
                #expect(entry.view.people[World.stranger.id] == nil)
                #expect(entry.screenShares.isEmpty)
                #expect(entry.view.call.participant(World.member.id)?.isBarred == true)
            }
            #expect(own.count == 1 && ofGroup.count == 1)
            let others = try #require(try await service.entry(of: call.id, for: World.callee.id))
            #expect(!others.view.call.isEnded && others.screenShares.count == 1)
        }
    }

    @Test("Endings are remembered by their numbers, up to a limit")
    func endings() {
        var endings = MembershipEndings()
        let conversation = ConversationID(high: 1, low: 1)
        let user = UserID(high: 2, low: 2)
        endings.note(MembershipEnding(user: user, conversation: conversation), number: 7)
        #expect(endings.contains(user, of: conversation, since: 6))
        #expect(!endings.contains(user, of: conversation, since: 7))
        #expect(!endings.contains(user, of: ConversationID(high: 1, low: 2), since: 0))
        for number in 0..<UInt64(MembershipEndings.limit) {
            let other = UserID(high: 3, low: number)
            endings.note(MembershipEnding(user: other, conversation: conversation), number: 8 + number)
        }
        #expect(!endings.contains(user, of: conversation, since: 0))
        #expect(endings.contains(UserID(high: 3, low: 0), of: conversation, since: 0))
    }
}
