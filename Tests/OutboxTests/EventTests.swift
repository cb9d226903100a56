import Logging
import Primitives
import SignalingService
import Storage
import TestDatabases
import Testing

@testable import Outbox
@testable import SignalingCore

@Suite("The events of a change of a call")
struct EventTests {
    private static let (caller, callee) = (Story.caller.id, Story.callee.id)

    /// What is done with a call, and the events of its last change.
    static let stories: [(name: String, act: @Sendable () -> Story, events: [WebhookEvent])] = [
        ("placed", { Story() }, [WebhookEvent(kind: .initiated)]),
        (
            "placed to somebody busy", { Story(isCalleeBusy: true) },
            [
                WebhookEvent(kind: .initiated), WebhookEvent(kind: .participantDeclined, users: [callee]),
                WebhookEvent(kind: .participantLeft, users: [caller]), WebhookEvent(kind: .ended),
            ]
        ),
        (
            "a device says that it rings", { story { $0.send(.ringing(wokenByPush: false), from: Story.calleePhone) } },
            []
        ),
        (
            "answered", { story { $0.answer() } },
            [WebhookEvent(kind: .answered), WebhookEvent(kind: .participantJoined, users: [callee])]
        ),
        (
            "declined",
            {
                story { $0.send(.decline($0.request(), isBusy: false, reachable: []), from: Story.calleePhone) }
            },
            [
                WebhookEvent(kind: .participantDeclined, users: [callee]),
                WebhookEvent(kind: .participantLeft, users: [caller]), WebhookEvent(kind: .ended),
            ]
        ),
        (
            "not answered",
            {
                story {
                    $0.now = $0.call.ringExpiresAt
                    $0.handle(.timePassed)
                }
            },
            [WebhookEvent(kind: .participantLeft, users: [caller, callee]), WebhookEvent(kind: .ended)]
        ),
        (
            "moved to another device",
            {
                story {
                    $0.answer()
                    $0.send(.move($0.request(), MediaState()), from: Story.calleeLaptop)
                }
            }, []
        ),
        (
            "a screen is shared",
            {
                story {
                    $0.answer()
                    $0.send(.startScreenShare($0.request()), from: Story.calleePhone)
                }
            }, [WebhookEvent(kind: .screenShareStarted, users: [callee])]
        ),
        (
            "another screen takes its place",
            {
                story {
                    $0.answer()
                    $0.send(.startScreenShare($0.request()), from: Story.calleePhone)
                    $0.send(.startScreenShare($0.request()), from: Story.callerPhone)
                }
            },
            [
                WebhookEvent(kind: .screenShareStopped, users: [callee], reason: "replaced"),
                WebhookEvent(kind: .screenShareStarted, users: [caller]),
            ]
        ),
        (
            "hung up while a screen is shared",
            {
                story {
                    $0.answer()
                    $0.send(.startScreenShare($0.request()), from: Story.calleePhone)
                    $0.hangUp()
                }
            },
            [
                WebhookEvent(kind: .screenShareStopped, users: [callee], reason: "call_ended"),
                WebhookEvent(kind: .participantLeft, users: [caller, callee]), WebhookEvent(kind: .ended),
            ]
        ),
    ]

    private static func story(_ act: (inout Story) -> Void) -> Story {
        var story = Story()
        act(&story)
        return story
    }

    @Test("Direct calls", arguments: stories.indices)
    func direct(_ index: Int) throws {
        let change = try #require(Self.stories[index].act().changes.last)
        #expect(WebhookEvent.events(of: change.transition) == Self.stories[index].events)
    }

