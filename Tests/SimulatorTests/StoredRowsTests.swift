import Primitives
import SignalingCore
import Testing

@testable import simulate

/// The comparison itself: it passes when nothing is wrong, and finds differences.
@Suite("The rows of calls in a real database, compared with the model")
struct StoredRowsTests {
    private let caller = World.origin(of: 0)
    private let callee = World.origin(of: 2)
    private let third = World.origin(of: 4)

    /// A group call and its database.
    private struct Story {
        var database = ModelDatabase()
        var call: Call
        var now = World.start
        var owner: CallOwner
        let reference: Reference
        private var requests: UInt64 = 10

        init(_ rows: StoredRows, from caller: CallOrigin, to callees: [UserID]) throws {
            var coverage = Coverage()
            let invitation = Invitation(
                call: ModelServer.callID(1), conversation: ModelServer.group, mode: .group, caller: caller,
                callees: callees.map { Callee($0) }, type: .video, media: MediaState(),
                clientCallID: RequestID(high: 0, low: 1))
            let transition = Call.place(invitation, rules: CallRules(), at: World.start)
            call = transition.call
            reference = Reference(invitation, rules: CallRules(), at: World.start, &coverage)
            database.compare(with: rows)
            owner = database.takeLease(World.nodeID(0), at: now, until: now + .seconds(6))
            try database.carryOut(transition, storedRevision: 0, by: owner, reference: reference)
        }

        var stored: ModelDatabase.StoredCall? { database.call(call.id) }

        mutating func request() -> RequestID {
            requests += 1
            return RequestID(high: 0, low: requests)
        }

        mutating func take(_ command: CallCommand, from origin: CallOrigin, over revision: Int64? = nil) throws {
            now = now + .seconds(1)
            let transition = call.handle(.command(command, from: origin), at: now).transition
            let storedRevision = revision ?? stored?.revision ?? 0
            try database.carryOut(transition, storedRevision: storedRevision, by: owner, reference: reference)
            call = transition.call
        }
    }

