import Primitives
import Testing

@testable import SignalingCore

@Suite("The owner of calls: users who no longer belong to them")
struct CallTableExpulsionTests {
    private let id = TableScene.call

    private static func ended(_ user: UserID, number: UInt64? = 1, in conversation: ConversationID? = nil)
        -> TableScene.Input
    {
        let ending = MembershipEnding(user: user, conversation: conversation ?? TableScene.conversation)
        return .membershipEnded(ending, number: number)
    }

    private static let reasons = [
        ended(Scene.third), ended(Scene.third, number: nil),
        .loggedOut(Scene.third, [Scene.thirdPhone.device], isLast: false),
        .loggedOut(Scene.third, [], isLast: true),
        .loggedOut(Scene.third, [Scene.thirdLaptop.device, Scene.thirdPhone.device], isLast: true),
    ]

    @Test("A user who must be out of a call is out once it is on disk", arguments: reasons)
    func expelled(_ reason: TableScene.Input) {
        var scene = TableScene.groupOngoing()
        #expect(scene.take(reason).kinds == [.commit])
        let stored = scene.commit(.stored)
        #expect(stored.deliveries.contains(CallDelivery(to: .user(Scene.third), .updated)))
        #expect(scene.participant(Scene.third)?.state == .left(joinedAt: scene.now, at: scene.now, .removed))
        // Nothing is left to retry.
        #expect(scene.table.calls[id]?.owed.isEmpty == true)
        #expect(scene.table.nextWake == Scene.start + .seconds(45))
    }

    @Test(
        "It is retried until it is on disk",
        arguments: [CallTable.CommitOutcome.unavailable, .invalid, .duplicate, .unknown])
    func triedAgain(_ outcome: CallTable.CommitOutcome) {
        var scene = TableScene.groupOngoing()
        scene.take(Self.ended(Scene.third))
        for _ in 0..<3 {
            scene.commit(outcome)
            if outcome == .unknown { scene.lookUp(.found(revision: 3, owner: TableScene.owner)) }
            #expect(scene.participant(Scene.third)?.isConnected == true)
            #expect(scene.table.nextWake == scene.now + CallTable.retryDelay)
            #expect(scene.wake().kinds == [.commit])
        }
        scene.commit(.stored)
        #expect(scene.participant(Scene.third)?.standing == .former)
        #expect(scene.table.calls[id]?.owed.isEmpty == true)
    }

