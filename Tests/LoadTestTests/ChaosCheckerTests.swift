import Primitives
import Testing

@testable import loadtest

@Suite struct ChaosCheckerTests {
    /// A correct call: placed at 1 s, answered at 2 s, a screen shared from 3 s to 4 s, over at 5 s.
    private static let call = StoredState.Call(
        id: "call", initiator: "ann", clientCallID: "name", status: "completed", revision: 5, startedAt: at(1),
        answeredAt: at(2), endedAt: at(5), endReason: "hangup",
        participants: [
            .init(user: "ann", status: "left", joinedAt: at(1), leftAt: at(5), leaveReason: "hangup"),
            .init(
                user: "ben", status: "left", joinedAt: at(2), leftAt: at(5), leaveReason: "call_ended", rungAt: at(1)),
        ],
        shares: [.init(sharer: "ann", startedAt: at(3), endedAt: at(4))])
    private static let message = KnownMessage(
        conversation: "conversation", seq: 1, sender: "ann", clientMessageID: "m", body: "hello")

    private static func at(_ seconds: Int64) -> Instant { Instant(microseconds: 0) + .seconds(seconds) }

    private static var stored: StoredState {
        StoredState(calls: ["call": call], messages: [message], lastSeqs: ["conversation": 1])
    }

    private static func acknowledgement(_ action: StormAction, of user: String) -> Acknowledgement {
        var picture = call.picture
        if action == .startShare { picture.shares = ["ann": at(3).milliseconds] }
        return Acknowledgement(
            action: action, user: user, device: "\(user)-1", clientCallID: action == .invite ? "name" : "",
            picture: picture)
    }

    private static var ledger: Ledger {
        var ledger = Ledger()
        ledger.acknowledgements = [
            acknowledgement(.invite, of: "ann"), acknowledgement(.accept, of: "ben"),
            acknowledgement(.hangUp, of: "ann"), acknowledgement(.startShare, of: "ann"),
            acknowledgement(.add(["ben"]), of: "ann"), acknowledgement(.decline, of: "ben"),
            acknowledgement(.cancel, of: "ann"), acknowledgement(.stopShare, of: "ann"),
        ]
        ledger.messages = [message, message]
        ledger.views = [.init(device: "ben-1", user: "ben", picture: call.picture)]
        return ledger
    }

    private static func kinds(_ ledger: Ledger, _ stored: StoredState) -> Set<Violation.Kind> {
        let checker = ChaosChecker(maxDuration: .seconds(10), tolerance: .seconds(1))
        return Set(checker.check(ledger, against: stored, now: at(100)).map(\.kind))
    }

    @Test func nothingIsFoundWhereNothingIsWrong() {
        #expect(Self.kinds(Self.ledger, Self.stored) == [])
    }

    @Test func messagesOfTheSystemAreToldApartByTheirPlaces() {
        var (ledger, stored) = (Self.ledger, Self.stored)
        for (place, body) in [("conversation", "Missed call"), ("another", "Video call")] {
            let seq: Int64 = place == "another" ? 1 : 2
            let line = KnownMessage(conversation: place, seq: seq, sender: "", clientMessageID: "", body: body)
            ledger.messages.append(line)
            stored.messages.append(line)
            stored.lastSeqs[place] = seq
        }
        #expect(Self.kinds(ledger, stored) == [])
    }

    /// Wrong rows, and the violations that they are reported as.
    private static let wrongRows: [(Violation.Kind, @Sendable (inout StoredState.Call) -> Void)] = [
        (.openShareOfEndedCall, { $0.shares[0].endedAt = nil }),
        (
            .twoOpenShares,
            {
                $0.shares = [
                    .init(sharer: "ann", startedAt: at(3)), .init(sharer: "ann", startedAt: at(4)),
                ]
            }
        ),
        (.presentInEndedCall, { $0.participants[1].status = "connected" }),
        (.presentInEndedCall, { $0.participants[1].status = "ringing" }),
        (.answerContradictsStatus, { $0.answeredAt = nil }),
        (.answerContradictsStatus, { $0.status = "missed" }),
        (.timesOutOfOrder, { $0.answeredAt = at(6) }),
        (.timesOutOfOrder, { $0.participants[0].leftAt = at(0) }),
        (.timesOutOfOrder, { $0.shares[0].endedAt = at(2) }),
    ]

