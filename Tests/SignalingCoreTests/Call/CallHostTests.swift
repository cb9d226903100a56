import Primitives
import Testing

@testable import SignalingCore

@Suite("Host controls")
struct CallHostTests {
    /// Everything that a host may do to the third.
    static let controls: [HostControl] =
        [
            .setRole(Scene.third, .coHost), .remove(Scene.third, isBarred: false), .remove(Scene.third, isBarred: true),
            .lock(true), .lock(false), .admit(Scene.third, isAdmitted: true), .end, .stopMedia(.camera, of: nil),
        ] + Medium.allCases.map { .stopMedia($0, of: Scene.third) }

    @Test("A participant can't control anybody", arguments: controls)
    func participant(_ control: HostControl) {
        var scene = Scene.groupOngoing()
        let before = scene.call
        #expect(scene.control(control, from: Scene.calleePhone).refusal == .forbidden)
        #expect(scene.call == before)
    }

    @Test("A device that is not in the call can't control anybody, not even the host's", arguments: controls)
    func otherDevice(_ control: HostControl) {
        var scene = Scene.groupOngoing()
        #expect(scene.control(control, from: Scene.callerLaptop).refusal == .wrongState)
        #expect(scene.control(control, from: Scene.fourthPhone).refusal == .wrongState)
        #expect(scene.control(control, from: Scene.strangersPhone).refusal == .notFound)
    }

    @Test("In a direct call nobody is host of the other", arguments: controls)
    func direct(_ control: HostControl) {
        var scene = Scene.ongoing()
        #expect(scene.control(control, from: Scene.callerPhone).refusal == .wrongState)
    }

    @Test("A co-host may do everything except end the call, give roles and act against the host", arguments: controls)
    func coHost(_ control: HostControl) {
        var scene = Scene.groupOngoing()
        scene.control(.setRole(Scene.callee, .coHost), from: Scene.callerPhone)
        let transition = scene.control(control, from: Scene.calleePhone)
        switch control {
        case .setRole, .end: #expect(transition.refusal == .forbidden)
        default: #expect(transition.refusal == nil)
        }
    }

    @Test(
        "Nobody acts against the host",
        arguments: [HostControl.remove(Scene.caller, isBarred: true), .stopMedia(.screen, of: Scene.caller)])
    func againstHost(_ control: HostControl) {
        var scene = Scene.groupOngoing()
        scene.control(.setRole(Scene.callee, .coHost), from: Scene.callerPhone)
        #expect(scene.control(control, from: Scene.calleePhone).refusal == .forbidden)
    }

    @Test("A host can't act on themselves; to leave, they hang up")
    func oneself() {
        var scene = Scene.groupOngoing()
        #expect(scene.control(.remove(Scene.caller, isBarred: false), from: Scene.callerPhone).refusal == .forbidden)
        #expect(scene.control(.setRole(Scene.caller, .participant), from: Scene.callerPhone).refusal == .forbidden)
    }

    @Test("Controls of a user who is not in the call return notFound")
    func nobody() {
        var scene = Scene.groupOngoing()
        for control: HostControl in [
            .setRole(Scene.stranger, .coHost), .remove(Scene.stranger, isBarred: true),
            .stopMedia(.camera, of: Scene.stranger),
        ] {
            #expect(scene.control(control, from: Scene.callerPhone).refusal == .notFound)
        }
    }

    @Test("A role is stored and shown; the host's own role passes to the user who is made host")
    func roles() {
        var scene = Scene.groupOngoing()
        let transition = scene.control(.setRole(Scene.third, .coHost), from: Scene.callerPhone)
        #expect(scene.role(Scene.third) == .coHost)
        #expect(transition.changes.count == 2)
        scene.control(.setRole(Scene.callee, .host), from: Scene.callerPhone)
        #expect(scene.role(Scene.callee) == .host && scene.role(Scene.caller) == .coHost)
        #expect(scene.control(.setRole(Scene.fourth, .host), from: Scene.calleePhone).refusal == .wrongState)
    }

    @Test("When the host leaves, a co-host becomes host, else the user who has been in the call longest")
    func hostLeaves() {
        var scene = Scene.groupOngoing()
        var other = scene
        scene.control(.setRole(Scene.third, .coHost), from: Scene.callerPhone)
        scene.hangUp(Scene.callerPhone)
        #expect(scene.role(Scene.third) == .host && scene.role(Scene.caller) == .coHost)
        other.hangUp(Scene.callerPhone)
        #expect(other.role(Scene.callee) == .host && other.role(Scene.third) == .participant)
        other.join(Scene.callerPhone)
        #expect(other.role(Scene.caller) == .coHost)
    }

