import Primitives
import Testing

@testable import SignalingCore

@Suite("Devices: lost, returned, moved, glare")
struct CallDeviceTests {
    @Test("A caller who is lost while the call rings gets 15 s")
    func callerLost() {
        var scene = Scene.ringing()
        scene.wait(.seconds(2))
        scene.handle(.deviceLost(Scene.caller, Scene.callerPhone.device))
        #expect(scene.call.nextDeadline == scene.now + .seconds(15))
        scene.waitForDeadline()
        #expect(scene.call.phase == .missed(endedAt: Scene.start + .seconds(17), .callerDisconnected))
    }

    @Test("A caller who comes back in time is no longer timed")
    func callerReturned() {
        var scene = Scene.ringing()
        scene.handle(.deviceLost(Scene.caller, Scene.callerPhone.device))
        scene.wait(.seconds(14))
        scene.handle(.deviceReturned(Scene.caller, Scene.callerPhone.device))
        #expect(scene.call.nextDeadline == scene.call.ringExpiresAt)
    }

    @Test("A callee's lost sockets do not stop the ringing, and a device that connects is rung")
    func calleeLost() {
        var scene = Scene.ringing()
        let before = scene.call
        scene.handle(.deviceLost(Scene.callee, Scene.calleePhone.device))
        #expect(scene.call == before)
        let transition = scene.handle(.deviceReturned(Scene.callee, Scene.calleePhone.device))
        #expect(
            transition.deliveries == [CallDelivery(to: .device(Scene.callee, Scene.calleePhone.device), .incoming)])
    }

    @Test("A participant who is lost in a running call gets 30 s, and the other side sees it")
    func participantLost() {
        var scene = Scene.ongoing()
        let answeredAt = scene.now
        let transition = scene.handle(.deviceLost(Scene.callee, Scene.calleePhone.device))
        #expect(transition.changes.isEmpty)
        #expect(transition.tells(.user(Scene.caller)))
        scene.waitForDeadline()
        #expect(
            scene.call.phase
                == .completed(answeredAt: answeredAt, endedAt: answeredAt + .seconds(30), .disconnected))
        #expect(
            scene.call.participant(Scene.callee)?.state
                == .left(joinedAt: answeredAt, at: answeredAt + .seconds(30), .disconnected))
    }

    @Test("A caller who is away when the callee answers gets the time of a running call")
    func answeredWhileCallerIsLost() {
        var scene = Scene.ringing()
        scene.handle(.deviceLost(Scene.caller, Scene.callerPhone.device))
        scene.wait(.seconds(14))
        scene.send(.accept(scene.request(), MediaState()), from: Scene.calleePhone)
        #expect(scene.call.nextDeadline == scene.now + .seconds(30))
    }

    @Test("The loss of a device that is not in the call has no effect")
    func otherDeviceLost() {
        var scene = Scene.ongoing()
        let before = scene.call
        scene.handle(.deviceLost(Scene.callee, Scene.calleeLaptop.device))
        #expect(scene.call == before)
    }

    @Test("A call is moved to another device: the old one is told, and its late hang-up ends nothing")
    func move() throws {
        var scene = Scene.ongoing()
        let transition = scene.send(.move(scene.request(), MediaState()), from: Scene.calleeLaptop)
        #expect(scene.call.participant(Scene.callee)?.connection?.device == Scene.calleeLaptop.device)
        let difference = try #require(transition.difference)
        #expect(
            transition.events == [
                CallDelivery(to: .user(Scene.caller), .changed(difference)),
                CallDelivery(to: .device(Scene.callee, Scene.calleePhone.device), .moved),
                CallDelivery(to: .others(Scene.callee, than: Scene.calleeLaptop.device), .changed(difference)),
            ])
        #expect(transition.changes.count == 2)
        scene.send(.hangUp(scene.request(), mediaFailed: false), from: Scene.calleePhone)
        #expect(scene.call.endedAt == nil)
        scene.send(.hangUp(scene.request(), mediaFailed: false), from: Scene.calleeLaptop)
        #expect(scene.call.endReason == .hangup)
    }

    @Test("Only a user who is in the call can move it")
    func moveRights() {
        var scene = Scene.ringing()
        #expect(scene.send(.move(scene.request(), MediaState()), from: Scene.calleePhone).refusal == .wrongState)
    }

    @Test("Glare: an invite the other way answers the call that rings")
    func glare() {
        var scene = Scene.ringing()
        let ringing = scene.call
        scene.wait(.seconds(1))
        let transition = scene.invite(
            RequestID(high: 6, low: 1), from: Scene.calleeLaptop, media: MediaState(camera: true))
        #expect(transition.call.phase == .ongoing(answeredAt: scene.now))
        #expect(transition.call.participant(Scene.callee)?.connection?.device == Scene.calleeLaptop.device)
        #expect(transition.call.id == ringing.id)
    }

    @Test("Inviting again from the same device changes nothing; from another one it moves the call")
    func inviteAgain() {
        var scene = Scene.ongoing()
        let same = scene.invite(RequestID(high: 6, low: 1), from: Scene.callerPhone)
        #expect(same.changes.isEmpty && same.call.revision == 2)
        let other = scene.invite(RequestID(high: 6, low: 2), from: Scene.callerLaptop)
        #expect(other.call.participant(Scene.caller)?.connection?.device == Scene.callerLaptop.device)
        #expect(other.call.endedAt == nil)
    }

    @Test("A repeated invite, the call's own or a later one, does not move the call back")
    func repeatedInvite() {
        var scene = Scene.ongoing()
        scene.invite(RequestID(high: 6, low: 1), from: Scene.callerLaptop)
        let repeats = [
            scene.invite(scene.call.clientCallID, from: Scene.callerPhone),
            scene.invite(RequestID(high: 6, low: 1), from: Scene.callerPhone),
        ]
        for transition in repeats {
            #expect(transition.refusal == nil && transition.changes.isEmpty && transition.deliveries.isEmpty)
            #expect(transition.call.participant(Scene.caller)?.connection?.device == Scene.callerLaptop.device)
        }
    }

    @Test("An invite to an overdue call finds it ended")
    func inviteIntoOverdueCall() {
        var scene = Scene.ringing()
        scene.now = scene.call.ringExpiresAt
        let transition = scene.invite(RequestID(high: 6, low: 1), from: Scene.calleePhone)
        #expect(transition.call.phase == .missed(endedAt: scene.call.ringExpiresAt, .noAnswer))
    }

    @Test("The reported microphone and camera state is shown and not stored")
    func setMedia() {
        var scene = Scene.ongoing()
        let muted = MediaState(microphone: false, camera: true)
        let transition = scene.send(.setMedia(muted), from: Scene.callerPhone)
        #expect(transition.changes.isEmpty)
        #expect(transition.tells(.user(Scene.callee)))
        #expect(scene.call.participant(Scene.caller)?.connection?.media == muted)
        #expect(scene.send(.setMedia(MediaState()), from: Scene.callerLaptop).refusal == .wrongState)
    }
}

