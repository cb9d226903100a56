import Primitives
import SignalingCore

/// One run of a schedule: devices, a network, nodes and their database in virtual time, and the real owner of calls in
/// the middle. Everything that happens is a step; the invariants are checked after each one, and the first violation
/// ends the run.
final class World {
    static let userCount = 5
    static let devicesPerUser = 2
    static let deviceCount = userCount * devicesPerUser
    static let start = Instant(microseconds: 1_700_000_000_000_000)
    /// More steps than any schedule needs: a run that gets here is in a loop.
    static let stepLimit = 100_000

    /// What can happen. Events of a server are void once it is dead, and postponed while it is suspended. Large
    /// values are kept behind a reference, as events are moved about in the queue.
    enum Event {
        case act(Int)
        case connects(device: Int, attempt: Int)
        case frameArrives(connection: Int, ClientFrame)
        case answerArrives(connection: Int, ServerFrame)
        case serverNoticesLoss(connection: Int)
        case clientNoticesLoss(connection: Int)
        case clientRepeats(device: Int, frame: Int)
        case clientGivesUp(device: Int, frame: Int)
        case inviteIsReady(Int, server: Int)
        indirect case isLookedUp(CallTable.Input, server: Int)
        indirect case hands(CallTable.Input, server: Int)
        case wakes(Int, timer: Int)
        case unitIsCarriedOut(Int)
        case unitComesLate(Int)
        case unitIsAnswered(Int)
        case looksUp(CallTable.CommitID, CallID, server: Int)
        indirect case archiveAnswers(CallCommand, CallID, ReplyTo, server: Int)
        case announcesStored(CallID, server: Int)
        case membershipEnds(UserID)
        case starts(node: Int)
        case renews(server: Int)
        indirect case renewalIsCarriedOut(Renewal)
        indirect case renewalIsAnswered(Renewal)
        case handsOver(server: Int)
        case goesOn(server: Int)
        case ends(server: Int)
    }

    let schedule: Schedule
    let isTraced: Bool
    var now = World.start
    var random = Random(seed: 0)
    var queue = EventQueue<Event>()
    var coverage = Coverage()
    var violation: Violation?
    var trace: [String] = []
    var steps = 0
    /// Whether a frame that is sent now reaches its call at once, so that it meets a deadline to the microsecond.
    var isPrompt = false
    /// Whether all acts are over, so that nothing fails any more.
    var isCalm = false

    var clients: [Client]
    var connections: [Connection] = []
    /// Every life of every node.
    var servers: [ModelServer] = []
    /// The server that clients connect to.
    var front = 0
    var server: ModelServer { servers[front] }
    /// The current time by the clock of the server at work.
    var clock = World.start
    /// How many nodes are to start.
    var nodesToStart = 0
    /// Ids continue over crashes: real ones are random.
    var lastCall: UInt64 = 0
    var database = ModelDatabase()
    /// Whether people are told what the database has, no matter who owns it.
    var isTellingStored = false
    /// The newest revision of each call that any device was told by an owner.
    var newestTold: [CallID: Int64] = [:]
    var units: [Unit] = []
    /// How the next commits fail.
    var failures: [CommitFailure] = []
    /// How many commits take effect later than anybody expects.
    var unitsToCome = 0
    /// Until when leases can't be renewed.
    var unrenewableUntil = World.start
    /// Until when nothing can be read.
    var unreadableUntil = World.start
    var slowUntil = World.start
    var requests: UInt64 = 0
    /// Who belongs to the group now.
    var members: Set<UserID>
    /// Which devices are logged out.
    var loggedOut: Set<Int> = []

    /// - Parameter rows: A real database for a schedule that is compared with one.
    init(_ schedule: Schedule, rows: StoredRows? = nil, isTraced: Bool = false) {
        self.schedule = schedule
        self.isTraced = isTraced
        clients = (0..<World.deviceCount).map(Client.init)
        members = Set((0..<schedule.memberCount).map { World.user(of: $0 * World.devicesPerUser) })
        if schedule.comparesRows { database.compare(with: rows) }
    }

    /// Runs the schedule to its end, and then until nothing is left to happen.
    func run() {
        random = Random(seed: schedule.acts.first?.seed ?? 0)
        nodesToStart = 1
        start(0)
        for device in present where !random.isOne(in: 5) { connect(device, after: 0) }
        if schedule.acts.isEmpty { quiesce() } else { queue.put(.act(0), at: now + .seconds(1)) }
        while violation == nil, let (at, event) = queue.takeFirst() {
            now = at
            steps += 1
            if steps > World.stepLimit { fail(.settles, "after \(steps) steps something still happens") }
            take(event)
            if let difference = database.difference { fail(.rowsAreAsModelled, difference) }
            for server in servers where server.isDying && server.isUp { crash(server) }
        }
        if violation == nil { checkAtRest() }
    }

