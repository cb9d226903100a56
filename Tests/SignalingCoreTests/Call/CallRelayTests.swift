import Primitives
import Testing

@testable import SignalingCore

@Suite("Relay of descriptions and candidates")
struct CallRelayTests {
    @Test("Signals sent by the caller while the call rings wait, and are handed over in order at the answer")
    func earlySignals() {
        var scene = Scene.ringing()
        let signals: [Signal] = [.offer(), .candidate("1"), .candidate("2")]
        for signal in signals {
            let transition = scene.send(.signal(signal, to: Scene.callee), from: Scene.callerPhone)
            #expect(transition.refusal == nil && transition.deliveries.isEmpty)
        }
        let transition = scene.send(.accept(scene.request(), MediaState()), from: Scene.calleeLaptop)
        #expect(
            transition.signals
                == signals.map {
                    CallDelivery(to: .device(Scene.callee, Scene.calleeLaptop.device), .signal($0, from: Scene.caller))
                })
        #expect(transition.deliveries.suffix(3) == transition.signals[...])
    }

    @Test("In a running call a signal goes to the other side's active device at once")
    func running() {
        var scene = Scene.ongoing()
        let transition = scene.send(.signal(.candidate("1"), to: Scene.caller), from: Scene.calleePhone)
        #expect(
            transition.deliveries == [
                CallDelivery(
                    to: .device(Scene.caller, Scene.callerPhone.device),
                    .signal(.candidate("1"), from: Scene.callee))
            ])
        #expect(transition.call.revision == Scene.ongoing().call.revision)
    }

    @Test("Signals to a device that is away wait for its return")
    func away() {
        var scene = Scene.ongoing()
        scene.handle(.deviceLost(Scene.caller, Scene.callerPhone.device))
        #expect(scene.send(.signal(.offer(), to: Scene.caller), from: Scene.calleePhone).deliveries.isEmpty)
        let transition = scene.handle(.deviceReturned(Scene.caller, Scene.callerPhone.device))
        #expect(transition.signals.count == 1)
    }

    @Test("A new device gets no signals that were meant for the old one's peer connection")
    func moved() {
        var scene = Scene.ongoing()
        scene.handle(.deviceLost(Scene.caller, Scene.callerPhone.device))
        scene.send(.signal(.offer(), to: Scene.caller), from: Scene.calleePhone)
        let transition = scene.send(.move(scene.request(), MediaState()), from: Scene.callerLaptop)
        #expect(transition.signals.isEmpty)
        scene.handle(.deviceLost(Scene.caller, Scene.callerLaptop.device))
        #expect(scene.handle(.deviceReturned(Scene.caller, Scene.callerLaptop.device)).signals.isEmpty)
    }

    @Test("Candidates of a generation before an ICE restart are dropped, waiting or arriving")
    func generations() {
        var scene = Scene.ringing()
        scene.send(.signal(.offer("first"), to: Scene.callee), from: Scene.callerPhone)
        scene.send(.signal(.candidate("old"), to: Scene.callee), from: Scene.callerPhone)
        scene.send(.signal(.offer("second", generation: 1), to: Scene.callee), from: Scene.callerPhone)
        let late = scene.send(.signal(.candidate("late"), to: Scene.callee), from: Scene.callerPhone)
        #expect(late.droppedSignals == 1 && late.refusal == nil)
        let transition = scene.send(.accept(scene.request(), MediaState()), from: Scene.calleePhone)
        #expect(transition.signals.map(\.event) == [.signal(.offer("second", generation: 1), from: Scene.caller)])
    }

    @Test("Signals of a peer connection that was replaced are dropped")
    func replacedPeerConnection() {
        var scene = Scene.ongoing()
        scene.send(.signal(.offer(peer: "a"), to: Scene.callee), from: Scene.callerPhone)
        scene.send(.signal(.offer(peer: "b"), to: Scene.callee), from: Scene.callerPhone)
        let late = scene.send(.signal(.candidate("late", peer: "a"), to: Scene.callee), from: Scene.callerPhone)
        #expect(late.droppedSignals == 1 && late.deliveries.isEmpty)
    }

    @Test("A mailbox is bounded in number")
    func countLimit() {
        var scene = Scene.ringing()
        for number in 0..<Mailbox.countLimit {
            let transition = scene.send(
                .signal(.candidate("\(number)"), to: Scene.callee), from: Scene.callerPhone)
            #expect(transition.refusal == nil)
        }
        let transition = scene.send(.signal(.candidate("more"), to: Scene.callee), from: Scene.callerPhone)
        #expect(transition.refusal == .mailboxFull)
    }

    @Test("A signal for which there is no room leaves the waiting ones as they are")
    func refusedSignalChangesNothing() {
        var scene = Scene.ringing()
        scene.send(.signal(.offer("first"), to: Scene.callee), from: Scene.callerPhone)
        let tooLong = String(repeating: "x", count: 300 * 1024)
        #expect(
            scene.send(.signal(.offer(tooLong, generation: 1), to: Scene.callee), from: Scene.callerPhone).refusal
                == .mailboxFull)
        let transition = scene.send(.accept(scene.request(), MediaState()), from: Scene.calleePhone)
        #expect(transition.signals.map(\.event) == [.signal(.offer("first"), from: Scene.caller)])
    }

    @Test("A mailbox is bounded in bytes")
    func byteLimit() {
        var scene = Scene.ringing()
        let sdp = String(repeating: "x", count: 60 * 1024)
        let refusals = (0..<6).map { _ in
            scene.send(.signal(.offer(sdp), to: Scene.callee), from: Scene.callerPhone).refusal
        }
        #expect(refusals == [nil, nil, nil, nil, .mailboxFull, .mailboxFull])
    }

    @Test("Only the device that is in the call may send, and only to another participant in it")
    func rights() {
        var scene = Scene.ongoing()
        #expect(scene.send(.signal(.offer(), to: Scene.callee), from: Scene.callerLaptop).refusal == .wrongState)
        #expect(scene.send(.signal(.offer(), to: Scene.caller), from: Scene.callerPhone).refusal == .forbidden)
        #expect(scene.send(.signal(.offer(), to: Scene.stranger), from: Scene.callerPhone).refusal == .forbidden)
        var ringing = Scene.ringing()
        #expect(ringing.send(.signal(.offer(), to: Scene.caller), from: Scene.calleePhone).refusal == .wrongState)
    }
}