    @Test("A user who enters an empty call becomes its host")
    func emptyCall() {
        var scene = Scene.groupOngoing()
        for origin in [Scene.callerPhone, Scene.calleePhone, Scene.thirdPhone] { scene.hangUp(origin) }
        scene.join(Scene.strangersPhone)
        #expect(scene.role(Scene.stranger) == .host)
        #expect(scene.call.participants.count { $0.role == .host } == 1)
    }

    @Test("Silence is asked for; a camera is switched off; a screen share is ended and logged")
    func stopMedia() {
        var scene = Scene.groupOngoing()
        scene.send(.startScreenShare(scene.request()), from: Scene.thirdPhone)
        let device = Address.device(Scene.third, Scene.thirdPhone.device)
        let silence = scene.control(.stopMedia(.microphone, of: Scene.third), from: Scene.callerPhone)
        #expect(silence.deliveries == [CallDelivery(to: device, .mediaStopped(.microphone, by: Scene.caller))])
        #expect(scene.call.participant(Scene.third)?.connection?.media.microphone == true)
        let camera = scene.control(.stopMedia(.camera, of: Scene.third), from: Scene.callerPhone)
        #expect(camera.deliveries.contains(CallDelivery(to: device, .mediaStopped(.camera, by: Scene.caller))))
        #expect(scene.call.participant(Scene.third)?.connection?.media.camera == false)
        let screen = scene.control(.stopMedia(.screen, of: Scene.third), from: Scene.callerPhone)
        #expect(screen.changes.contains(.closeShare(Scene.third, at: scene.now, .stopped)))
        #expect(scene.call.screenShares.isEmpty)
    }

    @Test("Everybody else is muted at once, the host is not")
    func stopAll() {
        var scene = Scene.groupOngoing()
        scene.control(.setRole(Scene.callee, .coHost), from: Scene.callerPhone)
        let transition = scene.control(.stopMedia(.microphone, of: nil), from: Scene.calleePhone)
        #expect(transition.deliveries.map(\.address.user) == [Scene.third])
    }

