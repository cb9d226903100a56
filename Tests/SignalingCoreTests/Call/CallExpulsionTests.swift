import Primitives
import Testing

@testable import SignalingCore

@Suite("Users who no longer belong to the call are out of it, and see no more of it")
struct CallExpulsionTests {
    /// Everything that takes a user out of the call who is in it with the phone.
    enum Expulsion: CaseIterable {
        case membership
        case device
        case user

        func input(_ origin: CallOrigin) -> CallInput {
            switch self {
            case .membership: .membershipEnded(origin.user)
            case .device: .deviceLoggedOut(origin.user, origin.device)
            case .user: .userLoggedOut(origin.user)
            }
        }
    }

    @Test(
        "The host is sent out: out as removed, the share closed, the host role passed on, told and stored",
        arguments: Expulsion.allCases)
    func host(_ expulsion: Expulsion) {
        var scene = Scene.groupOngoing()
        scene.send(.startScreenShare(scene.request()), from: Scene.callerPhone)
        scene.wait(.seconds(1))
        let transition = scene.handle(expulsion.input(Scene.callerPhone))
        #expect(scene.state(Scene.caller) == .left(joinedAt: Scene.start, at: scene.now, .removed))
        #expect(scene.call.screenShares.isEmpty)
        #expect(transition.changes.contains(.closeShare(Scene.caller, at: scene.now, .kicked)))
        #expect(scene.role(Scene.callee) == .host)
        #expect(scene.role(Scene.caller) == (expulsion == .membership ? .participant : .coHost))
        for user in [Scene.caller, Scene.callee, Scene.third, Scene.fourth] {
            // A user who may no longer see the call gets it whole, and nothing after that.
            let isLast = user == Scene.caller && expulsion == .membership
            #expect(transition.deliveries.contains(CallDelivery(to: .user(user), .updated)) == isLast)
            #expect(transition.tells(.user(user)) == !isLast)
        }
        #expect(scene.call.answeredAt != nil && !scene.call.isEnded)
    }

    @Test(
        "A ringing user stops ringing; a call that rings nobody is over", arguments: [Expulsion.membership, .user])
    func ringing(_ expulsion: Expulsion) {
        var scene = Scene.groupRinging()
        let transition = scene.handle(expulsion.input(Scene.calleePhone))
        #expect(scene.state(Scene.callee) == .left(joinedAt: nil, at: scene.now, .removed))
        #expect(transition.deliveries.contains(CallDelivery(to: .user(Scene.callee), .ringStopped(.removed))))
        scene.handle(expulsion.input(Scene.thirdPhone))
        #expect(!scene.call.isEnded)
        scene.handle(expulsion.input(Scene.fourthPhone))
        #expect(scene.call.phase == .missed(endedAt: scene.now, .noAnswer))
    }

    @Test("Logging out a device does not affect the user's other one, nor does it stop the ringing")
    func anotherDevice() {
        var scene = Scene.groupOngoing()
        let before = scene.call
        #expect(scene.handle(.deviceLoggedOut(Scene.caller, Scene.callerLaptop.device)).changes.isEmpty)
        #expect(scene.handle(.deviceLoggedOut(Scene.fourth, Scene.fourthPhone.device)).changes.isEmpty)
        #expect(scene.call == before)
    }

    @Test("In a direct call the other side is not left waiting", arguments: [Expulsion.device, .user])
    func direct(_ expulsion: Expulsion) {
        var scene = Scene.ongoing()
        scene.handle(expulsion.input(Scene.calleePhone))
        #expect(scene.call.endReason == .hangup)
        #expect(scene.state(Scene.caller) == .left(joinedAt: Scene.start, at: scene.now, .callEnded))
        var ringing = Scene.ringing()
        ringing.handle(expulsion.input(Scene.callerPhone))
        #expect(ringing.call.endReason == .cancelled)
    }

    @Test("A request to be admitted is refused", arguments: Expulsion.allCases)
    func lobby(_ expulsion: Expulsion) {
        var scene = Scene.groupOngoing()
        scene.control(.lock(true), from: Scene.callerPhone)
        scene.join(Scene.strangersPhone)
        #expect(scene.call.joinRequests.count == 1)
        let transition = scene.handle(expulsion.input(Scene.strangersPhone))
        #expect(scene.call.joinRequests.isEmpty)
        let denial = CallDelivery(to: .device(Scene.stranger, Scene.strangersPhone.device), .joinDenied)
        #expect(transition.deliveries.contains(denial) == (expulsion != .device))
    }

