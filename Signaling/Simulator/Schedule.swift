import Primitives
import SignalingCore

/// What happens in one run, as far as it does not follow from something else. Derived from a seed; a shorter schedule
/// is made from a longer one by leaving acts out.
struct Schedule {
    var acts: [Act]
    var rules: CallRules
    /// How many people there are: the first of the world's users.
    var userCount = 3
    /// How many of them, from the first one, belong to the group's conversation.
    var memberCount = 0
    /// Who must not be told of whose calls.
    var blocks: [Block] = []
    /// Whether there is a second node, to which clients may connect.
    var hasTwoNodes = false
    /// Whether calls take much of their server's time.
    var isBusy = false
    /// Whether everything that is stored also goes to a real database.
    var comparesRows = false
    /// What the devices do when all acts are over.
    var finale: Finale

    struct Block {
        let caller: UserID
        let callee: UserID
    }

    enum Finale: CaseIterable {
        /// Every device comes back, and stays.
        case everybodyOnline
        /// Every device goes.
        case everybodyOffline
        /// Each device stays as it is.
        case asTheyAre
    }
}

/// One thing that somebody does, or that happens to something.
struct Act {
    /// How long after the act before it.
    var delay: Delay
    var action: Action
    /// The seed of all choices from this act up to the next one, so that leaving out an act changes little else.
    var seed: UInt64

    enum Delay {
        case span(Instant.Span)
        /// Until a call's next deadline, plus or minus this offset.
        case untilDeadline(offset: Instant.Span)
        /// Until somebody who is out of a group call may be rung again, plus or minus this offset.
        case untilRungAgain(offset: Instant.Span)
    }

    enum Action {
        /// A device sends a command that suits what it knows.
        case command(device: Int)
        /// A device sends a command that may make no sense.
        case anything(device: Int)
        /// Somebody in a group call rings the user who can next be rung again.
        case ringAgain
        /// A host of a group call answers those who ask to be admitted.
        case answerDoor
        /// Somebody leaves the group or is removed from it, or becomes a member again.
        case changeMembership(user: Int)
        /// A device is logged out, by its user or because the account is suspended; it logs in when it is switched on.
        case logOut(device: Int)
        /// A device sends more signals than can wait.
        case flood(device: Int)
        /// A device sends its latest command again, as after a lost reply.
        case repeatCommand(device: Int)
        /// A device's socket is lost by the network.
        case loseSocket(device: Int)
        /// A device is switched off: it forgets what it knows.
        case switchOff(device: Int)
        case switchOn(device: Int)
        /// The server dies now.
        case crash
        /// The server dies while sending its next frames.
        case crashWhileSending
        /// The next commits fail, or have an unknown outcome.
        case databaseTrouble
        /// Commits take long for a while.
        case databaseSlow
        /// The server is suspended for a while.
        case freeze
        /// The server is suspended, and clients connect to the other node.
        case failOver
        /// The server's node is started again, elsewhere.
        case startAgain
        /// For a while leases can't be renewed.
        case leaseTrouble
    }
}

extension Schedule {
    init(seed: UInt64) {
        // Seeds are consecutive, so neighbours must not begin alike.
        var random = Random(seed: seed &* 0xD134_2543_DE82_EF95 &+ 1)
        rules = CallRules()
        if random.isOne(in: 4) { rules.timings.maxDuration = .seconds(Int64(20 + random.below(60))) }
        if random.isOne(in: 8) { rules.timings.ring = .seconds(Int64(2 + random.below(20))) }
        if random.isOne(in: 4) {
            let ring = rules.timings.ring.microseconds
            rules.timings.ringLimit = .init(microseconds: ring + 1 + random.microseconds(upTo: 10_000_000))
        }
        rules.screenSharing = random.pick([.takeOver, .takeOver, .refuse, .multiple])
        finale = random.pick(Finale.allCases)
        acts = []
        if random.isOne(in: 2) { becomeGroup(&random) }
        // Most schedules are calm, so that calls make progress; in some nothing is reliable.
        let trouble = random.pick([0, 0, 4, 10, 25])
        hasTwoNodes = trouble > 0 && random.isOne(in: 2)
        isBusy = random.isOne(in: 8)
        comparesRows = seed.isMultiple(of: StoredRows.share)
        let count = 4 + random.below(26)
        acts.reserveCapacity(count)
        for _ in 0..<count { acts.append(act(trouble: trouble, &random)) }
    }