    @Test("A removed user is out, and may come back; a barred one may not", arguments: [false, true])
    func remove(_ isBarred: Bool) {
        var scene = Scene.groupOngoing()
        scene.send(.startScreenShare(scene.request()), from: Scene.thirdPhone)
        let joinedAt = scene.now
        scene.wait(.seconds(3))
        let transition = scene.control(.remove(Scene.third, isBarred: isBarred), from: Scene.callerPhone)
        #expect(
            scene.state(Scene.third) == .left(joinedAt: joinedAt, at: scene.now, isBarred ? .kicked : .removed))
        #expect(transition.changes.contains(.closeShare(Scene.third, at: scene.now, .kicked)))
        #expect(transition.events.contains(CallDelivery(to: .user(Scene.third), .updated)) == isBarred)
        #expect(transition.tells(.user(Scene.third)) == !isBarred)
        #expect(scene.join(Scene.thirdLaptop).refusal == (isBarred ? .forbidden : nil))
    }

    @Test("A user who is removed while being rung stops ringing", arguments: [false, true])
    func removeRinging(_ isBarred: Bool) {
        var scene = Scene.groupOngoing()
        let transition = scene.control(.remove(Scene.fourth, isBarred: isBarred), from: Scene.callerPhone)
        #expect(scene.state(Scene.fourth) == .left(joinedAt: nil, at: scene.now, isBarred ? .kicked : .removed))
        #expect(transition.events.contains(CallDelivery(to: .user(Scene.fourth), .ringStopped(.removed))))
    }

    @Test("When the last ringing user is removed, nobody is being called")
    func removeLast() {
        var scene = Scene.groupRinging()
        for user in [Scene.callee, Scene.third, Scene.fourth] {
            scene.control(.remove(user, isBarred: false), from: Scene.callerPhone)
        }
        #expect(scene.call.endReason == .noAnswer)
    }

    @Test("A user who has left can be barred, and only a host can ring a barred user again")
    func barred() {
        var scene = Scene.groupOngoing()
        scene.hangUp(Scene.thirdPhone)
        scene.control(.remove(Scene.third, isBarred: true), from: Scene.callerPhone)
        #expect(scene.call.participant(Scene.third)?.isBarred == true)
        scene.wait(.seconds(31))
        #expect(scene.add(Callee(Scene.third), from: Scene.calleePhone).refusal == .forbidden)
        #expect(scene.add(Callee(Scene.third), from: Scene.callerPhone).refusal == nil)
        #expect(scene.send(.accept(scene.request(), MediaState()), from: Scene.thirdPhone).refusal == nil)
    }

    @Test("A locked call: a rung user comes in, others ask, and only hosts add people")
    func lock() {
        var scene = Scene.groupOngoing()
        let locked = scene.control(.lock(true), from: Scene.callerPhone)
        #expect(locked.changes == [.updateCall])
        #expect(scene.send(.accept(scene.request(), MediaState()), from: Scene.fourthPhone).refusal == nil)
        #expect(scene.add(Callee(Scene.stranger), from: Scene.thirdPhone).refusal == .forbidden)
        let asked = scene.join(Scene.strangersPhone)
        #expect(asked.refusal == nil && asked.changes.isEmpty)
        #expect(scene.call.participant(Scene.stranger) == nil)
        #expect(scene.call.joinRequests.map(\.origin) == [Scene.strangersPhone])
        #expect(asked.tells(.user(Scene.caller)))
    }

    @Test("A user who asks is admitted with the device that asked, or refused")
    func admit() {
        var scene = Scene.groupOngoing()
        scene.control(.lock(true), from: Scene.callerPhone)
        scene.join(Scene.strangersPhone)
        var denied = scene
        let admitted = scene.control(.admit(Scene.stranger, isAdmitted: true), from: Scene.callerPhone)
        #expect(scene.call.participant(Scene.stranger)?.connection?.device == Scene.strangersPhone.device)
        #expect(admitted.events.contains(CallDelivery(to: .user(Scene.stranger), .updated)))
        #expect(scene.call.joinRequests.isEmpty)
        let turnedAway = denied.control(.admit(Scene.stranger, isAdmitted: false), from: Scene.callerPhone)
        let device = Address.device(Scene.stranger, Scene.strangersPhone.device)
        #expect(turnedAway.deliveries.contains(CallDelivery(to: device, .joinDenied)))
        #expect(denied.call.joinRequests.isEmpty && denied.call.participant(Scene.stranger) == nil)
    }

    @Test("Unlocking admits everybody who waits; hosts need not ask")
    func unlock() {
        var scene = Scene.groupOngoing()
        scene.control(.setRole(Scene.callee, .coHost), from: Scene.callerPhone)
        scene.hangUp(Scene.calleePhone)
        scene.control(.lock(true), from: Scene.callerPhone)
        scene.join(Scene.strangersPhone)
        scene.join(Scene.calleeLaptop)
        #expect(scene.call.participant(Scene.callee)?.isConnected == true)
        scene.control(.lock(false), from: Scene.callerPhone)
        #expect(scene.call.participant(Scene.stranger)?.isConnected == true)
    }

    @Test("Unlocking refuses those for whom there is no room, and the call is unlocked anyway")
    func unlockFull() {
        var rules = CallRules()
        rules.participantLimit = 4
        var scene = Scene.groupOngoing(rules)
        scene.send(.decline(scene.request(), isBusy: false, reachable: []), from: Scene.fourthPhone)
        scene.control(.lock(true), from: Scene.callerPhone)
        scene.join(Scene.strangersPhone)
        scene.join(Scene.fourthPhone)
        let transition = scene.control(.lock(false), from: Scene.callerPhone)
        #expect(transition.refusal == nil && !scene.call.isLocked)
        #expect(scene.call.participant(Scene.stranger)?.isConnected == true)
        #expect(scene.call.participant(Scene.fourth)?.isConnected == false)
        #expect(scene.call.joinRequests.isEmpty)
        let device = Address.device(Scene.fourth, Scene.fourthPhone.device)
        #expect(transition.deliveries.contains(CallDelivery(to: device, .joinDenied)))
    }

    @Test("A user who has left and asks to be admitted again withdraws the request by hanging up")
    func formerRequestEnds() {
        var scene = Scene.groupOngoing()
        scene.hangUp(Scene.thirdPhone)
        scene.control(.lock(true), from: Scene.callerPhone)
        scene.join(Scene.thirdPhone)
        scene.hangUp(Scene.thirdLaptop)
        #expect(scene.call.joinRequests.map(\.origin) == [Scene.thirdPhone])
        #expect(scene.hangUp(Scene.thirdPhone).refusal == nil)
        #expect(scene.call.joinRequests.isEmpty)
        scene.control(.admit(Scene.third, isAdmitted: true), from: Scene.callerPhone)
        #expect(scene.call.participant(Scene.third)?.isConnected == false)
    }

    @Test("A request ends with the device, with its own hang-up, and with the call")
    func requestEnds() {
        var scene = Scene.groupOngoing()
        scene.control(.lock(true), from: Scene.callerPhone)
        scene.join(Scene.strangersPhone)
        var lost = scene
        lost.handle(.deviceLost(Scene.stranger, Scene.strangersPhone.device))
        #expect(lost.call.joinRequests.isEmpty)
        var withdrawn = scene
        #expect(withdrawn.hangUp(Scene.strangersPhone).refusal == nil)
        #expect(withdrawn.call.joinRequests.isEmpty)
        let ended = scene.control(.end, from: Scene.callerPhone)
        let device = Address.device(Scene.stranger, Scene.strangersPhone.device)
        #expect(ended.deliveries.contains(CallDelivery(to: device, .updated)))
    }

    @Test("The host ends the call for all; before the answer this cancels it")
    func end() {
        var scene = Scene.groupOngoing()
        let transition = scene.control(.end, from: Scene.callerPhone)
        #expect(scene.call.endReason == .endedByHost)
        #expect(transition.tells(.user(Scene.third)))
        #expect(transition.events.contains(CallDelivery(to: .user(Scene.fourth), .ringStopped(.callEnded))))
        #expect(scene.control(.end, from: Scene.callerPhone).refusal == nil)
        var ringing = Scene.groupRinging()
        ringing.control(.end, from: Scene.callerPhone)
        #expect(ringing.call.endReason == .cancelled)
    }

    @Test("A lock and a bar survive a restart")
    func restart() {
        var scene = Scene.groupOngoing()
        scene.control(.lock(true), from: Scene.callerPhone)
        scene.control(.remove(Scene.third, isBarred: true), from: Scene.callerPhone)
        scene.call = scene.call.adopted(at: scene.now, lastSeen: scene.now)
        #expect(scene.call.isLocked && scene.call.participant(Scene.third)?.isBarred == true)
    }
}

