import Primitives
import Testing

@testable import SignalingCore

/// The server is restarted after its clock was set back: the stored times are in the future.
@Suite("A call that was written by a clock that was ahead")
struct CallClockTests {
    private static let jumps: [Instant.Span] = [.seconds(10), .seconds(3600), .seconds(400 * 24 * 3600)]

    private func restarted(_ scene: Scene, back jump: Instant.Span) -> Scene {
        var scene = scene
        let lastSeen = scene.now
        scene.now = scene.now - jump
        scene.call = scene.call.adopted(at: scene.now, lastSeen: lastSeen)
        return scene
    }

    @Test("It rings no longer than a call may ring", arguments: jumps)
    func ring(_ jump: Instant.Span) throws {
        var scene = Scene.ringing()
        scene.wait(.seconds(1))
        scene = restarted(scene, back: jump)
        let adopted = scene.now
        // The caller does not come back.
        let grace = try #require(scene.call.nextDeadline)
        #expect(grace > adopted && grace <= adopted + scene.call.rules.timings.recovery)
        scene.handle(.deviceReturned(Scene.caller, Scene.callerPhone.device))
        let ring = try #require(scene.call.nextDeadline)
        #expect(ring > adopted && ring <= adopted + scene.call.rules.timings.ring)
        scene.waitForDeadline()
        #expect(scene.call.endReason == .noAnswer)
        #expect(scene.call.endedAt == scene.call.ringExpiresAt)
        #expect(scene.now - adopted <= scene.call.rules.timings.ring)
    }

    @Test("A stored ring that is longer than any ring can be is cut", arguments: jumps)
    func longRing(_ excess: Instant.Span) throws {
        var scene = Scene.ringing()
        let index = try #require(scene.call.index(of: Scene.callee))
        let longest = scene.call.rules.timings.longestRing
        scene.call.participants[index].state = .ringing(.init(until: scene.now + longest + excess))
        scene = restarted(scene, back: .seconds(0))
        scene.handle(.deviceReturned(Scene.caller, Scene.callerPhone.device))
        #expect(scene.call.nextDeadline == scene.now + longest)
    }

    @Test("Participants who do not come back are out after the recovery time", arguments: jumps)
    func grace(_ jump: Instant.Span) {
        var scene = restarted(Scene.ongoing(), back: jump)
        let adopted = scene.now
        scene.handle(.deviceReturned(Scene.caller, Scene.callerPhone.device))
        #expect(scene.call.nextDeadline == adopted + scene.call.rules.timings.recovery)
        scene.waitForDeadline()
        #expect(scene.call.endReason == .disconnected)
    }

    @Test("A device that is lost later gets its grace, too, and the call may last as long as any", arguments: jumps)
    func later(_ jump: Instant.Span) {
        var scene = restarted(Scene.ongoing(), back: jump)
        let adopted = scene.now
        scene.handle(.deviceReturned(Scene.caller, Scene.callerPhone.device))
        scene.handle(.deviceReturned(Scene.callee, Scene.calleePhone.device))
        #expect(scene.call.nextDeadline == adopted + scene.call.rules.timings.maxDuration)
        scene.wait(.seconds(60))
        scene.handle(.deviceLost(Scene.callee, Scene.calleePhone.device))
        #expect(scene.call.nextDeadline == scene.now + scene.call.rules.timings.reconnect)
        #expect(!scene.isOverdue(at: scene.now + .seconds(29)))
        #expect(scene.isOverdue(at: scene.now + .seconds(30)))
        scene.waitForDeadline()
        #expect(scene.call.endReason == .disconnected)
        // The call's own times continue where they were: 60 s and 30 s after the answer.
        #expect(scene.call.endedAt.map { $0 - (scene.call.answeredAt ?? $0) } == .seconds(90))
    }
}