    @Test(arguments: wrongRows.indices)
    func aWrongRowIsFound(_ index: Int) {
        let (kind, spoil) = Self.wrongRows[index]
        var stored = Self.stored
        var call = Self.call
        spoil(&call)
        stored.calls["call"] = call
        var ledger = Self.ledger
        ledger.acknowledgements = []
        ledger.views = []
        #expect(Self.kinds(ledger, stored).contains(kind))
    }

    @Test(arguments: [
        ("initiated", Int64(4), Int64(6), true), ("initiated", 4, 4, false), ("ongoing", 99, 14, true),
        ("ongoing", 99, 12, false),
    ])
    func aCallThatIsOpenAfterItsTimeIsStuck(_ status: String, ringsUntil: Int64, now: Int64, isStuck: Bool) {
        var call = Self.call
        call.status = status
        (call.endedAt, call.endReason) = (nil, nil)
        if status == "initiated" { call.answeredAt = nil }
        call.shares = []
        call.participants[1] = .init(user: "ben", status: "ringing", ringExpiresAt: Self.at(ringsUntil))
        let checker = ChaosChecker(maxDuration: .seconds(10), tolerance: .seconds(1))
        let found = checker.checkRows(StoredState(calls: ["call": call]), now: Self.at(now))
        #expect(found.map(\.kind) == (isStuck ? [.stuckCall] : []))
    }

