import Primitives
import SignalingCore
import Storage
import TestDatabases
import Testing

@testable import SignalingService

@Suite("Members in name only, in the calls of their group", .timeLimit(.minutes(1)), .serialized)
struct NominalMemberTests {
    typealias World = CallWorld

    static let wholeGroup = Invite.Target.conversation(World.group, ringing: [])

    /// What the stranger, who is a nominal member of the group, was told.
    private static func told(_ world: World) -> [EventLog.Entry] {
        world.events.entries.filter {
            $0.address.user == World.stranger.id
        }
    }

    @Test(
        "Everybody else sees them ring until the deadline, and they hear nothing", arguments: DatabaseEngine.tested,
        [true, false])
    func ringsUnheard(_ engine: DatabaseEngine, isChosen: Bool) async throws {
        try await World.run(engine) { world in
            try await world.addNominally(World.stranger)
            let target = isChosen ? .conversation(World.group, ringing: [World.stranger.id]) : Self.wholeGroup
            let call = try await world.invite(target).call
            let rung = try #require(call.participant(World.stranger.id))
            #expect(rung.isRinging && rung.isHidden && rung.standing == .member)
            #expect(await world.send(.fetch, to: call.id, from: World.strangersPhone).refusal == .notFound)
            #expect(
                await world.send(.ringing(wokenByPush: false), to: call.id, from: World.strangersPhone).refusal
                    == .notFound)
            let accept = CallCommand.accept(.random(at: world.now), MediaState())
            #expect(await world.send(accept, to: call.id, from: World.strangersPhone).refusal == .notFound)
            #expect(await world.join(call.id, from: World.strangersPhone).refusal == .notFound)
            #expect(await world.invite(target, from: World.strangersPhone).refusal == .notFound)
            #expect(await world.openCalls(of: World.strangersPhone).isEmpty)
            // To the call they seem to be members, on every check.
            await world.service.renewLease()
            #expect(try await world.stored(call.id)?.participant(World.stranger.id)?.isRinging == true)
            await world.wait(.seconds(120))
            _ = try await world.events.first { entry in
                guard case .left(_, _, .noAnswer)? = entry.call.participant(World.stranger.id)?.state else {
                    return false
                }
                return true
            }
            #expect(Self.told(world).isEmpty)
        }
    }

    @Test("Removed from the group by another node: out of the call as a member is", arguments: DatabaseEngine.tested)
    func removed(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            try await world.addNominally(World.stranger)
            let call = try await world.invite(Self.wholeGroup).call
            try await world.removeNominalSilently(World.stranger)
            await world.service.renewLease()
            _ = try await world.events.first { entry in
                guard case .left(_, _, .removed)? = entry.call.participant(World.stranger.id)?.state else {
                    return false
                }
                return true
            }
            #expect(try await world.stored(call.id)?.participant(World.stranger.id)?.standing == .former)
            #expect(Self.told(world).isEmpty)
        }
    }

    @Test(
        "Rung by somebody in the call they are its guest, like anybody who is not in the group",
        arguments: DatabaseEngine.tested)
    func guest(_ engine: DatabaseEngine) async throws {
        try await World.run(engine) { world in
            try await world.addNominally(World.stranger)
            let call = try await world.invite(Self.wholeGroup).call
            let added = try await world.add([World.stranger], to: call.id, from: World.callerPhone).call
            let rung = try #require(added.participant(World.stranger.id))
            #expect(!rung.isHidden && rung.standing == .guest)
            let accept = CallCommand.accept(.random(at: world.now), MediaState())
            _ = try await world.send(accept, to: call.id, from: World.strangersPhone).call
            _ = try await world.send(
                .hangUp(.random(at: world.now), mediaFailed: false), to: call.id, from: World.strangersPhone
            ).call
            #expect(try await world.join(call.id, from: World.strangersPhone).call.id == call.id)
        }
    }
}
