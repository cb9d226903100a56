import Primitives
import Testing

@testable import SignalingCore

@Suite("The owner of calls: devices, and who is in which call")
struct CallTableDeviceTests {
    private let id = TableScene.call

    // MARK: Devices

    @Test("A device that enters a call is rechecked: its command may have waited long")
    func recheck() {
        var scene = TableScene()
        #expect(!scene.invite(TableScene.invitation()).kinds.contains(.recheck))
        #expect(scene.commit(.stored).contains(.recheck(Scene.callerPhone, id)))
        // The invite from the other side answers.
        let glare = TableScene.invitation(
            [Callee(Scene.caller)], from: Scene.calleePhone, call: CallID(high: 9, low: 90))
        scene.invite(glare)
        #expect(scene.commit(.stored).contains(.recheck(Scene.calleePhone, id)))
        scene.ask(.move(scene.name(), MediaState()), from: Scene.callerLaptop)
        #expect(scene.commit(.stored).contains(.recheck(Scene.callerLaptop, id)))
        var group = TableScene.groupOngoing()
        group.ask(.join(group.name(), MediaState(), isMember: true), from: Scene.strangersPhone)
        #expect(group.commit(.stored).contains(.recheck(Scene.strangersPhone, id)))
        // A call that is over is not rechecked.
        var refused = TableScene()
        refused.take(.lease(.none))
        #expect(!refused.invite(TableScene.invitation()).kinds.contains(.recheck))
    }

    @Test("A device that has disconnected in the meantime is lost from the moment at which it is in the call")
    func gone() {
        var scene = TableScene()
        scene.invite(TableScene.invitation())
        #expect(scene.take(.deviceGone(Scene.callerPhone, id)).isEmpty)
        scene.wait(.seconds(2))
        #expect(scene.commit(.stored).answers == [.done])
        #expect(scene.participant(Scene.caller)?.connection?.reachability == .lost(until: scene.now + .seconds(15)))
        #expect(scene.table.nextWake == scene.now + .seconds(15))
    }

    @Test("A device of a ringing user is told to ring when it connects")
    func returned() {
        var scene = TableScene.ringing()
        let returned = scene.take(.deviceReturned(Scene.calleeLaptop))
        #expect(returned.deliveries == [CallDelivery(to: .device(Scene.callee, Scene.calleeLaptop.device), .incoming)])
        #expect(scene.take(.deviceReturned(Scene.strangersPhone)).isEmpty)
    }

