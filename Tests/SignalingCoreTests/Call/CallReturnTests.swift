import Primitives
import Testing

@testable import SignalingCore

@Suite("What remains of users who leave and come back")
struct CallReturnTests {
    @Test("Signals for a user who stops ringing are void when they join later")
    func signalsToOneWhoDeclined() {
        var scene = Scene.groupOngoing()
        scene.send(.signal(.offer(), to: Scene.fourth), from: Scene.callerPhone)
        scene.send(.decline(scene.request(), isBusy: false, reachable: []), from: Scene.fourthPhone)
        let transition = scene.join(Scene.fourthPhone)
        #expect(scene.call.participant(Scene.fourth)?.isConnected == true)
        #expect(transition.signals.isEmpty)
    }

    @Test("Signals from a user to somebody who rings are void when the sender leaves")
    func signalsOfOneWhoLeft() {
        var scene = Scene.groupOngoing()
        scene.send(.signal(.offer(), to: Scene.fourth), from: Scene.thirdPhone)
        scene.send(.signal(.offer(), to: Scene.fourth), from: Scene.callerPhone)
        scene.hangUp(Scene.thirdPhone)
        let transition = scene.send(.accept(scene.request(), MediaState()), from: Scene.fourthPhone)
        #expect(
            transition.signals == [
                CallDelivery(
                    to: .device(Scene.fourth, Scene.fourthPhone.device), .signal(.offer(), from: Scene.caller))
            ])
    }

    @Test("A ring that stops does not delay the end of a call with nobody in it")
    func emptyWhileSomebodyRings() {
        var scene = Scene.groupOngoing()
        scene.now = Scene.start + .seconds(40)
        for origin in [Scene.callerPhone, Scene.calleePhone, Scene.thirdPhone] { scene.hangUp(origin) }
        let left = scene.now
        scene.waitForDeadline()
        #expect(scene.state(Scene.fourth) == .left(joinedAt: nil, at: Scene.start + .seconds(45), .noAnswer))
        scene.waitForDeadline()
        #expect(scene.call.endReason == .empty)
        #expect(scene.call.endedAt == left + .seconds(20))
    }

    @Test("The invite that placed a group call, repeated after its sender has left, brings nobody back")
    func repeatedInvite() {
        var scene = Scene.groupOngoing()
        let name = scene.call.clientCallID
        scene.hangUp(Scene.callerPhone)
        let transition = scene.send(.join(name, MediaState(), isMember: true), from: Scene.callerPhone)
        #expect(transition.refusal == nil)
        #expect(scene.call.participant(Scene.caller)?.isConnected == false)
    }

    @Test("A repeat is not answered for a user who must no longer know of the call")
    func repeatOfAHidden() {
        var scene = Scene.groupOngoing()
        let request = scene.request()
        scene.send(.hangUp(request, mediaFailed: false), from: Scene.calleePhone)
        scene.wait(.seconds(31))
        scene.add(Callee(Scene.callee, isHidden: true), from: Scene.callerPhone)
        let transition = scene.send(.hangUp(request, mediaFailed: false), from: Scene.calleePhone)
        #expect(transition.refusal == .notFound)
    }
}
