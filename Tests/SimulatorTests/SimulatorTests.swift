import Primitives
import SignalingCore
import Testing

@testable import simulate

/// The simulator itself. `make planted-faults` shows that it finds faults in the core.
@Suite("The simulator")
struct SimulatorTests {
    @Test("Some schedules without violations", .timeLimit(.minutes(1)))
    func schedules() async throws {
        let result = await Campaign(firstSeed: 1, count: 300, seconds: nil, threads: 1).run()
        let broken = result.violation.map { "seed \($0.seed): \($0.1.check.title): \($0.1.detail)" }
        #expect(broken == nil)
        #expect(result.schedules == 300)
    }

    @Test(
        "A campaign that compares stored rows runs the schedules that use a real database, and no others"
    )
    func stored() async throws {
        let share = StoredRows.share
        #expect((1...3 * share).filter { Schedule(seed: $0).comparesRows } == [share, 2 * share, 3 * share])
        let result = await Campaign(firstSeed: share, count: 3, seconds: nil, threads: 1, stride: share).run()
        #expect(result.schedules == 3)
        var steps = 0
        for seed in [share, 2 * share, 3 * share] {
            let schedule = Schedule(seed: seed)
            let world = World(schedule, rows: schedule.databaseToCompareWith)
            world.run()
            steps += world.steps
        }
        #expect(result.steps == steps)
    }

    @Test("The same seed gives the same run")
    func repeatable() {
        for seed in UInt64(1)...20 {
            let worlds = [World(Schedule(seed: seed), isTraced: true), World(Schedule(seed: seed), isTraced: true)]
            for world in worlds { world.run() }
            #expect(worlds[0].trace == worlds[1].trace)
            #expect(worlds[0].steps == worlds[1].steps)
        }
    }

    @Test("The queue returns the earliest first, and equals in their order")
    func eventQueue() {
        var random = Random(seed: 1)
        for _ in 0..<50 {
            var queue = EventQueue<Int>()
            var expected: [(at: Int64, number: Int)] = []
            for number in 0..<100 {
                let at = random.microseconds(upTo: 20)
                queue.put(number, at: Instant(microseconds: at))
                expected.append((at, number))
            }
            expected.sort { ($0.at, $0.number) < ($1.at, $1.number) }
            var taken: [Int] = []
            while let next = queue.takeFirst() { taken.append(next.event) }
            #expect(taken == expected.map(\.number))
        }
    }

    @Test("Numbers are within their bounds, and reach them")
    func random() {
        var random = Random(seed: 7)
        var seen: Set<Int> = []
        for _ in 0..<1000 { seen.insert(random.below(6)) }
        #expect(seen == [0, 1, 2, 3, 4, 5])
    }

    @Test("Every name of a row and of a check is unique")
    func titles() {
        #expect(Set(TableRow.allCases.map(\.title)).count == TableRow.allCases.count)
        #expect(Set(OwnerRow.allCases.map(\.title)).count == OwnerRow.allCases.count)
        #expect(Set(Check.allCases.map(\.title)).count == Check.allCases.count)
    }
}

/// The database of the simulator refuses the same writes as the schema.
@Suite("The simulator's database")
struct ModelDatabaseTests {
    private let caller = World.origin(of: 0)
    private let callee = World.user(of: 2)

    private func placed(_ id: Int, as name: UInt64) -> (CallTransition, Reference) {
        var coverage = Coverage()
        let request = RequestID(high: 0, low: name)
        let invitation = Invitation(
            call: ModelServer.callID(id), conversation: ModelServer.conversation(caller.user, callee), mode: .direct,
            caller: caller, callees: [Callee(callee)], type: .voice, media: MediaState(), clientCallID: request)
        let transition = Call.place(invitation, rules: CallRules(), at: World.start)
        let reference = Reference(invitation, rules: CallRules(), at: World.start, &coverage)
        return (transition, reference)
    }

    @Test("A second call with the same client id, a second open call of a pair, a row that somebody else has changed")
    func refusals() throws {
        var database = ModelDatabase()
        let owner = database.takeLease(World.nodeID(0), at: World.start, until: World.start)
        let (first, reference) = placed(1, as: 1)
        try database.carryOut(first, storedRevision: 0, by: owner, reference: reference)
        #expect(throws: ModelDatabase.Refusal.constraint("calls_initiator_id_client_call_id_key")) {
            try database.carryOut(placed(2, as: 1).0, storedRevision: 0, by: owner, reference: reference)
        }
        #expect(throws: ModelDatabase.Refusal.constraint("calls_open_key")) {
            try database.carryOut(placed(3, as: 2).0, storedRevision: 0, by: owner, reference: reference)
        }
        let ended = first.call.handle(
            .command(.cancel(RequestID(high: 0, low: 9)), from: caller), at: World.start + .seconds(1)
        ).transition
        #expect(throws: ModelDatabase.Refusal.expectation("calls.revision")) {
            try database.carryOut(ended, storedRevision: 7, by: owner, reference: reference)
        }
        #expect(database.calls.count == 1)
        #expect(database.calls.first?.isOpen == true)
        try database.carryOut(ended, storedRevision: 1, by: owner, reference: reference)
        #expect(database.calls.first?.isOpen == false)
        #expect(database.calls.first?.holds(ended.call) == true)
        #expect(database.calls.first?.holds(first.call) == false)
    }

    @Test("The write of an owner that has lost the call, or of an epoch that is over, is refused")
    func fences() throws {
        var database = ModelDatabase()
        let owner = database.takeLease(World.nodeID(0), at: World.start, until: World.start + .seconds(6))
        let other = database.takeLease(World.nodeID(1), at: World.start, until: World.start + .seconds(6))
        let (first, reference) = placed(1, as: 1)
        try database.carryOut(first, storedRevision: 0, by: owner, reference: reference)
        let stored = try #require(database.calls.first)
        #expect(!database.mayAdopt(stored, other, at: World.start + .seconds(5)))
        #expect(database.mayAdopt(stored, other, at: World.start + .seconds(6)))
        database.adopt(stored.id, by: other, at: World.start + .seconds(6))
        #expect(database.calls.first?.revision == 1 << 32)
        let ended = first.call.handle(
            .command(.cancel(RequestID(high: 0, low: 9)), from: caller), at: World.start + .seconds(1)
        ).transition
        #expect(throws: ModelDatabase.Refusal.expectation("calls.owner")) {
            try database.carryOut(ended, storedRevision: 1, by: owner, reference: reference)
        }
        let next = database.takeLease(World.nodeID(0), at: World.start + .seconds(1), until: World.start + .seconds(7))
        let renewals = [owner, next].map {
            database.renewLease(of: $0, at: World.start, until: World.start + .seconds(9))
        }
        #expect(renewals == [false, true])
        #expect(throws: ModelDatabase.Refusal.expectation("nodes.epoch")) {
            try database.carryOut(placed(2, as: 2).0, storedRevision: 0, by: owner, reference: reference)
        }
    }
}
