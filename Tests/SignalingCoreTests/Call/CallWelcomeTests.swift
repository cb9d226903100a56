import Primitives
import Testing

@testable import SignalingCore

/// The callee has blocked only the caller. Rings of others are heard, whatever the blocked user has done before.
@Suite("A welcome ring is heard beside one that is not")
struct CallWelcomeTests {
    private static let hidden = Callee(Scene.fourth, isHidden: true)
    private static let welcome = Callee(Scene.fourth)
    private static let incoming = CallDelivery(to: .user(Scene.fourth), .incoming)

    /// A group call of the caller, the callee and the third; the fourth, whom the caller rings, is not told of it.
    private static func ringingUnheard(_ rules: CallRules = CallRules()) -> Scene {
        var invitation = Scene.invitation()
        invitation.mode = .group
        invitation.callees += [Callee(Scene.third), hidden]
        var scene = Scene(call: Call.place(invitation, rules: rules, at: Scene.start).call)
        for origin in [Scene.calleePhone, Scene.thirdPhone] {
            scene.send(.accept(scene.request(), MediaState()), from: origin)
        }
        scene.handle(.ringingFeigned(Scene.fourth))
        return scene
    }

    @Test("Hidden first, then welcome: it rings, with a deadline of its own")
    func hiddenFirst() {
        var scene = Self.ringingUnheard()
        scene.wait(.seconds(40))
        let transition = scene.add(Self.welcome, from: Scene.thirdPhone)
        #expect(transition.deliveries.contains(Self.incoming))
        #expect(scene.call.participant(Scene.fourth)?.isHidden == false)
        #expect(scene.call.participant(Scene.fourth)?.ringing?.until == scene.now + .seconds(45))
        // The blocked caller sees it ring, as before.
        #expect(scene.call.participant(Scene.fourth)?.ringing?.isAlerted == true)
        #expect(scene.send(.accept(scene.request(), MediaState()), from: Scene.fourthPhone).refusal == nil)
    }

    @Test("Welcome first, then hidden: it rings on, heard")
    func welcomeFirst() {
        var scene = Scene.groupOngoing()
        let transition = scene.add(Self.hidden, from: Scene.callerPhone)
        #expect(scene.call.participant(Scene.fourth)?.isHidden == false)
        #expect(!transition.deliveries.contains { if case .ringStopped = $0.event { true } else { false } })
    }

    @Test("The hidden ring has expired, a moment or long ago: the welcome one rings", arguments: [1, 40])
    func afterwards(_ seconds: Int64) {
        var rules = CallRules()
        rules.timings.ringAgain = .seconds(300)
        var scene = Self.ringingUnheard(rules)
        scene.waitForDeadline()
        scene.wait(.seconds(seconds))
        #expect(scene.state(Scene.fourth) == .left(joinedAt: nil, at: Scene.start + .seconds(45), .noAnswer))
        let transition = scene.add(Self.welcome, from: Scene.thirdPhone)
        #expect(transition.refusal == nil && transition.deliveries.contains(Self.incoming))
    }

    @Test("The minimum time between two rings does not apply after an unheard one")
    func ringAgain() {
        var scene = Self.ringingUnheard()
        scene.wait(.seconds(1))
        scene.control(.remove(Scene.fourth, isBarred: false), from: Scene.callerPhone)
        scene.wait(.seconds(1))
        #expect(scene.add(Self.hidden, from: Scene.callerPhone).refusal == .rungJustNow(retryAfter: .seconds(28)))
        #expect(scene.add(Self.welcome, from: Scene.thirdPhone).deliveries.contains(Self.incoming))
    }

    @Test("An invite in the group rings those who do not know of the call, ringing or no longer", arguments: [10, 50])
    func invite(_ seconds: Int64) {
        var scene = Self.ringingUnheard()
        scene.hangUp(Scene.thirdPhone)
        scene.wait(.seconds(seconds))
        scene.handle(.timePassed)
        let name = scene.request()
        let callees = [Callee(Scene.caller), Callee(Scene.callee), Self.welcome]
        let transition = scene.invite(name, from: Scene.thirdPhone, group: callees)
        #expect(transition.deliveries.contains(Self.incoming))
        #expect(transition.call.participant(Scene.third)?.isConnected == true)
        #expect(transition.call.participant(Scene.fourth)?.ringing?.until == scene.now + .seconds(45))
        // Another invite changes nothing.
        scene.wait(.seconds(1))
        let again = scene.invite(name, from: Scene.thirdPhone, group: callees)
        #expect(again.changes.isEmpty && again.deliveries.isEmpty)
    }