@Suite("Recovery: a call adopted after a restart")
struct CallRecoveryTests {
    @Test("The ring deadline is ahead: it rings for the remaining time")
    func rings() {
        var scene = Scene.ringing()
        scene.wait(.seconds(20))
        scene.call = scene.call.adopted(at: scene.now, lastSeen: Scene.start)
        scene.handle(.deviceReturned(Scene.caller, Scene.callerPhone.device))
        #expect(scene.call.nextDeadline == Scene.start + .seconds(45))
        #expect(scene.send(.accept(scene.request(), MediaState()), from: Scene.calleePhone).refusal == nil)
    }

    @Test("The ring deadline passed while the server was down: missed, at its deadline")
    func overdue() {
        var scene = Scene.ringing()
        scene.wait(.seconds(300))
        scene.call = scene.call.adopted(at: scene.now, lastSeen: Scene.start)
        let transition = scene.handle(.timePassed)
        #expect(scene.call.phase == .missed(endedAt: Scene.start + .seconds(45), .noAnswer))
        #expect(!transition.changes.isEmpty)
    }

    @Test("Nobody comes back to a running call: it ended with the last sign of life")
    func nobodyComesBack() {
        var scene = Scene.ongoing()
        let answeredAt = scene.now
        scene.wait(.seconds(100))
        scene.send(.startScreenShare(scene.request()), from: Scene.callerPhone)
        let lastSeen = scene.now
        scene.wait(.seconds(10))
        scene.call = scene.call.adopted(at: scene.now, lastSeen: Scene.start)
        let transition = scene.waitForDeadline()
        #expect(scene.call.phase == .completed(answeredAt: answeredAt, endedAt: lastSeen, .serverRestart))
        #expect(transition.changes.contains(.closeShare(Scene.caller, at: lastSeen, .serverRestart)))
    }

    @Test(
        "The owner was alive after the last stored time: the call ended then, and never in the future",
        arguments: [(-60, -60), (-200, -100), (5, 0)])
    func ownerLastSeen(_ lastSeen: Int64, _ end: Int64) {
        var scene = Scene.ongoing()
        scene.wait(.seconds(100))
        let present = scene.now
        scene.call = scene.call.adopted(at: present, lastSeen: present + .seconds(lastSeen))
        scene.waitForDeadline()
        #expect(scene.call.endedAt == present + .seconds(end))
        #expect(scene.call.endReason == .serverRestart)
    }

    @Test("One comes back and the other does not: the call ends as disconnected")
    func oneComesBack() {
        var scene = Scene.ongoing()
        scene.call = scene.call.adopted(at: scene.now, lastSeen: Scene.start)
        scene.handle(.deviceReturned(Scene.caller, Scene.callerPhone.device))
        scene.waitForDeadline()
        #expect(scene.call.endReason == .disconnected)
    }

    @Test("Both come back: the call goes on")
    func bothComeBack() {
        var scene = Scene.ongoing()
        let answeredAt = scene.now
        scene.call = scene.call.adopted(at: scene.now, lastSeen: Scene.start)
        scene.handle(.deviceReturned(Scene.caller, Scene.callerPhone.device))
        scene.handle(.deviceReturned(Scene.callee, Scene.calleePhone.device))
        #expect(scene.call.nextDeadline == answeredAt + .seconds(12 * 3600))
    }
}
