import Primitives

@testable import SignalingCore

/// A caller and a callee with two devices each, and a call between them that the tests move on.
struct Scene {
    static let caller = UserID(high: 1, low: 1)
    static let callee = UserID(high: 2, low: 2)
    static let stranger = UserID(high: 3, low: 3)
    static let callerPhone = CallOrigin(user: caller, device: DeviceID(high: 11, low: 1))
    static let callerLaptop = CallOrigin(user: caller, device: DeviceID(high: 11, low: 2))
    static let calleePhone = CallOrigin(user: callee, device: DeviceID(high: 22, low: 1))
    static let calleeLaptop = CallOrigin(user: callee, device: DeviceID(high: 22, low: 2))
    static let strangersPhone = CallOrigin(user: stranger, device: DeviceID(high: 33, low: 1))
    static let start = Instant(microseconds: 1_700_000_000_000_000)

    var call: Call
    var now = Scene.start
    private var lastRequest: UInt64 = 0

    static func invitation(isCalleeBusy: Bool = false) -> Invitation {
        Invitation(
            call: CallID(high: 9, low: 9), conversation: ConversationID(high: 8, low: 8), caller: callerPhone,
            callee: callee, isCalleeBusy: isCalleeBusy, type: .voice, media: MediaState(microphone: true),
            clientCallID: RequestID(high: 7, low: 7))
    }

    /// A call that rings since `start`.
    static func ringing() -> Scene {
        Scene(call: Call.place(invitation(), timings: CallTimings(), at: start).call)
    }

    /// A call that was answered by the callee's phone after 5 s.
    static func ongoing() -> Scene {
        var scene = ringing()
        scene.wait(.seconds(5))
        scene.send(.accept(scene.request(), MediaState(microphone: true)), from: calleePhone)
        return scene
    }

    init(call: Call) {
        self.call = call
    }

    mutating func request() -> RequestID {
        lastRequest += 1
        return RequestID(high: 100, low: lastRequest)
    }

    mutating func wait(_ span: Instant.Span) {
        now = now + span
    }

    @discardableResult
    mutating func send(_ command: CallCommand, from origin: CallOrigin) -> CallTransition {
        handle(.command(command, from: origin))
    }

    /// Invites the other one once more while there is the call.
    @discardableResult
    mutating func invite(_ name: RequestID, from origin: CallOrigin) -> CallTransition {
        let transition = call.handleInvite(from: origin, as: name, media: MediaState(), at: now)
        call = transition.call
        return transition
    }

    @discardableResult
    mutating func handle(_ input: CallInput) -> CallTransition {
        let transition = call.handle(input, at: now)
        call = transition.call
        return transition
    }

    /// Lets time pass until the call's next deadline, and carries it out.
    @discardableResult
    mutating func waitForDeadline() -> CallTransition {
        if let deadline = call.nextDeadline { now = max(now, deadline) }
        return handle(.timePassed)
    }
}

extension CallTransition {
    /// What is delivered, without what is passed on between peers.
    var events: [CallDelivery] {
        deliveries.filter { if case .signal = $0.event { false } else { true } }
    }

    /// What is passed on between peers.
    var signals: [CallDelivery] {
        deliveries.filter { if case .signal = $0.event { true } else { false } }
    }
}

extension Signal {
    static func offer(_ sdp: String = "v=0", peer: String = "a", generation: UInt32 = 0) -> Signal {
        .description(
            Description(kind: .offer, sdp: sdp, source: Source(peerConnection: peer, generation: generation)))
    }

    static func candidate(_ text: String, peer: String = "a", generation: UInt32 = 0) -> Signal {
        .candidate(
            Candidate(
                candidate: text, mid: "0", lineIndex: 0, usernameFragment: "u",
                source: Source(peerConnection: peer, generation: generation)))
    }
}