    @Test("For a user who must not know of a call, the server reports that a device rings")
    func feigned() {
        var scene = TableScene()
        #expect(
            !scene.invite(TableScene.invitation([Callee(Scene.callee, isHidden: true)])).kinds.contains(.feignRinging))
        let stored = scene.commit(.stored)
        #expect(stored.last == .feignRinging(Scene.callee, id))
        #expect(stored.deliveries.allSatisfy { $0.address.user == Scene.caller })
        #expect(scene.take(.deviceReturned(Scene.calleePhone)) == [.feignRinging(Scene.callee, id)])
        #expect(scene.take(.deviceReturned(Scene.callerPhone)).kinds.isEmpty)
        let rings = scene.take(.ringingFeigned(Scene.callee, id))
        #expect(rings.deliveries == [CallDelivery(to: .user(Scene.caller), .updated)])
        #expect(scene.participant(Scene.callee)?.ringing?.isAlerted == true)
        // Later changes do not request a second one.
        #expect(!scene.mute().kinds.contains(.feignRinging))
        #expect(scene.table.openCalls(of: Scene.callee).isEmpty)
    }

    @Test("A user who is added and must not know of it rings, too; nobody else is feigned")
    func feignedLater() {
        var scene = TableScene.groupOngoing()
        scene.ask(
            .add(scene.name(), [Callee(Scene.stranger, isHidden: true, isMember: false)]), from: Scene.callerPhone)
        let stored = scene.commit(.stored)
        #expect(stored.filter { $0.kind == .feignRinging } == [.feignRinging(Scene.stranger, id)])
    }

    // MARK: Indexes

    @Test("Who is in a call with a device is reported as it changes")
    func connections() {
        var scene = TableScene.groupOngoing()
        scene.ask(.hangUp(scene.name(), mediaFailed: false), from: Scene.thirdPhone)
        #expect(scene.commit(.stored).connections == [.connection(Scene.third, id, isConnected: false)])
        scene.ask(.join(scene.name(), MediaState(), isMember: true), from: Scene.strangersPhone)
        #expect(scene.commit(.stored).connections == [.connection(Scene.stranger, id, isConnected: true)])
        scene.ask(.move(scene.name(), MediaState()), from: Scene.callerLaptop)
        #expect(scene.commit(.stored).connections.isEmpty)
        #expect(scene.mute(Scene.callerLaptop).connections.isEmpty)
        scene.ask(.control(scene.name(), .end), from: Scene.callerLaptop)
        let ended = scene.commit(.stored)
        #expect(
            ended.connections
                == [Scene.caller, Scene.callee, Scene.stranger].map {
                    .connection($0, id, isConnected: false)
                })
        #expect(ended.contains(.closed(id, connected: [])))
    }

    @Test("Users who ask to be admitted are known to the call until they are admitted or give up")
    func joinRequests() {
        var scene = TableScene.groupOngoing()
        scene.ask(.control(scene.name(), .lock(true)), from: Scene.callerPhone)
        scene.commit(.stored)
        let asked = scene.ask(.join(scene.name(), MediaState(), isMember: true), from: Scene.strangersPhone)
        #expect(scene.state()?.joinRequests.map(\.origin) == [Scene.strangersPhone])
        // The device may have gone while the membership was looked up.
        #expect(asked.contains(.recheck(Scene.strangersPhone, id)))
        #expect(scene.table.callsOfUser[Scene.stranger] == [id])
        #expect(scene.table.openCalls(of: Scene.stranger).isEmpty)
        scene.take(.deviceLost(Scene.strangersPhone))
        #expect(scene.state()?.joinRequests.isEmpty == true)
        #expect(scene.table.callsOfUser[Scene.stranger] == nil)
        scene.ask(.join(scene.name(), MediaState(), isMember: true), from: Scene.strangersPhone)
        scene.ask(.control(scene.name(), .admit(Scene.stranger, isAdmitted: true)), from: Scene.callerPhone)
        scene.commit(.stored)
        #expect(scene.state()?.joinRequests.isEmpty == true)
        #expect(scene.table.callsOfUser[Scene.stranger] == [id])
    }

    @Test("A direct call that grows makes room for another one, and does not take a group call's place")
    func places() {
        var scene = TableScene.ongoing()
        scene.ask(.add(scene.name(), [Callee(Scene.third, isMember: false)]), from: Scene.callerPhone)
        scene.commit(.stored)
        #expect(scene.state()?.mode == .group)
        func invite(_ mode: Call.Mode, _ low: UInt64) -> Bool {
            let id = CallID(high: 9, low: low)
            scene.invite(TableScene.invitation(mode: mode, call: id))
            if !scene.commits.isEmpty { scene.commit(.stored) }
            return scene.table.holds(id)
        }
        #expect(invite(.direct, 91))
        #expect(!invite(.direct, 92))
        // A group invite reaches the call that has grown.
        #expect(!invite(.group, 93))
        var other = TableScene.groupOngoing()
        let direct = CallID(high: 9, low: 94)
        other.invite(TableScene.invitation(from: Scene.callerLaptop, call: direct))
        other.commit(.stored)
        other.ask(.accept(other.name(), MediaState()), from: Scene.calleeLaptop, of: direct)
        other.commit(.stored)
        other.ask(.add(other.name(), [Callee(Scene.stranger)]), from: Scene.callerLaptop, of: direct)
        other.commit(.stored)
        #expect(other.state(direct)?.mode == .group)
        other.invite(TableScene.invitation(from: Scene.thirdPhone, mode: .group, call: CallID(high: 9, low: 95)))
        #expect(other.table.count == 2)
        // The first group call gets it, not the one that has grown.
        #expect(other.state(direct)?.participant(Scene.third) == nil)
        #expect(other.commits.allSatisfy { $0.call == id })
    }
}

extension [CallTable.Output] {
    fileprivate var connections: [CallTable.Output] { filter { $0.kind == .connection } }
}