    private func take(_ event: Event) {
        if let number = number(ofServerFor: event) {
            guard servers[number].isUp else { return }
            if servers[number].isPaused { return servers[number].putOff.append(event) }
        }
        switch event {
        case .act(let index): perform(index)
        case .connects(let device, let attempt): connects(device, attempt)
        case .frameArrives(let connection, let frame): frameArrives(frame, by: connection)
        case .answerArrives(let connection, let frame): answerArrives(frame, by: connection)
        case .serverNoticesLoss(let connection): serverNoticesLoss(connection)
        case .clientNoticesLoss(let connection): clientNoticesLoss(connection)
        case .clientRepeats(let device, let frame): repeatPending(frame, of: device)
        case .clientGivesUp(let device, let frame): giveUp(frame, of: device)
        case .inviteIsReady(let index, let number): inviteIsReady(servers[number].invites[index], servers[number])
        case .isLookedUp(let input, let number): hand(input, to: servers[number])
        case .hands(let input, let number): give(input, to: servers[number])
        case .wakes(let number, let timer): wakes(servers[number], timer)
        case .unitIsCarriedOut(let unit): carryOutUnit(unit)
        case .unitComesLate(let unit): unitComesLate(unit)
        case .unitIsAnswered(let unit): unitIsAnswered(unit)
        case .looksUp(let commit, let call, let number): lookUp(commit, call, servers[number])
        case .archiveAnswers(let command, let call, let replyTo, let number):
            answerFromArchive(command, call, replyTo, servers[number])
        case .announcesStored(let call, let number): announceStored(call, servers[number])
        case .membershipEnds(let user): if members.contains(user) { changeMembership(of: user) }
        case .starts(let node): start(node)
        case .renews(let number): renew(servers[number])
        case .renewalIsCarriedOut(let renewal): carryOut(renewal)
        case .renewalIsAnswered(let renewal): renewalIsAnswered(renewal)
        case .handsOver(let number): handOver(servers[number])
        case .goesOn(let number): drain(servers[number])
        case .ends(let number): end(servers[number])
        }
    }

    /// The server to which something happens; nil when it happens elsewhere.
    private func number(ofServerFor event: Event) -> Int? {
        switch event {
        case .frameArrives(let connection, let frame):
            // A hello to a server that is gone is refused.
            if case .hello = frame.body, !servers[connections[connection].server].isUp { return nil }
            return connections[connection].server
        case .serverNoticesLoss(let connection): return connections[connection].server
        case .unitIsAnswered(let unit): return units[unit].server
        case .renewalIsAnswered(let renewal): return renewal.server
        case .inviteIsReady(_, let number), .isLookedUp(_, let number), .hands(_, let number), .wakes(let number, _),
            .looksUp(_, _, let number), .archiveAnswers(_, _, _, let number), .announcesStored(_, let number),
            .renews(let number), .handsOver(let number), .ends(let number):
            return number
        case .act, .connects, .answerArrives, .clientNoticesLoss, .clientRepeats, .clientGivesUp, .unitIsCarriedOut,
            .unitComesLate, .membershipEnds, .starts, .renewalIsCarriedOut, .goesOn:
            return nil
        }
    }

    func fail(_ check: Check, _ detail: @autoclosure () -> String) {
        if violation == nil { violation = Violation(check: check, detail: detail()) }
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
        perform(act.action)
        isPrompt = false
        guard index + 1 < schedule.acts.count else { return quiesce() }
        queue.put(.act(index + 1), at: moment(of: schedule.acts[index + 1].delay))
    }

    private func moment(of delay: Act.Delay) -> Instant {
        switch delay {
        case .span(let span): return now + span
        case .untilDeadline(let offset):
            let error = server.clockError
            let horizon = now + .seconds(120)
            let deadlines = server.followed.compactMap(\.call.nextDeadline).map { $0 - error }.filter { $0 < horizon }
            return max(now, (deadlines.min() ?? now) + offset)
        case .untilRungAgain(let offset): return max(now, (nextRungAgain?.at ?? now) + offset)
        }
    }

    private func perform(_ action: Act.Action) {
        switch action {
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
        case .crash:
            crash(server)
            if schedule.hasTwoNodes, random.isOne(in: 2) { failOver() }
        case .crashWhileSending: if server.isUp { server.sendsUntilCrash = random.below(4) }
        case .freeze: pause(server, for: .init(microseconds: random.microseconds(upTo: 20_000_000)))
        case .failOver:
            pause(server, for: .init(microseconds: random.microseconds(upTo: 30_000_000)))
            failOver()
        case .startAgain:
            if random.isOne(in: 2) { pause(server, for: .init(microseconds: random.microseconds(upTo: 8_000_000))) }
            startAgain()
        case .leaseTrouble:
            unrenewableUntil = now + .init(microseconds: random.microseconds(upTo: 20_000_000))
            note("no lease is renewed until \(Describe.time(unrenewableUntil))")
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

    /// From here on nothing fails any more; everything open has to end by itself.
    private func quiesce() {
        note("nothing fails any more; devices: \(schedule.finale)")
        isCalm = true
        failures = []
        for server in servers {
            server.sendsUntilCrash = nil
            drain(server)
        }
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

    /// The index of a user among those of the world.
    static func index(of user: UserID) -> Int {
        Int(user.low) - 1
    }

    static func devices(of user: UserID) -> Range<Int> {
        let first = index(of: user) * devicesPerUser
        return first..<first + devicesPerUser
    }
}