@Suite("Screen shares by their rules")
struct ScreenSharingRuleTests {
    static func scene(_ sharing: CallRules.ScreenSharing) -> Scene {
        var rules = CallRules()
        rules.screenSharing = sharing
        var scene = Scene.groupOngoing(rules)
        scene.send(.startScreenShare(scene.request()), from: Scene.callerPhone)
        return scene
    }

    @Test("A newcomer takes over")
    func takeOver() {
        var scene = Self.scene(.takeOver)
        let transition = scene.send(.startScreenShare(scene.request()), from: Scene.thirdPhone)
        #expect(scene.call.screenShares.map(\.sharer) == [Scene.third])
        #expect(transition.changes.contains(.closeShare(Scene.caller, at: scene.now, .replaced)))
    }

    @Test("A newcomer is refused")
    func refuse() {
        var scene = Self.scene(.refuse)
        #expect(scene.send(.startScreenShare(scene.request()), from: Scene.thirdPhone).refusal == .screenTaken)
        scene.send(.stopScreenShare(scene.request()), from: Scene.callerPhone)
        #expect(scene.send(.startScreenShare(scene.request()), from: Scene.thirdPhone).refusal == nil)
    }

    @Test("Many share")
    func multiple() {
        var scene = Self.scene(.multiple)
        scene.send(.startScreenShare(scene.request()), from: Scene.thirdPhone)
        #expect(scene.call.screenShares.map(\.sharer) == [Scene.caller, Scene.third])
    }

    @Test("A share ends with its sharer's part in the call, for the same reason")
    func leaves() {
        var scene = Self.scene(.multiple)
        let left = scene.hangUp(Scene.callerPhone)
        #expect(left.changes.contains(.closeShare(Scene.caller, at: scene.now, .left)))
        scene.send(.startScreenShare(scene.request()), from: Scene.thirdPhone)
        scene.handle(.deviceLost(Scene.third, Scene.thirdPhone.device))
        let lostAt = scene.now + .seconds(30)
        let lost = scene.waitForDeadline()
        #expect(lost.changes.contains(.closeShare(Scene.third, at: lostAt, .disconnected)))
    }
}