    @Test("Also without a lease, and when what is due before it can't be written")
    func withoutLease() {
        var scene = TableScene.groupOngoing()
        scene.take(.lease(.none))
        scene.wait(.seconds(50))
        #expect(scene.take(Self.ended(Scene.third)).isEmpty)
        for _ in 0..<3 { #expect(scene.wake().isEmpty) }
        let back = scene.take(TableScene.lease())
        #expect(back.kinds == [.commit])
        #expect(back.writes.first?.change.transition.call.participant(Scene.third)?.isConnected == true)
        scene.commit(.stored)
        #expect(scene.wake().kinds == [.commit])
        scene.commit(.stored)
        #expect(scene.participant(Scene.third)?.standing == .former)
    }

    @Test("A commit that was carried out after all completes it")
    func foundStored() {
        var scene = TableScene.groupOngoing()
        scene.take(Self.ended(Scene.third))
        scene.commit(.unknown)
        scene.lookUp(.found(revision: 4, owner: TableScene.owner))
        #expect(scene.participant(Scene.third)?.standing == .former)
        scene.wake()
        #expect(scene.table.calls[id]?.owed.isEmpty == true)
        #expect(scene.commits.isEmpty)
    }

    @Test("It is pending only once, however often it is reported")
    func once() {
        var scene = TableScene.groupOngoing()
        for _ in 0..<3 { scene.take(Self.ended(Scene.third)) }
        scene.take(.loggedOut(Scene.third, [Scene.thirdPhone.device], isLast: true))
        #expect(scene.table.calls[id]?.owed.count == 3)
        scene.commit(.stored)
        #expect(scene.commits.isEmpty)
        #expect(scene.table.calls[id]?.owed.isEmpty == true)
    }

    @Test("Calls of other conversations and of other people are not affected")
    func others() {
        var scene = TableScene.groupOngoing()
        #expect(scene.take(Self.ended(Scene.third, in: ConversationID(high: 8, low: 20))).isEmpty)
        #expect(scene.take(Self.ended(Scene.stranger)).isEmpty)
        #expect(scene.take(.loggedOut(Scene.stranger, [Scene.strangersPhone.device], isLast: true)).isEmpty)
        #expect(scene.table.calls[id]?.owed.isEmpty == true)
    }

    @Test("A user who is entering a call when it happens is taken out as well", arguments: [false, true])
    func onTheWay(isLogout: Bool) {
        var scene = TableScene.groupOngoing()
        scene.ask(.join(scene.name(), MediaState(), isMember: true), from: Scene.strangersPhone)
        scene.take(isLogout ? .loggedOut(Scene.stranger, [], isLast: true) : Self.ended(Scene.stranger))
        let stored = scene.commit(.stored)
        #expect(stored.answers == [.done])
        #expect(stored.kinds.last == .commit)
        scene.commit(.stored)
        #expect(scene.participant(Scene.stranger)?.isConnected == false)
    }

    // MARK: Members that were looked up before

    @Test("A user looked up as a member before an ending is not a member after it", arguments: [UInt64(4), 5, 6])
    func join(endings: UInt64) {
        var scene = TableScene.groupOngoing()
        scene.take(Self.ended(Scene.stranger, number: 5))
        let asked = scene.ask(
            .join(scene.name(), MediaState(), isMember: true), from: Scene.strangersPhone, endings: endings)
        #expect(asked.answers == (endings < 5 ? [.refused(.notFound)] : []))
        #expect(scene.commits.count == (endings < 5 ? 0 : 1))
    }

    @Test("An added user is then a guest")
    func add() {
        var scene = TableScene.groupOngoing()
        scene.take(Self.ended(Scene.stranger, number: 5))
        let fifth = UserID(high: 6, low: 6)
        scene.ask(.add(scene.name(), [Callee(Scene.stranger), Callee(fifth)]), from: Scene.callerPhone, endings: 4)
        scene.commit(.stored)
        #expect(scene.participant(Scene.stranger)?.standing == .guest)
        #expect(scene.participant(fifth)?.standing == .member)
    }

    @Test(
        "An invite rings those who are left, and is refused when nobody is, or the caller is not a member",
        arguments: [false, true])
    func invite(intoOpenCall: Bool) {
        func scene(without users: UserID...) -> TableScene {
            var scene = intoOpenCall ? TableScene.groupOngoing() : TableScene()
            for user in users { scene.take(Self.ended(user, number: 5)) }
            return scene
        }
        let invitation = TableScene.invitation(
            [Callee(Scene.callee), Callee(Scene.fourth)], from: Scene.strangersPhone, mode: .group,
            call: CallID(high: 9, low: 21))
        var caller = scene(without: Scene.stranger)
        #expect(caller.invite(invitation, endings: 4).answers == [.refused(.notFound)])
        var nobody = scene(without: Scene.callee, Scene.fourth)
        nobody.commitAll()
        #expect(nobody.invite(invitation, endings: 4).answers == [.refused(.notFound)])
        #expect(nobody.commits.isEmpty)
        var one = scene(without: Scene.callee)
        one.commitAll()
        #expect(one.invite(invitation, endings: 4).kinds.contains(.commit))
        if !intoOpenCall {
            #expect(one.state(invitation.call)?.participants.map(\.user) == [Scene.stranger, Scene.fourth])
        }
        var later = scene(without: Scene.callee)
        later.commitAll()
        let asked = later.invite(invitation, endings: 5)
        #expect(asked.kinds.contains(.commit))
        if !intoOpenCall { #expect(later.state(invitation.call)?.participants.count == 3) }
    }

    @Test("An ending of unknown time says nothing about what was looked up")
    func unknownNumber() {
        var scene = TableScene.groupOngoing()
        scene.take(Self.ended(Scene.stranger, number: nil))
        scene.ask(.join(scene.name(), MediaState(), isMember: true), from: Scene.strangersPhone)
        #expect(scene.commits.count == 1)
    }

    @Test("As many endings are remembered as a look-up can take, and no more")
    func limit() {
        var endings = MembershipEndings()
        func ending(_ number: Int) -> MembershipEnding {
            MembershipEnding(user: UserID(high: 1, low: UInt64(number)), conversation: TableScene.conversation)
        }
        func isRemembered(_ number: Int) -> Bool {
            endings.contains(ending(number).user, of: TableScene.conversation, since: 0)
        }
        for number in 1...MembershipEndings.limit { endings.note(ending(number), number: UInt64(number)) }
        #expect(isRemembered(1))
        // A user who comes back and leaves again does not take a second slot.
        endings.note(ending(2), number: 9_000)
        #expect(isRemembered(1))
        endings.note(ending(9_999), number: 9_001)
        #expect(!isRemembered(1))
        #expect(isRemembered(2))
        #expect(endings.contains(ending(2).user, of: TableScene.conversation, since: 8_999))
        endings.note(ending(10_000), number: 9_002)
        #expect(!isRemembered(2))
        #expect(isRemembered(9_999))
    }
}

extension TableScene {
    /// All commits in flight reach the disk.
    fileprivate mutating func commitAll() {
        while !commits.isEmpty { commit(.stored) }
    }
}