    @Test("A call from its placing to its end, taken over in between, is the same in both")
    func life() throws {
        let rows = try StoredRows()
        for _ in 0..<2 {
            var story = try Story(rows, from: caller, to: [callee.user, third.user])
            try story.take(.accept(story.request(), MediaState()), from: callee)
            try story.take(.startScreenShare(story.request()), from: callee)
            try story.take(.control(story.request(), .lock(true)), from: caller)
            try story.take(.decline(story.request(), isBusy: false, reachable: []), from: third)
            #expect(story.database.difference == nil)
            // The next node has to wait until the lease is over.
            let other = story.database.takeLease(World.nodeID(1), at: story.now, until: story.now + .seconds(60))
            #expect(other.epoch == 2)
            story.database.compareCallsToAdopt(by: other, at: story.now)
            let later = World.start + .seconds(6)
            story.database.compareCallsToAdopt(by: other, at: later)
            #expect(story.stored.map { story.database.mayAdopt($0, other, at: later) } == true)
            story.database.adopt(story.call.id, by: other, at: later)
            story.database.compareOpenCalls(of: other)
            #expect(throws: ModelDatabase.Refusal.self) {
                try story.take(.stopScreenShare(story.request()), from: callee)
            }
            let isRenewed = story.database.renewLease(of: story.owner, at: later, until: later + .seconds(6))
            #expect(isRenewed)
            story.owner = other
            try story.take(.control(story.request(), .remove(callee.user, isBarred: true)), from: caller)
            try story.take(.control(story.request(), .end), from: caller)
            #expect(story.stored?.isOpen == false)
            #expect(story.database.difference == nil)
        }
    }

    @Test("A forbidden write of a later process of a node, or of an earlier revision, is refused by both")
    func refusals() throws {
        var story = try Story(StoredRows(), from: caller, to: [callee.user])
        #expect(throws: ModelDatabase.Refusal.expectation("calls.revision")) {
            try story.take(.accept(story.request(), MediaState()), from: callee, over: 7)
        }
        let next = story.database.takeLease(World.nodeID(0), at: story.now, until: story.now + .seconds(6))
        #expect(next.epoch == story.owner.epoch + 1)
        let isRenewed = story.database.renewLease(of: story.owner, at: story.now, until: story.now + .seconds(6))
        #expect(!isRenewed)
        let before = story.owner
        story.owner = next
        #expect(throws: ModelDatabase.Refusal.expectation("calls.owner")) {
            try story.take(.accept(story.request(), MediaState()), from: callee)
        }
        story.database.adopt(story.call.id, by: next, at: story.now)
        story.database.adopt(story.call.id, by: next, at: story.now)
        #expect(story.stored?.revision == 2 << 32)
        story.owner = before
        #expect(throws: ModelDatabase.Refusal.self) {
            try story.take(.accept(story.request(), MediaState()), from: callee)
        }
        #expect(story.database.difference == nil)
    }

    @Test("An outcome that differs from the model's is reported")
    func outcomes() throws {
        let rows = try StoredRows()
        var story = try Story(rows, from: caller, to: [callee.user])
        let change = story.call.handle(.command(.accept(story.request(), MediaState()), from: callee), at: story.now)
        func difference(over revision: Int64, _ expected: CallTable.CommitOutcome) -> String? {
            rows.carryOut(
                change.transition, storedRevision: revision, by: story.owner, expecting: expected, story.stored)
        }
        #expect(difference(over: 3, .overtaken) == nil)
        #expect(difference(over: 3, .stored)?.contains("expectationFailed") == true)
        #expect(difference(over: 1, .duplicate)?.contains("stored, not duplicate") == true)
        let late = rows.renewLease(
            of: CallOwner(node: story.owner.node, epoch: 9), at: story.now, until: story.now, expecting: true)
        #expect(late != nil)
        #expect(rows.takeLease(story.owner.node, at: story.now, until: story.now, expecting: story.owner) != nil)
    }

    struct Change: Sendable, CustomTestStringConvertible {
        let column: String
        let apply: @Sendable (inout ModelDatabase.StoredCall) -> Void

        init(_ column: String, _ apply: @escaping @Sendable (inout ModelDatabase.StoredCall) -> Void) {
            (self.column, self.apply) = (column, apply)
        }

        var testDescription: String { column }
    }

    private static let changes = [
        Change("calls.mode") { $0.mode = .direct },
        Change("calls.status") { $0.phase = .ongoing(answeredAt: World.start) },
        Change("calls.revision") { $0.revision += 1 },
        Change("calls.ring_expires_at") { $0.ringExpiresAt = World.start },
        Change("calls.locked") { $0.isLocked = true },
        Change("calls.owner_epoch") { $0.owner = CallOwner(node: $0.owner.node, epoch: 9) },
        Change("rows of participants") { $0.participants.removeLast() },
        Change("call_participants.status") { $0.participants[1].status = .left },
        Change("call_participants.joined_at") { $0.participants[0].joinedAt = nil },
        Change("call_participants.left_at") { $0.participants[1].leftAt = World.start },
        Change("call_participants.leave_reason") { $0.participants[1].reason = .busy },
        Change("call_participants.device_id") { $0.participants[0].device = DeviceID(high: 1, low: 1) },
        Change("call_participants.ring_expires_at") { $0.participants[1].ringExpiresAt = nil },
        Change("call_participants.role") { $0.participants[1].role = .coHost },
        Change("call_participants.rung_at") { $0.participants[1].rungAt = nil },
        Change("call_participants.hidden") { $0.participants[1].isHidden = true },
        Change("call_participants.standing") { $0.participants[1].standing = .guest },
        Change("rows of shares") {
            $0.shares.append(.init(sharer: World.user(of: 0), startedAt: World.start))
        },
    ]

    @Test("A column that differs from the model's is reported", arguments: changes)
    func columns(_ change: Change) throws {
        let rows = try StoredRows()
        let story = try Story(rows, from: caller, to: [callee.user])
        var stored = try #require(story.stored)
        let transition = story.call.handle(.timePassed, at: story.now).transition
        func difference() -> String? {
            rows.carryOut(
                transition, storedRevision: 1, by: story.owner, expecting: .stored, stored)
        }
        #expect(difference() == nil)
        change.apply(&stored)
        #expect(difference()?.contains(change.column) == true)
    }
}
