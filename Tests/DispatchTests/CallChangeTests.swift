import Primitives
import SignalingCore
import Testing
import Wire

@testable import FrameDispatch

/// The call that a client has by applying changes, and the call it would have if it were told the whole call.
@Suite struct CallChangeTests {
    private static let start = Instant(microseconds: 1_700_000_000_000_000)
    private static let origins = (1...5 as ClosedRange<UInt64>).map { number in
        CallOrigin(user: UserID(high: 1, low: number), device: DeviceID(high: 2, low: number))
    }

    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 33)
        }
    }

    /// Any command that a client may give.
    private static func command(_ random: inout Generator) -> CallCommand {
        let request = RequestID(high: 3, low: random.next())
        let user = origins[Int.random(in: 0..<5, using: &random)].user
        let media = MediaState(microphone: .random(using: &random), camera: .random(using: &random))
        return switch Int.random(in: 0..<16, using: &random) {
        case 0, 1: .accept(request, media)
        case 2: .ringing(wokenByPush: .random(using: &random))
        case 3, 4: .setMedia(media)
        case 5: .hold(.random(using: &random))
        case 6: .raiseHand(.random(using: &random), of: user)
        case 7: .startScreenShare(request)
        case 8: .stopScreenShare(request)
        case 9: .join(request, media, isMember: true)
        case 10: .control(request, .lock(.random(using: &random)))
        case 11: .control(request, .admit(user, isAdmitted: .random(using: &random)))
        case 12: .control(request, .setRole(user, .coHost))
        case 13: .add(request, [Callee(user)])
        case 14: .hangUp(request, mediaFailed: false)
        default: .control(request, .remove(user, isBarred: false))
        }
    }

    @Test(arguments: Encoding.allCases)
    func changesGiveTheCallThatWouldHaveBeenTold(_ encoding: Encoding) throws {
        let people = Dictionary(
            uniqueKeysWithValues: Self.origins.map {
                ($0.user, Profile(id: $0.user, username: "u\($0.user.low)", displayName: "U"))
            })
        var changes = 0
        for seed in 1...60 as ClosedRange<UInt64> {
            var random = Generator(state: seed)
            var now = Self.start
            let placed = Call.place(
                Invitation(
                    call: CallID(high: 9, low: 9), conversation: ConversationID(high: 8, low: 8), mode: .group,
                    caller: Self.origins[0], callees: [Callee(Self.origins[1].user), Callee(Self.origins[2].user)],
                    type: .video, media: MediaState(), clientCallID: RequestID(high: 7, low: seed)),
                rules: CallRules(), at: now)
            var call = placed.call
            var pace = UpdatePace()
            var known: WireCall?
            /// Each transition changes this call, however late it is told.
            func tell(_ deliveries: [CallDelivery]) throws {
                let view = CallView(call: call, people: people)
                for broadcast in CallBroadcast.gathered(from: deliveries) {
                    let event = try encoding.decode(
                        WireEvent.self, from: encoding.encode(WireEvent(broadcast.event, of: view)))
                    switch event.event {
                    case .callUpdated(let update): known = update.call
                    case .callIncoming(let incoming): known = incoming.call
                    case .callRingStopped(let stopped): known = stopped.call
                    case .callChanged(let change):
                        #expect(known.map { $0.revision >= change.baseRevision } ?? false)
                        if known.map({ $0.revision < change.revision }) ?? false { known?.take(change) }
                        changes += 1
                    default: continue
                    }
                    #expect(known == WireCall(view), "seed \(seed)")
                }
            }
            try tell(pace.tell(placed, at: now))
            for _ in 0..<80 where !call.isEnded {
                now = now + .milliseconds(Int64.random(in: 0...300, using: &random))
                if let due = pace.due, due <= now { try tell(pace.release(of: call, at: due)) }
                let origin = Self.origins[Int.random(in: 0..<5, using: &random)]
                let transition = call.handle(.command(Self.command(&random), from: origin), at: now).transition
                call = transition.call
                try tell(pace.tell(transition, at: now))
            }
        }
        #expect(changes > 500)
    }
}
