import Primitives
import Testing

@testable import SignalingCore

@Suite("Deliveries that are grouped into broadcasts")
struct CallBroadcastTests {
    private static func user(_ number: UInt64) -> UserID { UserID(high: 1, low: number) }

    @Test("A mute in a call of a hundred is one event for all recipients")
    func one() {
        var invitation = Scene.invitation()
        invitation.mode = .group
        let users = (0..<99 as Range<UInt64>).map { UserID(high: 6, low: $0) }
        invitation.callees = users.map { Callee($0) }
        var scene = Scene(call: Call.place(invitation, rules: CallRules(), at: Scene.start).call)
        for user in users {
            let phone = CallOrigin(user: user, device: DeviceID(high: 66, low: user.low))
            scene.send(.accept(scene.request(), MediaState()), from: phone)
        }
        let mute = scene.send(.setMedia(MediaState(camera: true)), from: Scene.callerPhone)
        let broadcasts = CallBroadcast.gathered(from: mute.deliveries)
        #expect(broadcasts.map(\.addresses.count) == [100])
        #expect(mute.difference?.shown == [0] && mute.difference?.participants == [])
    }

    @Test("The end of a call of a hundred is two events, whatever the states of its people")
    func mixed() {
        let deliveries = (0..<100 as Range<UInt64>).map { number in
            CallDelivery(
                to: .user(Self.user(number)), number.isMultiple(of: 2) ? .updated : .ringStopped(.callEnded))
        }
        let broadcasts = CallBroadcast.gathered(from: deliveries)
        #expect(broadcasts.map(\.event) == [.updated, .ringStopped(.callEnded)])
        #expect(broadcasts.map(\.addresses.count) == [50, 50])
    }

    @Test("Nobody gets events in a different order, and nothing is lost")
    func order() {
        var random = SplitMix64(state: 1)
        let events: [CallEvent] = [
            .updated, .changed(CallDifference(base: 7)), .incoming, .moved, .ringStopped(.removed), .gone, .joinDenied,
            .signal(.candidate("c"), from: Self.user(9)),
        ]
        for _ in 0..<500 {
            let deliveries = (0..<30).map { _ in
                CallDelivery(
                    to: .user(Self.user(UInt64.random(in: 0..<5, using: &random))),
                    events[Int.random(in: 0..<events.count, using: &random)])
            }
            let gathered = CallBroadcast.gathered(from: deliveries).flatMap { broadcast in
                broadcast.addresses.map { CallDelivery(to: $0, broadcast.event) }
            }
            for number in 0..<5 as Range<UInt64> {
                let address = Address.user(Self.user(number))
                #expect(gathered.filter { $0.address == address } == deliveries.filter { $0.address == address })
            }
        }
    }

    @Test("Signals are not grouped: each is its own event")
    func signals() {
        let delivery = CallDelivery(to: .user(Self.user(1)), .signal(.candidate("c"), from: Self.user(2)))
        #expect(CallBroadcast.gathered(from: [delivery, delivery]).count == 2)
    }
}
