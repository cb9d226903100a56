import Primitives
import SignalingCore

/// One run of a schedule: devices, a network, a server and its database in virtual time, and the real core in the
/// middle. Whatever happens is a step; after each one what must hold is checked, and the run stops when it does not.
final class World {
    static let userCount = 5
    static let devicesPerUser = 2
    static let deviceCount = userCount * devicesPerUser
    static let start = Instant(microseconds: 1_700_000_000_000_000)
    /// More steps than any schedule needs: whoever gets here goes round in circles.
    static let stepLimit = 100_000

    /// What can happen. Calls that are answered or timed belong to one life of the server: a crash voids them.
    enum Happening {
        case act(Int)
        case connects(device: Int, attempt: Int)
        case frameArrives(connection: Int, ClientFrame)
        case answerArrives(connection: Int, ServerFrame)
        case serverNoticesLoss(connection: Int)
        case clientNoticesLoss(connection: Int)
        case clientRepeats(device: Int, frame: Int)
        case clientGivesUp(device: Int, frame: Int)
        case inviteIsReady(Int, life: Int)
        case unitIsCarriedOut(Int)
        case unitIsAnswered(Int, life: Int)
        case deadline(CallID, Instant, life: Int)
        case updatesAreDue(CallID, Instant, life: Int)
        case looksUp(CallID, life: Int)
        case serverStarts
    }

    let schedule: Schedule
    let isTraced: Bool
    var now = World.start
    var random = Random(seed: 0)
    var agenda = Agenda<Happening>()
    var coverage = Coverage()
    var breach: Breach?
    var trace: [String] = []
    var steps = 0
    /// Whether the frame that is sent now is to arrive at once, so that it meets a deadline to the microsecond.
    var isPrompt = false
    /// Whether all acts are over, so that nothing fails any more.
    var isCalm = false

    var clients: [Client]
    var connections: [Connection] = []
    var server = ModelServer()
    var database = ModelDatabase()
    /// The newest revision of each call that any device was told.
    var newestTold: [CallID: Int64] = [:]
    var units: [Unit] = []
    /// How the next commits go wrong.
    var failures: [CommitFailure] = []
    /// Until when nothing can be read.
    var unreadableUntil = World.start
    var slowUntil = World.start
    var requests: UInt64 = 0
    /// Who belongs to the group now.
    var members: Set<UserID>
    /// Which devices are logged out.
    var loggedOut: Set<Int> = []

    init(_ schedule: Schedule, isTraced: Bool = false) {
        self.schedule = schedule
        self.isTraced = isTraced
        clients = (0..<World.deviceCount).map(Client.init)
        members = Set((0..<schedule.memberCount).map { World.user(of: $0 * World.devicesPerUser) })
    }

    /// Runs the schedule to its end, and then until nothing is left to happen.
    func run() {
        random = Random(seed: schedule.acts.first?.seed ?? 0)
        for device in present where !random.isOne(in: 5) { connect(device, after: 0) }
        if schedule.acts.isEmpty { calmDown() } else { agenda.put(.act(0), at: now + .seconds(1)) }
        while breach == nil, let (at, happening) = agenda.takeFirst() {
            now = at
            steps += 1
            if steps > World.stepLimit { fail(.comesToRest, "after \(steps) steps something still happens") }
            take(happening)
            if schedule.memberCount > 0 { checkMembers() }
            if server.isDying { crash() }
        }
        if breach == nil { checkAtRest() }
    }

    private func take(_ happening: Happening) {
        switch happening {
        case .act(let index): perform(index)
        case .connects(let device, let attempt): connects(device, attempt)
        case .frameArrives(let connection, let frame): frameArrives(frame, by: connection)
        case .answerArrives(let connection, let frame): answerArrives(frame, by: connection)
        case .serverNoticesLoss(let connection): serverNoticesLoss(connection)
        case .clientNoticesLoss(let connection): clientNoticesLoss(connection)
        case .clientRepeats(let device, let frame): repeatPending(frame, of: device)
        case .clientGivesUp(let device, let frame): giveUp(frame, of: device)
        case .inviteIsReady(let index, let life): if server.isAlive(life) { inviteIsReady(index) }
        case .unitIsCarriedOut(let unit): carryOutUnit(unit)
        case .unitIsAnswered(let unit, let life): if server.isAlive(life) { unitIsAnswered(unit) }
        case .deadline(let call, let due, let life): if server.isAlive(life) { deadlineHasCome(call, due) }
        case .updatesAreDue(let call, let due, let life): if server.isAlive(life) { releaseUpdates(call, due) }
        case .looksUp(let call, let life): if server.isAlive(life) { lookUp(call) }
        case .serverStarts: startServer()
        }
    }