@Suite("Screen sharing")
struct ScreenShareTests {
    @Test("A share opens a row, stopping closes it")
    func startAndStop() {
        var scene = Scene.ongoing()
        let start = scene.send(.startScreenShare(scene.request()), from: Scene.callerPhone)
        let share = Call.ScreenShare(sharer: Scene.caller, startedAt: scene.now)
        #expect(start.changes == [.updateCall, .openShare(share)])
        scene.wait(.seconds(9))
        let stop = scene.send(.stopScreenShare(scene.request()), from: Scene.callerPhone)
        #expect(stop.changes == [.updateCall, .closeShare(Scene.caller, at: scene.now, .stopped)])
        #expect(scene.call.screenShares.isEmpty)
    }

    @Test("A newcomer takes over the share")
    func replaced() {
        var scene = Scene.ongoing()
        scene.send(.startScreenShare(scene.request()), from: Scene.callerPhone)
        let transition = scene.send(.startScreenShare(scene.request()), from: Scene.calleePhone)
        #expect(transition.changes.contains(.closeShare(Scene.caller, at: scene.now, .replaced)))
        #expect(scene.call.screenShares.map(\.sharer) == [Scene.callee])
    }

    @Test("Sharing again while sharing opens no second row")
    func twice() {
        var scene = Scene.ongoing()
        scene.send(.startScreenShare(scene.request()), from: Scene.callerPhone)
        #expect(scene.send(.startScreenShare(scene.request()), from: Scene.callerPhone).changes.isEmpty)
    }

    @Test(
        "Everything that takes the sharer out or ends the call closes the row",
        arguments: [
            (Scene.callerPhone, Call.ShareEndReason.left), (Scene.calleePhone, .callEnded),
        ])
    func hangUp(_ leaver: CallOrigin, _ reason: Call.ShareEndReason) {
        var scene = Scene.ongoing()
        scene.send(.startScreenShare(scene.request()), from: Scene.callerPhone)
        let transition = scene.send(.hangUp(scene.request(), mediaFailed: false), from: leaver)
        #expect(transition.changes.contains(.closeShare(Scene.caller, at: scene.now, reason)))
        #expect(scene.call.screenShares.isEmpty)
    }

    @Test("A sharer whose grace expires stops sharing as disconnected")
    func disconnected() {
        var scene = Scene.ongoing()
        scene.send(.startScreenShare(scene.request()), from: Scene.callerPhone)
        scene.handle(.deviceLost(Scene.caller, Scene.callerPhone.device))
        let transition = scene.waitForDeadline()
        #expect(transition.changes.contains(.closeShare(Scene.caller, at: scene.now, .disconnected)))
    }

    @Test("Nobody can share before the answer, or from a device that is not in the call")
    func rights() {
        var ringing = Scene.ringing()
        #expect(ringing.send(.startScreenShare(ringing.request()), from: Scene.callerPhone).refusal == .wrongState)
        var ongoing = Scene.ongoing()
        #expect(ongoing.send(.startScreenShare(ongoing.request()), from: Scene.callerLaptop).refusal == .wrongState)
    }
}