    @Test("A former member can return only as a member again")
    func comingBack() {
        var scene = Scene.groupOngoing()
        scene.handle(.membershipEnded(Scene.callee))
        #expect(scene.join(Scene.calleePhone, isMember: false).refusal == .notFound)
        for command in Self.commands(&scene) {
            #expect(scene.send(command, from: Scene.calleePhone).refusal == .notFound, "\(command)")
        }
        #expect(scene.handle(.deviceReturned(Scene.callee, Scene.calleePhone.device)).deliveries.isEmpty)
        #expect(scene.join(Scene.calleePhone, isMember: true).refusal == nil)
        #expect(scene.call.participant(Scene.callee)?.standing == .member)
        #expect(scene.role(Scene.callee) == .participant)
    }

    @Test("A former member is rung as any outsider is, and is a guest then, who may return as guests do")
    func guest() {
        var scene = Scene.groupOngoing()
        scene.handle(.membershipEnded(Scene.callee))
        scene.wait(.seconds(31))
        #expect(scene.add(Callee(Scene.callee, isMember: false), from: Scene.thirdPhone).refusal == nil)
        scene.send(.accept(scene.request(), MediaState()), from: Scene.calleePhone)
        #expect(scene.call.participant(Scene.callee)?.isConnected == true)
        scene.hangUp(Scene.calleePhone)
        #expect(scene.send(.fetch, from: Scene.calleePhone).refusal == nil)
        #expect(scene.join(Scene.calleePhone, isMember: false).refusal == nil)
        #expect(scene.call.participant(Scene.callee)?.standing == .guest)
    }

    @Test("A barred user is answered as a stranger, and told nothing after that")
    func barred() {
        var scene = Scene.groupOngoing()
        let request = scene.request()
        scene.send(.hold(true), from: Scene.calleePhone)
        scene.send(.startScreenShare(request), from: Scene.calleePhone)
        let bar = scene.control(.remove(Scene.callee, isBarred: true), from: Scene.callerPhone)
        #expect(bar.deliveries.contains(CallDelivery(to: .user(Scene.callee), .updated)))
        for command in Self.commands(&scene) {
            #expect(scene.send(command, from: Scene.calleePhone).refusal == .notFound, "\(command)")
        }
        // Nor by commands that were carried out before.
        #expect(scene.send(.startScreenShare(request), from: Scene.calleePhone).refusal == .notFound)
        #expect(scene.join(Scene.calleePhone).refusal == .forbidden)
        let end = scene.control(.end, from: Scene.callerPhone)
        #expect(!end.deliveries.contains { $0.address.user == Scene.callee })
        #expect(scene.send(.fetch, from: Scene.calleePhone).refusal == .notFound)
    }

    @Test("What remains of a call for a user who was sent out contains nothing from later")
    func past() throws {
        var scene = Scene.groupOngoing()
        scene.wait(.seconds(1))
        scene.control(.remove(Scene.callee, isBarred: true), from: Scene.callerPhone)
        let leftAt = scene.now
        scene.wait(.seconds(5))
        scene.join(Scene.strangersPhone)
        scene.send(.startScreenShare(scene.request()), from: Scene.thirdPhone)
        scene.hangUp(Scene.thirdPhone)
        scene.control(.lock(true), from: Scene.callerPhone)
        let past = try #require(scene.call.past(of: Scene.callee))
        #expect(past.phase == .completed(answeredAt: Scene.start + .seconds(1), endedAt: leftAt, .endedByHost))
        #expect(past.participants.map(\.user) == [Scene.caller, Scene.callee, Scene.third, Scene.fourth])
        #expect(past.participant(Scene.callee)?.isBarred == true)
        #expect(
            past.participant(Scene.third)?.state
                == .left(joinedAt: Scene.start + .seconds(2), at: leftAt, .callEnded))
        #expect(past.revision == 0 && !past.isLocked && past.screenShares.isEmpty)
        #expect(scene.call.past(of: Scene.caller) == nil && scene.call.past(of: UserID(high: 9, low: 9)) == nil)
        scene.control(.end, from: Scene.callerPhone)
        #expect(scene.call.past(of: Scene.callee) == past)
    }

    /// All commands of a participant except to join.
    private static func commands(_ scene: inout Scene) -> [CallCommand] {
        [
            .fetch, .accept(scene.request(), MediaState()), .move(scene.request(), MediaState()),
            .hangUp(scene.request(), mediaFailed: false), .decline(scene.request(), isBusy: false, reachable: []),
            .add(scene.request(), [Callee(Scene.stranger)]), .setMedia(MediaState()), .hold(true),
            .signal(.offer(), to: Scene.caller), .startScreenShare(scene.request()), .ringing(wokenByPush: true),
            .control(scene.request(), .lock(true)), .control(scene.request(), .end),
            .control(scene.request(), .remove(Scene.caller, isBarred: true)),
        ]
    }
}