    @Test("A user who has not answered and asks to be admitted is rung by an invite, and no longer asks")
    func inviteOfOneWhoAsks() {
        var scene = Scene.groupOngoing()
        scene.wait(.seconds(50))
        scene.handle(.timePassed)
        scene.control(.lock(true), from: Scene.callerPhone)
        scene.join(Scene.fourthPhone)
        #expect(scene.call.joinRequests.count == 1)
        let transition = scene.invite(scene.request(), from: Scene.callerPhone, group: [Self.welcome])
        #expect(transition.call.participant(Scene.fourth)?.isRinging == true)
        #expect(transition.call.joinRequests.isEmpty)
    }

    @Test("An invite of a user who has to ask to be admitted rings nobody")
    func inviteInLocked() {
        var scene = Self.ringingUnheard()
        scene.hangUp(Scene.thirdPhone)
        scene.control(.lock(true), from: Scene.callerPhone)
        let transition = scene.invite(scene.request(), from: Scene.thirdPhone, group: [Self.welcome])
        #expect(transition.call.joinRequests.count == 1)
        #expect(transition.call.participant(Scene.fourth)?.isHidden == true)
    }

    @Test("A direct call that grows: the blocked user rings first, then the other")
    func grown() {
        var scene = Scene.ongoing()
        scene.add(Callee(Scene.third, isHidden: true, isMember: false), from: Scene.callerPhone)
        #expect(scene.call.mode == .group)
        let transition = scene.add(Callee(Scene.third, isMember: false), from: Scene.calleePhone)
        #expect(transition.deliveries.contains(CallDelivery(to: .user(Scene.third), .incoming)))
    }

    @Test("A busy user is busy for a welcome caller, and is told of the call as of any")
    func busy() {
        var scene = Self.ringingUnheard()
        let transition = scene.add(Callee(Scene.fourth, isBusy: true), from: Scene.thirdPhone)
        #expect(scene.state(Scene.fourth) == .declined(at: scene.now, .busy))
        #expect(transition.deliveries.contains(CallDelivery(to: .user(Scene.fourth), .updated)))
    }

    @Test("The caller sees the same whether the first ring was heard or not")
    func noTell() {
        /// What the caller is told, and the state of the fourth.
        func seen(isHidden: Bool) -> [String] {
            var invitation = Scene.invitation()
            invitation.mode = .group
            invitation.callees += [Callee(Scene.third), Callee(Scene.fourth, isHidden: isHidden)]
            var scene = Scene(call: Call.place(invitation, rules: CallRules(), at: Scene.start).call)
            var seen: [String] = []
            func look(_ transition: CallTransition) {
                let told = transition.deliveries.filter { $0.address.user == Scene.caller }.map { "\($0.event)" }
                let fourth = transition.call.participant(Scene.fourth)
                let state = fourth?.ringing.map { "ringing, \($0.isAlerted)" } ?? "\(String(describing: fourth?.state))"
                seen.append(
                    "\(scene.now) \(told) \(state) \(transition.call.revision) \(transition.call.ringExpiresAt)")
            }
            look(scene.send(.accept(scene.request(), MediaState()), from: Scene.thirdPhone))
            look(
                isHidden
                    ? scene.handle(.ringingFeigned(Scene.fourth))
                    : scene.send(.ringing(wokenByPush: false), from: Scene.fourthPhone))
            scene.wait(.seconds(30))
            look(scene.add(Self.welcome, from: Scene.thirdPhone))
            scene.wait(.seconds(20))
            // The callee's own ring ends in the meantime.
            look(scene.handle(.timePassed))
            look(scene.waitForDeadline())
            return seen
        }
        #expect(seen(isHidden: true) == seen(isHidden: false))
    }
}
