import Primitives

@testable import SignalingCore

/// A caller and a callee with two devices each, and a call between them that the tests advance.
struct Scene {
    static let caller = UserID(high: 1, low: 1)
    static let callee = UserID(high: 2, low: 2)
    static let stranger = UserID(high: 3, low: 3)
    static let callerPhone = CallOrigin(user: caller, device: DeviceID(high: 11, low: 1))
    static let callerLaptop = CallOrigin(user: caller, device: DeviceID(high: 11, low: 2))
    static let calleePhone = CallOrigin(user: callee, device: DeviceID(high: 22, low: 1))
    static let calleeLaptop = CallOrigin(user: callee, device: DeviceID(high: 22, low: 2))
    static let strangersPhone = CallOrigin(user: stranger, device: DeviceID(high: 33, low: 1))
    static let third = UserID(high: 4, low: 4)
    static let fourth = UserID(high: 5, low: 5)
    static let thirdPhone = CallOrigin(user: third, device: DeviceID(high: 44, low: 1))
    static let thirdLaptop = CallOrigin(user: third, device: DeviceID(high: 44, low: 2))
    static let fourthPhone = CallOrigin(user: fourth, device: DeviceID(high: 55, low: 1))
    static let start = Instant(microseconds: 1_700_000_000_000_000)

    var call: Call
    var now = Scene.start
    private var lastRequest: UInt64 = 0

    static func invitation(isCalleeBusy: Bool = false) -> Invitation {
        Invitation(
            call: CallID(high: 9, low: 9), conversation: ConversationID(high: 8, low: 8), mode: .direct,
            caller: callerPhone, callees: [Callee(callee, isBusy: isCalleeBusy)], type: .voice,
            media: MediaState(microphone: true),
            clientCallID: RequestID(high: 7, low: 7))
    }

    /// An invite while there is a call.
    static func invitation(
        _ name: RequestID, from origin: CallOrigin, media: MediaState = MediaState(), group callees: [Callee]? = nil
    ) -> Invitation {
        var invitation = invitation()
        invitation.call = CallID(high: 9, low: 10)
        invitation.caller = origin
        invitation.clientCallID = name
        invitation.media = media
        if let callees { (invitation.mode, invitation.callees) = (.group, callees) }
        return invitation
    }

    /// A call that has rung since `start`.
    static func ringing() -> Scene {
        Scene(call: Call.place(invitation(), rules: CallRules(), at: start).call)
    }

    /// A call that was answered by the callee's phone after 5 s.
    static func ongoing() -> Scene {
        var scene = ringing()
        scene.wait(.seconds(5))
        scene.send(.accept(scene.request(), MediaState(microphone: true)), from: calleePhone)
        return scene
    }

    /// A group call that has rung since `start`, from the caller to the callee and to two more.
    static func groupRinging(_ rules: CallRules = CallRules()) -> Scene {
        var invitation = invitation()
        invitation.mode = .group
        invitation.callees += [Callee(third), Callee(fourth)]
        return Scene(call: Call.place(invitation, rules: rules, at: start).call)
    }

    /// A group call that the callee and the third have answered one after the other; the fourth is still being rung.
    static func groupOngoing(_ rules: CallRules = CallRules()) -> Scene {
        var scene = groupRinging(rules)
        for origin in [calleePhone, thirdPhone] {
            scene.wait(.seconds(1))
            scene.send(.accept(scene.request(), MediaState(microphone: true, camera: true)), from: origin)
        }
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

    /// Sends another invite while the call is open.
    @discardableResult
    mutating func invite(
        _ name: RequestID, from origin: CallOrigin, media: MediaState = MediaState(), group callees: [Callee]? = nil
    ) -> CallTransition {
        handle(.invite(Self.invitation(name, from: origin, media: media, group: callees)))
    }

    @discardableResult
    mutating func handle(_ input: CallInput) -> CallTransition {
        while true {
            switch call.handle(input, at: now) {
            case .due(let transition): call = transition.call
            case .done(let transition):
                call = transition.call
                return transition
            }
        }
    }

    /// Whether something is due before any input.
    func isOverdue(at now: Instant) -> Bool {
        if case .due = call.handle(.ringingFeigned(Self.stranger), at: now) { true } else { false }
    }

    /// Advances time to the call's next deadline, and carries it out.
    @discardableResult
    mutating func waitForDeadline() -> CallTransition {
        if let deadline = call.nextDeadline { now = max(now, deadline) }
        return handle(.timePassed)
    }
}

extension Scene {
    func state(_ user: UserID) -> Participant.State? { call.participant(user)?.state }

    func role(_ user: UserID) -> Participant.Role? { call.participant(user)?.role }

    @discardableResult
    mutating func control(_ control: HostControl, from origin: CallOrigin) -> CallTransition {
        send(.control(request(), control), from: origin)
    }

    @discardableResult
    mutating func hangUp(_ origin: CallOrigin) -> CallTransition {
        send(.hangUp(request(), mediaFailed: false), from: origin)
    }

    @discardableResult
    mutating func join(_ origin: CallOrigin, isMember: Bool = true) -> CallTransition {
        send(.join(request(), MediaState(microphone: true), isMember: isMember), from: origin)
    }

    @discardableResult
    mutating func add(_ callees: Callee..., from origin: CallOrigin) -> CallTransition {
        send(.add(request(), callees), from: origin)
    }
}

extension CallTransition {
    /// The deliveries, without signals.
    var events: [CallDelivery] {
        deliveries.filter { if case .signal = $0.event { false } else { true } }
    }

    /// The delivered signals.
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