    private func act(trouble: Int, _ random: inout Random) -> Act {
        switch memberCount == 0 ? 0 : random.below(40) {
        case 1:
            let offset = Instant.Span(microseconds: random.pick([-1, 0, 0, 1]))
            return Act(delay: .untilRungAgain(offset: offset), action: .ringAgain, seed: random.next())
        case 2, 3, 5: return Act(delay: Self.delay(&random), action: .answerDoor, seed: random.next())
        case 4:
            let user = random.below(userCount)
            return Act(delay: Self.delay(&random), action: .changeMembership(user: user), seed: random.next())
        default:
            return Act(
                delay: Self.delay(&random), action: action(trouble: trouble, &random), seed: random.next())
        }
    }

    /// A schedule of three to five people, all or all but one of them of one group.
    private mutating func becomeGroup(_ random: inout Random) {
        userCount = 3 + random.below(World.userCount - 2)
        memberCount = random.isOne(in: 2) ? userCount : max(2, userCount - 1)
        if random.isOne(in: 3) { rules.participantLimit = 2 + random.below(3) }
        if random.isOne(in: 3) { rules.timings.ringAgain = .seconds(Int64(1 + random.below(10))) }
        if random.isOne(in: 3) { rules.timings.alone = .seconds(Int64(3 + random.below(20))) }
        if random.isOne(in: 4) { rules.timings.empty = .seconds(Int64(2 + random.below(5))) }
        guard random.isOne(in: 3) else { return }
        for _ in 0...random.below(2) {
            let caller = random.below(userCount)
            let callee = (caller + 1 + random.below(userCount - 1)) % userCount
            blocks.append(
                Block(
                    caller: World.user(of: caller * World.devicesPerUser),
                    callee: World.user(of: callee * World.devicesPerUser)))
        }
    }

    private static func delay(_ random: inout Random) -> Act.Delay {
        switch random.below(20) {
        case 0..<8: .span(.init(microseconds: random.microseconds(upTo: 30_000)))
        case 8..<14: .span(.init(microseconds: random.microseconds(upTo: 1_500_000)))
        case 14..<18: .span(.init(microseconds: random.microseconds(upTo: 12_000_000)))
        case 18: .span(.init(microseconds: random.microseconds(upTo: 70_000_000)))
        default: .untilDeadline(offset: .init(microseconds: random.pick([-300_000, -20_000, -1, 0, 1, 20_000])))
        }
    }

    private func action(trouble: Int, _ random: inout Random) -> Act.Action {
        let device = random.below(userCount * World.devicesPerUser)
        if random.below(100) < trouble {
            switch random.below(hasTwoNodes ? 13 : 8) {
            case 0: return .crash
            case 1: return .crashWhileSending
            case 2: return .databaseTrouble
            case 3: return .databaseSlow
            case 4: return .freeze
            case 5: return .leaseTrouble
            case 6, 7: return .loseSocket(device: device)
            case 8: return .startAgain
            default: return .failOver
            }
        }
        switch random.below(200) {
        case 0..<140: return .command(device: device)
        case 140..<160: return .anything(device: device)
        case 160..<170: return .repeatCommand(device: device)
        case 170..<182: return .loseSocket(device: device)
        case 182..<186: return .switchOff(device: device)
        case 186..<188: return .logOut(device: device)
        case 188..<199: return .switchOn(device: device)
        default: return .flood(device: device)
        }
    }
}
