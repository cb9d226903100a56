import Primitives
import Testing

@testable import SignalingCore

@Suite("How often a user may give commands to calls")
struct CallCommandLimitsTests {
    private static let request = RequestID(high: 1, low: 1)
    private static let commands: [(CallCommand, CallCommandLimits.Kind)] = [
        (.setMedia(MediaState()), .shown), (.hold(true), .shown), (.raiseHand(true, of: Scene.caller), .shown),
        (.move(request, MediaState()), .told), (.join(request, MediaState(), isMember: true), .told),
        (.add(request, []), .told), (.startScreenShare(request), .told), (.stopScreenShare(request), .told),
        (.control(request, .lock(true)), .told), (.control(request, .setRole(Scene.callee, .coHost)), .told),
        (.control(request, .stopMedia(.camera, of: nil)), .told),
        (.control(request, .remove(Scene.callee, isBarred: false)), .told),
        (.control(request, .admit(Scene.callee, isAdmitted: true)), .told),
        (.fetch, .read),
        (.ringing(wokenByPush: false), .other), (.accept(request, MediaState()), .other),
        (.decline(request, isBusy: false, reachable: []), .other),
        (.cancel(request), .other), (.hangUp(request, mediaFailed: false), .other),
        (.signal(.offer(), to: Scene.callee), .other), (.control(request, .end), .other),
    ]

    /// How many of `count` evenly spaced commands in a second are accepted.
    private static func taken(_ command: CallCommand, _ count: Int) -> Int {
        var limits = CallCommandLimits()
        return (0..<count).count { number in
            let now = Scene.start + .init(microseconds: Int64(number) * 1_000_000 / Int64(count))
            return limits.take(command.kind, of: Scene.caller, now: now) == nil
        }
    }

    @Test("Of a hundred in a second as many are accepted as the kind allows; a hang-up always")
    func table() {
        for (command, kind) in Self.commands {
            #expect(command.kind == kind, "\(command)")
            let expected =
                switch kind {
                case .shown: 10 + 4
                case .told: 20 + 1
                case .read: 20 + 4
                case .other: 100
                }
            #expect(Self.taken(command, 100) == expected, "\(command)")
        }
    }

    @Test("A user who waits as long as required is accepted, and others are not delayed")
    func wait() {
        var limits = CallCommandLimits()
        for _ in 0..<10 { #expect(limits.take(.shown, of: Scene.caller, now: Scene.start) == nil) }
        guard let wait = limits.take(.shown, of: Scene.caller, now: Scene.start) else {
            Issue.record("not limited")
            return
        }
        #expect(wait > .milliseconds(0) && wait <= .milliseconds(200))
        #expect(limits.take(.shown, of: Scene.callee, now: Scene.start) == nil)
        #expect(limits.take(.other, of: Scene.caller, now: Scene.start) == nil)
        #expect(limits.take(.shown, of: Scene.caller, now: Scene.start + wait) == nil)
    }

    @Test("A clock that was set back locks nobody out")
    func clock() {
        var limits = CallCommandLimits()
        for _ in 0..<30 { _ = limits.take(.shown, of: Scene.caller, now: Scene.start) }
        let earlier = Scene.start - .seconds(3600)
        _ = limits.take(.shown, of: Scene.caller, now: earlier)
        #expect(limits.take(.shown, of: Scene.caller, now: earlier + .milliseconds(400)) == nil)
    }
}