    func fail(_ check: Check, _ detail: @autoclosure () -> String) {
        if breach == nil { breach = Breach(check: check, detail: detail()) }
    }

    func note(_ line: @autoclosure () -> String) {
        if isTraced { trace.append("\(Describe.time(now))  \(line())") }
    }

    // MARK: Acts

    private func perform(_ index: Int) {
        let act = schedule.acts[index]
        random = Random(seed: act.seed)
        switch act.delay {
        case .span: break
        case .untilDeadline, .untilRungAgain: isPrompt = true
        }
        perform(act.deed)
        isPrompt = false
        guard index + 1 < schedule.acts.count else { return calmDown() }
        agenda.put(.act(index + 1), at: moment(of: schedule.acts[index + 1].delay))
    }

    private func moment(of delay: Act.Delay) -> Instant {
        switch delay {
        case .span(let span): return now + span
        case .untilDeadline(let offset):
            let horizon = now + .seconds(120)
            let deadlines = server.calls.compactMap(\.call.nextDeadline).filter { $0 < horizon }
            return max(now, (deadlines.min() ?? now) + offset)
        case .untilRungAgain(let offset): return max(now, (nextRungAgain?.at ?? now) + offset)
        }
    }

    private func perform(_ deed: Act.Deed) {
        switch deed {
        case .command(let device): command(device, isSensible: true)
        case .anything(let device): command(device, isSensible: false)
        case .ringAgain: ringAgain()
        case .answerDoor: answerDoor()
        case .changeMembership(let user): changeMembership(of: World.user(of: user * World.devicesPerUser))
        case .logOut(let device): logOut(device)
        case .flood(let device): flood(device)
        case .repeatCommand(let device): repeatLatest(of: device)
        case .loseSocket(let device): loseSocket(of: device)
        case .switchOff(let device): switchOff(device)
        case .switchOn(let device): switchOn(device)
        case .crash: if server.isUp { crash() }
        case .crashWhileSending: if server.isUp { server.sendsUntilCrash = random.below(4) }
        case .databaseTrouble: troubleDatabase()
        case .databaseSlow:
            slowUntil = now + .init(microseconds: random.microseconds(upTo: 20_000_000))
            note("the database is slow until \(Describe.time(slowUntil))")
        }
    }

    private func troubleDatabase() {
        for _ in 0...random.below(3) { failures.append(random.pick(CommitFailure.allCases)) }
        if random.isOne(in: 2) { unreadableUntil = now + .init(microseconds: random.microseconds(upTo: 5_000_000)) }
        note("the database will fail: \(failures)")
    }

    /// From here on nothing goes wrong any more; whatever is open has to come to its end by itself.
    private func calmDown() {
        note("nothing fails any more; devices: \(schedule.finale)")
        isCalm = true
        failures = []
        server.sendsUntilCrash = nil
        for device in present {
            switch schedule.finale {
            case .everybodyOnline: switchOn(device)
            case .everybodyOffline: switchOff(device)
            case .asTheyAre: break
            }
        }
    }

    /// The devices of the people of this schedule.
    private var present: Range<Int> { 0..<schedule.userCount * World.devicesPerUser }

    static func user(of device: Int) -> UserID {
        UserID(high: 0xA, low: UInt64(device / devicesPerUser) + 1)
    }

    static func origin(of device: Int) -> CallOrigin {
        CallOrigin(user: user(of: device), device: DeviceID(high: 0xD, low: UInt64(device) + 1))
    }

    static func device(_ id: DeviceID) -> Int {
        Int(id.low) - 1
    }

    static func devices(of user: UserID) -> Range<Int> {
        let first = (Int(user.low) - 1) * devicesPerUser
        return first..<first + devicesPerUser
    }
}