    @Test("Many people in one change: one event for what is alike, in the order of the participants")
    func group() {
        let users = (1...7).map { UserID(high: 5, low: $0) }
        let connected = Participant.State.connected(.init(joinedAt: .start, device: DeviceID(high: 6, low: 6)))
        let ringing = Participant.State.ringing(.init(until: .start + .seconds(45)))
        let declined = Participant.State.declined(at: .start, .declined)
        let left = Participant.State.left(joinedAt: .start, at: .start, .hangup)
        let again = Participant.State.left(joinedAt: .start, at: .start + .seconds(9), .disconnected)
        let old = call(users, [connected, connected, connected, ringing, declined, left])
        let new = call(users, [connected, left, again, declined, ringing, connected, ringing])
        let transition = CallTransition(
            call: new, happenings: CallHappening.between(old, new), changes: [.updateCall], difference: nil,
            deliveries: [], refusal: nil, droppedSignals: 0)
        #expect(
            WebhookEvent.events(of: transition) == [
                WebhookEvent(kind: .participantRung, users: [users[4], users[6]]),
                WebhookEvent(kind: .participantJoined, users: [users[5]]),
                WebhookEvent(kind: .participantDeclined, users: [users[3]]),
                WebhookEvent(kind: .participantLeft, users: [users[1], users[2]]),
            ])
        #expect(
            PushNotice.notices(of: transition) == [
                PushNotice(
                    kind: .cancel, user: users[3], deadline: .start + .seconds(45), reason: "declined_elsewhere"),
                PushNotice(kind: .invite, user: users[4], deadline: .start + .seconds(45)),
                PushNotice(kind: .invite, user: users[6], deadline: .start + .seconds(45)),
            ])
    }

    @Test("A user from whom a call is hidden is not woken for it")
    func hidden() {
        #expect(PushNotice.notices(of: Story(isCalleeHidden: true).changes[0].transition).isEmpty)
        #expect(!PushNotice.notices(of: Story().changes[0].transition).isEmpty)
    }

    @Test("A user from whom a call was hidden is woken when a welcome caller rings")
    func welcome() {
        let other = CallOrigin(user: UserID(high: 3, low: 3), device: DeviceID(high: 33, low: 1))
        let rung = Call.place(
            Invitation(
                call: CallID(high: 9, low: 9), conversation: ConversationID(high: 8, low: 8), mode: .group,
                caller: Story.callerPhone, callees: [Callee(Story.callee.id, isHidden: true), Callee(other.user)],
                type: .voice, media: MediaState(), clientCallID: RequestID(high: 7, low: 7)),
            rules: CallRules(), at: .start
        ).call
        let accept = CallCommand.accept(RequestID(high: 100, low: 1), MediaState())
        let ongoing = rung.handle(.command(accept, from: other), at: .start + .seconds(1)).transition.call
        let add = CallCommand.add(RequestID(high: 100, low: 2), [Callee(Story.callee.id)])
        let after = ongoing.handle(.command(add, from: other), at: .start + .seconds(10)).transition
        #expect(
            PushNotice.notices(of: after) == [
                PushNotice(kind: .invite, user: Story.callee.id, deadline: .start + .seconds(55))
            ])
    }

    private func call(_ users: [UserID], _ states: [Participant.State]) -> Call {
        Call(
            id: CallID(high: 9, low: 9), conversation: ConversationID(high: 8, low: 8), mode: .group,
            initiator: users[0], clientCallID: RequestID(high: 7, low: 7), type: .voice, startedAt: .start,
            ringExpiresAt: .start + .seconds(45), rules: CallRules(),
            storedPhase: .ongoing(answeredAt: .start + .seconds(1)),
            storedParticipants: zip(users, states).map {
                Participant(
                    user: $0, isPolite: false, role: .participant, rungAt: nil, isHidden: false, standing: .member,
                    state: $1)
            },
            openShares: [], isLocked: false, revision: 1)
    }

    static let rings: [(name: String, act: @Sendable (inout Story) -> Void, reason: String?, device: DeviceID?)] = [
        ("answered", { $0.answer() }, "answered_elsewhere", Story.calleePhone.device),
        (
            "declined", { $0.send(.decline($0.request(), isBusy: false, reachable: []), from: Story.calleePhone) },
            "declined_elsewhere", nil
        ),
        (
            "busy", { $0.send(.decline($0.request(), isBusy: true, reachable: []), from: Story.calleePhone) }, "busy",
            nil
        ),
        ("cancelled", { $0.send(.cancel($0.request()), from: Story.callerPhone) }, "cancelled", nil),
        (
            "not answered",
            {
                $0.now = $0.call.ringExpiresAt
                $0.handle(.timePassed)
            }, "no_answer", nil
        ),
        (
            "caller lost",
            {
                $0.handle(.deviceLost(Story.caller.id, Story.callerPhone.device))
                $0.now = $0.now + .seconds(20)
                $0.handle(.timePassed)
            }, "caller_disconnected", nil
        ),
    ]

    @Test("Sleeping devices are told to ring, and why they no longer need to", arguments: rings.indices)
    func pushes(_ index: Int) throws {
        let ring = Self.rings[index]
        var story = Story()
        let invite = PushNotice(kind: .invite, user: Self.callee, deadline: story.call.ringExpiresAt)
        #expect(PushNotice.notices(of: story.changes[0].transition) == [invite])
        ring.act(&story)
        let change = try #require(story.changes.last)
        let cancel = PushNotice(
            kind: .cancel, user: Self.callee, deadline: story.call.ringExpiresAt, reason: ring.reason,
            device: ring.device)
        #expect(PushNotice.notices(of: change.transition) == [cancel], "\(ring.name)")
    }

    @Test("Nobody is woken for a call that ends at once")
    func busy() {
        #expect(PushNotice.notices(of: Story(isCalleeBusy: true).changes[0].transition) == [])
    }
}