    @Test func aCallThatRingsNobodyIsStuck() {
        var call = Self.call
        call.status = "initiated"
        (call.answeredAt, call.endedAt, call.endReason) = (nil, nil, nil)
        call.shares = []
        call.participants = []
        let checker = ChaosChecker(maxDuration: .seconds(10), tolerance: .seconds(1))
        #expect(
            checker.checkRows(StoredState(calls: ["call": call]), now: Self.at(3)).map(\.kind) == [.stuckCall])
    }

    /// Effects of acknowledged commands that the database has lost.
    private static let losses: [(StormAction, String, @Sendable (inout StoredState.Call) -> Void)] = [
        (.invite, "ann", { $0.clientCallID = "another" }),
        (.accept, "ben", { $0.answeredAt = nil }),
        (.accept, "ben", { $0.participants[1].joinedAt = nil }),
        (.accept, "ben", { $0.answeredAt = at(3) }),
        (.hangUp, "ann", { $0.participants[0].leaveReason = "disconnected" }),
        (.hangUp, "ann", { $0.participants[0].leftAt = at(4) }),
        (.hangUp, "ann", { $0.endReason = "max_duration" }),
        (.hangUp, "ann", { $0.endedAt = at(6) }),
        (.decline, "ben", { $0.participants[1].leftAt = at(6) }),
        (.cancel, "ann", { $0.status = "ongoing" }),
        (.add(["ben"]), "ann", { $0.participants.removeLast() }),
        (.startShare, "ann", { $0.shares = [] }),
        (.startShare, "ann", { $0.shares[0].startedAt = at(4) }),
    ]

    @Test(arguments: losses.indices)
    func aLostCommandIsFound(_ index: Int) {
        let (action, user, lose) = Self.losses[index]
        var stored = Self.stored
        var call = Self.call
        lose(&call)
        stored.calls["call"] = call
        var ledger = Ledger()
        ledger.acknowledgements = [Self.acknowledgement(action, of: user)]
        ledger.messages = Self.ledger.messages
        #expect(Self.kinds(ledger, stored).contains(.lostCommand))
    }

    @Test func aLostCallIsFound() {
        var stored = Self.stored
        stored.calls = [:]
        var ledger = Self.ledger
        ledger.acknowledgements = [Self.acknowledgement(.invite, of: "ann")]
        ledger.views = []
        #expect(Self.kinds(ledger, stored) == [.lostCommand])
    }

    /// Contradictory state: the effect was acknowledged and is missing.
    @Test(arguments: [StormAction.hangUp, .decline, .cancel, .stopShare])
    func anAnswerWithoutItsEffectIsFound(_ action: StormAction) {
        var acknowledgement = Self.acknowledgement(action, of: "ann")
        acknowledgement.picture.status = "initiated"
        acknowledgement.picture.endedAt = nil
        acknowledgement.picture.endReason = ""
        acknowledgement.picture.shares = ["ann": 3000]
        acknowledgement.picture.members[0] = .init(
            user: "ann", status: action == .decline ? "ringing" : "connected", joinedAt: 1000, device: "ann-1")
        var ledger = Self.ledger
        ledger.acknowledgements = [acknowledgement]
        #expect(Self.kinds(ledger, Self.stored) == [.lostCommand])
    }

    @Test func whoeverWasRungAgainOrCameBackHasLostNothing() {
        var acknowledgement = Self.acknowledgement(.hangUp, of: "ben")
        acknowledgement.picture.members[1].leftAt = Self.at(3).milliseconds
        acknowledgement.picture.members[1].leaveReason = "hangup"
        var ledger = Self.ledger
        ledger.acknowledgements = [acknowledgement]
        #expect(Self.kinds(ledger, Self.stored) == [.lostCommand])
        var stored = Self.stored
        stored.calls["call"]?.participants[1].rungAt = Self.at(4)
        #expect(Self.kinds(ledger, stored) == [])
    }

    private static let wrongMessages: [(Violation.Kind, @Sendable (inout StoredState) -> Void)] = [
        (.lostMessage, { $0.messages = [] }),
        (.doubleMessage, { $0.messages.append($0.messages[0]) }),
        (.alteredMessage, { $0.messages[0].body = "bye" }),
        (.alteredMessage, { $0.messages[0].seq = 2 }),
        (.gapInMessages, { $0.lastSeqs["conversation"] = 2 }),
    ]

    @Test(arguments: wrongMessages.indices)
    func aWrongMessageIsFound(_ index: Int) {
        let (kind, spoil) = Self.wrongMessages[index]
        var stored = Self.stored
        spoil(&stored)
        #expect(Self.kinds(Self.ledger, stored).contains(kind))
    }

    @Test func aViewThatDiffersIsFound() {
        for spoil: (inout CallPicture) -> Void in [
            { $0.status = "missed" }, { $0.endReason = "alone" }, { $0.members[0].status = "connected" },
            { $0.members[1].leaveReason = "hangup" }, { $0.members.removeLast() }, { $0.id = "another" },
        ] {
            var ledger = Self.ledger
            spoil(&ledger.views[0].picture)
            #expect(Self.kinds(ledger, Self.stored) == [.viewDiffers])
        }
    }

    @Test func whatClientsSawIsReported() {
        var ledger = Self.ledger
        ledger.sightings = [Violation(kind: .serverFault, text: "internal")]
        #expect(Self.kinds(ledger, Self.stored) == [.serverFault])
    }

    @Test func whatAnOutageMustNotDoIsFound() {
        let checker = ChaosChecker(maxDuration: .seconds(10), tolerance: .seconds(1))
        var counts = StormStatistics()
        (counts.relayedInOutage, counts.unavailableInOutage) = (1, 1)
        #expect(checker.checkOutage(Self.stored, counts, isLong: true).isEmpty)
        var stored = Self.stored
        stored.calls["call"]?.endReason = "disconnected"
        #expect(checker.checkOutage(stored, counts, isLong: true).map(\.kind) == [.endedByOutage])
        let silent = checker.checkOutage(Self.stored, StormStatistics(), isLong: true)
        #expect(Set(silent.map(\.kind)) == [.nothingPassedInOutage, .nothingUnavailable])
        #expect(checker.checkOutage(Self.stored, StormStatistics(), isLong: false).isEmpty)
    }
}
