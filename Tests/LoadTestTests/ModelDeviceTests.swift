import Primitives
import SwiftProtobuf
import Testing
import Wire

@testable import loadtest

@Suite struct ModelDeviceTests {
    private static func picture(_ revision: Int64, _ status: String = "ongoing") -> CallPicture {
        CallPicture(
            id: "call", status: status, revision: revision,
            members: [.init(user: "ann", status: status == "ongoing" ? "connected" : "left", device: "ann-1")])
    }

    private static func device() -> ModelDevice {
        var device = ModelDevice(user: "ann", id: "ann-1", person: 0)
        _ = device.connect([])
        return device
    }

    @Test func whatHasNoAnswerIsSentAgainAfterAReconnectWithTheSameId() {
        var device = Self.device()
        let first = device.ask(.hangUp, call: "call", StormFrames.command(.hangUp, call: "call", name: "a"))
        let second = device.ask(.fetch, call: "call", StormFrames.command(.fetch, call: "call", name: ""))
        device.disconnect()
        #expect(device.connect([]).repeats == [first, second])
        _ = device.settle(first.id)
        #expect(device.connect([]).repeats == [second])
    }

    @Test func whatIsPostponedIsSentAgainOnce() {
        var device = Self.device()
        let frame = device.ask(.hangUp, call: "call", StormFrames.command(.hangUp, call: "call", name: "a"))
        device.postpone(frame.id, until: .init(microseconds: 1000))
        #expect(device.takeRetries(now: .init(microseconds: 999)).isEmpty)
        #expect(device.takeRetries(now: .init(microseconds: 1000)) == [frame])
        #expect(device.takeRetries(now: .init(microseconds: 1000)).isEmpty)
    }

    @Test func theSnapshotTakesThePlaceOfWhatWasBelieved() {
        var device = Self.device()
        #expect(device.see(Self.picture(5), isEvent: true) == nil)
        #expect(device.connect([Self.picture(3)]).vanished.isEmpty)
        #expect(device.open["call"]?.revision == 3)
        #expect(device.isBusy)
        #expect(device.isIn("call"))
        #expect(device.connect([]).vanished == ["call"])
        #expect(device.replace(Self.picture(4, "completed")) == nil)
        #expect(device.open.isEmpty)
        #expect(device.ended["call"]?.revision == 4)
        #expect(!device.isBusy)
    }

    @Test func whatWasBelievedOfACallThatIsGoneHoldsNothingUp() {
        var device = Self.device()
        #expect(device.see(Self.picture(5), isEvent: true) == nil)
        device.disconnect()
        #expect(device.connect([]).vanished == ["call"])
        // The answer to a repeated command comes before the one to the fetch.
        #expect(device.see(Self.picture(5, "completed"), isEvent: false) == nil)
        #expect(device.ended["call"]?.status == "completed")
    }

    @Test func whatIsOlderIsDropped() {
        var device = Self.device()
        #expect(device.see(Self.picture(5), isEvent: false) == nil)
        #expect(device.see(Self.picture(4), isEvent: false) == nil)
        #expect(device.open["call"]?.revision == 5)
    }

    @Test func anEventThatGoesBackIsFound() {
        var device = Self.device()
        #expect(device.see(Self.picture(5), isEvent: true) == nil)
        #expect(device.see(Self.picture(4), isEvent: true)?.kind == .revisionWentBack)
    }

    @Test func twoFacesOfARevisionAreFound() {
        var device = Self.device()
        #expect(device.see(Self.picture(5), isEvent: true) == nil)
        #expect(device.see(Self.picture(5, "completed"), isEvent: true)?.kind == .revisionHasTwoFaces)
    }

    @Test func aCallThatComesBackToLifeIsFound() {
        var device = Self.device()
        #expect(device.see(Self.picture(5, "completed"), isEvent: true) == nil)
        #expect(device.see(Self.picture(6), isEvent: true)?.kind == .revisionWentBack)
    }

    private static func change(
        _ revision: UInt64, since base: UInt64, _ change: (inout WireCallChanged) -> Void = { _ in }
    ) -> WireCallChanged {
        .with {
            $0.callID = "call"
            $0.revision = revision
            $0.baseRevision = base
            change(&$0)
        }
    }

    @Test func aChangeThatFitsIsPutOnTheCall() throws {
        var device = Self.device()
        _ = device.see(Self.picture(5), isEvent: true)
        let change = Self.change(6, since: 4) {
            $0.state.status = .completed
            $0.state.endReason = .hangup
            $0.participants = [
                .with {
                    $0.user.id = "ben"
                    $0.status = .ringing
                },
                .with {
                    $0.user.id = "ann"
                    $0.status = .left
                    $0.leaveReason = .hangup
                },
            ]
            $0.screenShares.shares = [.with { $0.sharerID = "ben" }]
        }
        guard case .news(let picture) = device.look(at: change) else {
            Issue.record("no news")
            return
        }
        #expect(picture.revision == 6 && picture.status == "completed" && picture.endReason == "hangup")
        #expect(picture.members.map(\.user) == ["ann", "ben"])
        #expect(picture.members.map(\.status) == ["left", "ringing"])
        #expect(picture.shares.keys.sorted() == ["ben"])
        #expect(device.see(picture, isEvent: true) == nil)
        guard case .known(nil) = device.look(at: Self.change(6, since: 5)) else {
            Issue.record("not known")
            return
        }
    }

    @Test func aChangeThatDoesNotFitIsFoundAndTheCallAskedForUntilItIsThere() {
        var device = Self.device()
        _ = device.see(Self.picture(5), isEvent: true)
        guard case .missed(let fault) = device.look(at: Self.change(8, since: 6)) else {
            Issue.record("not missed")
            return
        }
        #expect(fault?.kind == .changeDoesNotFit)
        #expect(device.isBehind("call"))
        _ = device.replace(Self.picture(7))
        #expect(device.isBehind("call"))
        _ = device.replace(Self.picture(8))
        #expect(!device.isBehind("call"))
    }

    @Test func aChangeOfACallThatIsBeingAskedForIsNoFault() {
        var device = Self.device()
        _ = device.see(Self.picture(5), isEvent: true)
        device.disconnect()
        _ = device.connect([])
        guard case .missed(nil) = device.look(at: Self.change(8, since: 4)) else {
            Issue.record("not missed")
            return
        }
        #expect(device.isBehind("call"))
    }
}