@Suite("What is sent")
struct BodyTests {
    @Test("The JSON of a webhook, byte for byte")
    func webhook() throws {
        let story = Story.whole(9)
        let change = try #require(story.changes.last)
        let body = WebhookBody(
            WebhookEvent(kind: .ended), id: DeliveryID(high: 0xABCD, low: 1),
            of: CallDocument(change.transition.call, people: change.people), at: change.at)
        #expect(
            BodyCoding.text(body) == """
                {"call":{"answered_at":"2023-11-14T22:13:20.001Z","conversation_id":"00000000-0000-0008-0000-000000000009",\
                "duration_ms":1,"end_reason":"hangup","ended_at":"2023-11-14T22:13:20.002Z",\
                "id":"00000000-0000-0009-0000-000000000009","initiator_id":"00000000-0000-0001-0000-000000000001",\
                "mode":"direct","participants":[{"joined_at":"2023-11-14T22:13:20.000Z","leave_reason":"hangup",\
                "left_at":"2023-11-14T22:13:20.002Z","status":"left","user":{"avatar_url":"https://a.example/a.png",\
                "display_name":"Anna 👋","id":"00000000-0000-0001-0000-000000000001","username":"anna"}},\
                {"joined_at":"2023-11-14T22:13:20.001Z","leave_reason":"call_ended",\
                "left_at":"2023-11-14T22:13:20.002Z","status":"left","user":{"display_name":"Ben",\
                "id":"00000000-0000-0002-0000-000000000002","username":"ben"}}],"revision":3,\
                "ring_expires_at":"2023-11-14T22:14:05.000Z","screen_shares":[],\
                "started_at":"2023-11-14T22:13:20.000Z","status":"completed","type":"video"},\
                "created_at":"2023-11-14T22:13:20.002Z","id":"00000000-0000-abcd-0000-000000000001","type":"call.ended"}
                """)
    }

    @Test("The signature equals that of another implementation (openssl dgst -sha256 -hmac)")
    func signature() {
        let signature = Signature(secret: Redacted("sixteen bytes ok"))
        #expect(
            signature.value(for: #"{"type":"call.ended"}"#, at: .start + .milliseconds(999))
                == "t=1700000000,v1=e02f57a85618d75edff43fa8aa1b1698890a35420fb7ee2ffa5695193799093c")
    }

    @Test("Nothing is written for services that are not configured")
    func nothingForNobody() async throws {
        let channels: [([OutboxMetrics.Channel], Int)] = [
            ([], 0), ([.webhook], 1), ([.push], 1), ([.webhook, .push], 2),
        ]
        try await TestDatabase.with(.sqlite) { database, _ in
            for (channels, count) in channels {
                let service = OutboxService(
                    database: database, presence: OutboxWorld.Presence(), settings: settings(channels),
                    clock: VirtualTime().clock, logger: Logger(label: "test"))
                #expect(Story().changes.flatMap { service.steps(for: $0) }.count == count)
            }
        }
    }

    private func settings(_ channels: [OutboxMetrics.Channel]) -> OutboxSettings {
        var settings = OutboxSettings()
        let endpoint = OutboxSettings.Endpoint(url: Redacted("http://127.0.0.1:1"), secret: Redacted("secret"))
        if channels.contains(.webhook) { settings.webhooks = endpoint }
        if channels.contains(.push) { settings.push = endpoint }
        return settings
    }
}

@Suite("Back-off")
struct BackoffTests {
    private let backoff = Backoff(first: .seconds(1), longest: .seconds(300))

    @Test(
        "Twice as long each time, up to the longest, the second half by chance",
        arguments: [
            (1, 0.0, 500), (1, 1.0, 1000), (2, 0.0, 1000), (2, 0.5, 1500), (4, 1.0, 8000), (9, 1.0, 256_000),
            (10, 1.0, 300_000), (10, 0.0, 150_000), (1000, 1.0, 300_000), (Int.max, 0.0, 150_000), (0, 1.0, 1000),
            (1, 7.0, 1000), (1, -1.0, 500),
        ])
    func waits(_ attempts: Int, _ chance: Double, _ milliseconds: Int64) {
        #expect(backoff.wait(after: attempts, chance: chance) == .milliseconds(milliseconds))
    }

    @Test("A schedule that is too long to count is the longest wait")
    func overflow() {
        let endless = Backoff(first: .seconds(1_000_000_000), longest: .seconds(2_000_000_000))
        #expect(endless.wait(after: 64, chance: 1) == .seconds(2_000_000_000))
    }
}
