import Primitives
import SignalingService

@testable import SignalingCore

/// A call between two people that a test moves on, with the changes that it makes.
struct Story {
    static let caller = Profile(
        id: UserID(high: 1, low: 1), username: "anna", displayName: "Anna \u{1F44B}",
        avatarURL: "https://a.example/a.png")
    static let callee = Profile(id: UserID(high: 2, low: 2), username: "ben", displayName: "Ben")
    static let people = [caller.id: caller, callee.id: callee]
    static let callerPhone = CallOrigin(user: caller.id, device: DeviceID(high: 11, low: 1))
    static let calleePhone = CallOrigin(user: callee.id, device: DeviceID(high: 22, low: 1))
    static let calleeLaptop = CallOrigin(user: callee.id, device: DeviceID(high: 22, low: 2))

    private(set) var call: Call
    private(set) var changes: [RecordedChange]
    var now: Instant
    private var lastRequest: UInt64 = 0

    init(_ number: UInt64 = 9, at now: Instant = .start, isCalleeBusy: Bool = false, isCalleeHidden: Bool = false) {
        let transition = Call.place(
            Invitation(
                call: CallID(high: 9, low: number), conversation: ConversationID(high: 8, low: number),
                mode: .direct, caller: Self.callerPhone,
                callees: [Callee(Self.callee.id, isBusy: isCalleeBusy, isHidden: isCalleeHidden)], type: .video,
                media: MediaState(), clientCallID: RequestID(high: 7, low: number)),
            rules: CallRules(), at: now)
        self.now = now
        call = transition.call
        changes = [RecordedChange(transition: transition, people: Self.people, at: now)]
    }

    /// A call that was placed, answered and hung up; its events are in `kinds`.
    static func whole(_ number: UInt64, at now: Instant = .start) -> Story {
        var story = Story(number, at: now)
        story.answer()
        story.hangUp()
        return story
    }

    static let kinds = [
        "call.initiated", "call.answered", "call.participant_joined", "call.participant_left", "call.ended",
    ]

    mutating func request() -> RequestID {
        lastRequest += 1
        return RequestID(high: 100, low: lastRequest)
    }

    mutating func answer() { send(.accept(request(), MediaState()), from: Self.calleePhone) }
    mutating func hangUp() { send(.hangUp(request(), mediaFailed: false), from: Self.callerPhone) }

    @discardableResult
    mutating func send(_ command: CallCommand, from origin: CallOrigin) -> CallTransition {
        handle(.command(command, from: origin))
    }

    @discardableResult
    mutating func handle(_ input: CallInput) -> CallTransition {
        now = now + .milliseconds(1)
        while true {
            let step = call.handle(input, at: now)
            let transition = step.transition
            changes.append(RecordedChange(transition: transition, people: Self.people, at: now))
            call = transition.call
            if case .done = step { return transition }
        }
    }
}
