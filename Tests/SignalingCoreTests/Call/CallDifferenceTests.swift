import Primitives
import Testing

@testable import SignalingCore

@Suite("What has changed in a call")
struct CallDifferenceTests {
    /// Indices of the caller, the callee, the third and the fourth, who is rung.
    private static let (caller, callee, third, fourth) = (0, 1, 2, 3)

    private struct Expected: Equatable, CustomStringConvertible {
        var participants: [Int] = []
        var shown: [Int] = []
        var others: Set<String> = []

        var description: String { "\(participants) \(shown) \(others)" }
    }

    private static func named(_ difference: CallDifference) -> Expected {
        var others: Set<String> = []
        if difference.isStateChanged { others.insert("state") }
        if difference.areScreenSharesChanged { others.insert("screens") }
        if difference.areJoinRequestsChanged { others.insert("requests") }
        return Expected(participants: difference.participants, shown: difference.shown, others: others)
    }

    @Test("Each input names what it changes, and nothing else")
    func table() throws {
        var scene = Scene.groupOngoing()
        func control(_ control: HostControl) -> CallInput {
            .command(.control(scene.request(), control), from: Scene.callerPhone)
        }
        let table: [(CallInput, Expected)] = [
            (.command(.setMedia(MediaState(camera: true)), from: Scene.calleePhone), Expected(shown: [Self.callee])),
            (.command(.hold(true), from: Scene.callerPhone), Expected(shown: [Self.caller])),
            (.command(.raiseHand(true, of: Scene.third), from: Scene.thirdPhone), Expected(shown: [Self.third])),
            (.command(.ringing(wokenByPush: false), from: Scene.fourthPhone), Expected(shown: [Self.fourth])),
            (.deviceLost(Scene.third, Scene.thirdPhone.device), Expected(shown: [Self.third])),
            (.deviceReturned(Scene.third, Scene.thirdPhone.device), Expected(shown: [Self.third])),
            (.command(.startScreenShare(scene.request()), from: Scene.calleePhone), Expected(others: ["screens"])),
            (.command(.startScreenShare(scene.request()), from: Scene.thirdPhone), Expected(others: ["screens"])),
            (control(.setRole(Scene.callee, .coHost)), Expected(participants: [Self.callee])),
            (control(.lock(true)), Expected(others: ["state"])),
            (
                .command(.join(scene.request(), MediaState(), isMember: true), from: Scene.strangersPhone),
                Expected(others: ["requests"])
            ),
            (control(.admit(Scene.stranger, isAdmitted: true)), Expected(participants: [4], others: ["requests"])),
            (.command(.accept(scene.request(), MediaState()), from: Scene.fourthPhone), Expected(participants: [3])),
            (
                .command(.move(scene.request(), MediaState()), from: Scene.thirdLaptop),
                Expected(participants: [Self.third], others: ["screens"])
            ),
            // The host leaves, and a co-host becomes host.
            (
                .command(.hangUp(scene.request(), mediaFailed: false), from: Scene.callerPhone),
                Expected(participants: [Self.caller, Self.callee])
            ),
            (
                .command(.control(scene.request(), .end), from: Scene.calleePhone),
                Expected(participants: [1, 2, 3, 4], others: ["state"])
            ),
        ]
        for (input, expected) in table {
            scene.wait(.seconds(1))
            let before = scene.call.revision
            let difference = try #require(scene.handle(input).difference, "\(input)")
            #expect(Self.named(difference) == expected, "\(input)")
            #expect(difference.base == before && scene.call.revision == before + 1)
        }
        #expect(scene.send(.fetch, from: Scene.callerPhone).difference == nil)
    }

    @Test("A longer ring is not a change for the others")
    func longer() throws {
        var scene = Scene.groupOngoing()
        scene.send(.ringing(wokenByPush: false), from: Scene.fourthPhone)
        scene.wait(.seconds(40))
        let woken = scene.send(.ringing(wokenByPush: true), from: Scene.fourthPhone)
        #expect(Self.named(try #require(woken.difference)) == Expected())
    }

    /// A user whom the caller may not reach was not rung; another user's ring is heard. The caller must not see when.
    @Test("A user who is now told of the call is not a change for the others")
    func hidden() throws {
        var invitation = Scene.invitation()
        invitation.mode = .group
        invitation.callees = [Callee(Scene.callee), Callee(Scene.third, isHidden: true)]
        var scene = Scene(call: Call.place(invitation, rules: CallRules(), at: Scene.start).call)
        scene.send(.accept(scene.request(), MediaState()), from: Scene.calleePhone)
        scene.wait(.seconds(1))
        let rung = scene.add(Callee(Scene.third), from: Scene.calleePhone)
        #expect(rung.call.participant(Scene.third)?.isHidden == false)
        let difference = try #require(rung.difference)
        #expect(Self.named(difference) == Expected())
    }

    @Test("A change applied to a state gives the next one; combined ones too, on any state since the first")
    func pictures() {
        var random = SplitMix64(state: 1)
        var (changes, joined) = (0, 0)
        for seed in 1...800 as ClosedRange<UInt64> {
            var walk = RandomWalk(seed: seed)
            /// The states since the base of the combined difference, and that difference.
            var pictures: [Seen] = []
            var sum: CallDifference?
            walk.run { before, transition in
                guard let before, let difference = transition.difference else { return }
                let call = transition.call
                var next = Seen(of: before)
                next.take(difference, of: call)
                #expect(next == Seen(of: call), "seed \(seed)")
                changes += 1
                if pictures.last?.revision != before.revision || Int.random(in: 0..<6, using: &random) == 0 {
                    (pictures, sum) = ([Seen(of: before)], nil)
                }
                let all = sum?.joined(by: difference) ?? difference
                #expect(all.base == pictures[0].revision)
                for picture in pictures {
                    var picture = picture
                    picture.take(all, of: call)
                    #expect(picture == Seen(of: call), "seed \(seed)")
                }
                joined += pictures.count - 1
                pictures.append(Seen(of: call))
                sum = all
            }
        }
        #expect(changes > 2000 && joined > 2000)
    }
}
