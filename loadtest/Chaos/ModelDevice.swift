import Primitives
import Wire

/// One device of a person, as a client keeps it: what it believes of each call, and the commands that are not answered.
struct ModelDevice: Sendable {
    /// A command that waits for its answer, and is sent again after each reconnect until it has one.
    struct Pending: Sendable {
        var action: StormAction
        /// The call that it is about; empty for invites and messages.
        var call: String
        var frame: WireClientFrame
        /// When it is sent again, after an error that says so.
        var retryAt: Instant?
        var attempts = 1
    }

    let user: String
    let id: String
    /// The place of the person that it belongs to.
    let person: Int
    private(set) var isConnected = false
    /// While it is away it does not connect.
    var awayUntil: Instant?
    /// What the device believes of calls that are open.
    private(set) var open: [String: CallPicture] = [:]
    /// What it believes of calls that are over.
    private(set) var ended: [String: CallPicture] = [:]
    private(set) var pending: [UInt32: Pending] = [:]
    /// The latest revision that an event of this connection had, by call.
    private var eventRevisions: [String: Int64] = [:]
    /// Calls that the last snapshot did not have: what is believed of them is void, and holds nothing up.
    private var doubtful: Set<String> = []
    /// The latest revisions of which the device was told what has changed, and did not know from where.
    private var missed: [String: Int64] = [:]
    private var lastNumber: UInt32 = 1

    init(user: String, id: String, person: Int) {
        self.user = user
        self.id = id
        self.person = person
    }

    /// Whether the device knows of an open call that its user is in or rung for, or has asked for one.
    var isBusy: Bool {
        pending.values.contains { $0.action == .invite }
            || open.values.contains { call in
                call.member(user).map { $0.status == "connected" || $0.status == "ringing" } ?? false
            }
    }

    /// Whether this device is in an open call.
    func isIn(_ call: String) -> Bool {
        guard let own = open[call]?.member(user) else { return false }
        return own.status == "connected" && own.device == id
    }

    // MARK: Commands

    /// Takes a command in; what it returns is to be sent when the device is connected.
    mutating func ask(_ action: StormAction, call: String, _ frame: WireClientFrame) -> WireClientFrame {
        lastNumber += 1
        var frame = frame
        frame.id = lastNumber
        pending[lastNumber] = Pending(action: action, call: call, frame: frame)
        return frame
    }

    /// The command was answered for good.
    mutating func settle(_ number: UInt32) -> Pending? { pending.removeValue(forKey: number) }

    /// The command is to be sent again at a moment.
    mutating func postpone(_ number: UInt32, until moment: Instant) { pending[number]?.retryAt = moment }

    /// The commands whose moment has come, in their order.
    mutating func takeRetries(now: Instant) -> [WireClientFrame] {
        guard isConnected, !pending.isEmpty else { return [] }
        let due = pending.filter { $0.value.retryAt.map { $0 <= now } ?? false }.keys.sorted()
        return due.compactMap { number in
            pending[number]?.retryAt = nil
            pending[number]?.attempts += 1
            return pending[number]?.frame
        }
    }

    // MARK: Connection

    /// The device was let in: the snapshot takes the place of all that it believed of open calls.
    /// - Returns: What is to be sent again, and the calls that the snapshot has no more, which have to be asked for.
    mutating func connect(_ snapshot: [CallPicture]) -> (repeats: [WireClientFrame], vanished: [String]) {
        isConnected = true
        eventRevisions = [:]
        let known = open
        open = [:]
        for picture in snapshot { open[picture.id] = picture }
        let vanished = known.keys.filter { open[$0] == nil }.sorted()
        // Until the answer comes, the old belief is better than none.
        for call in vanished { open[call] = known[call] }
        doubtful = Set(vanished)
        missed = [:]
        var repeats: [WireClientFrame] = []
        for number in pending.keys.sorted() {
            pending[number]?.retryAt = nil
            pending[number]?.attempts += 1
            if let frame = pending[number]?.frame { repeats.append(frame) }
        }
        return (repeats, vanished)
    }

    mutating func disconnect() { isConnected = false }

    // MARK: Calls

    /// What is wrong with a call that the device was shown.
    typealias Fault = (kind: Violation.Kind, text: String)

    /// Takes a call in that an answer or an event brings.
    mutating func see(_ picture: CallPicture, isEvent: Bool) -> Fault? {
        var fault = isEvent ? noteEvent(of: picture.id, picture.revision) : nil
        let isDoubtful = doubtful.remove(picture.id) != nil
        if !isDoubtful, let known = open[picture.id] ?? ended[picture.id] {
            // What is older than what the device has is dropped.
            guard picture.revision >= known.revision else { return fault }
            if picture.revision == known.revision, !picture.shows(sameAs: known) {
                fault = (.revisionHasTwoFaces, "\(picture) and \(known)")
            }
        }
        if picture.isEnded {
            open[picture.id] = nil
            ended[picture.id] = picture
        } else if ended[picture.id] != nil {
            fault = (.revisionWentBack, "a call that was over is \(picture)")
        } else {
            open[picture.id] = picture
        }
        return fault
    }

    /// What becomes of a change.
    enum OnChange {
        /// The call with it.
        case news(CallPicture)
        /// The device knows it.
        case known(Fault?)
        /// The device does not know the call as it was before, and has to ask for it.
        case missed(Fault?)
    }

    /// Looks at what of a call has changed. News are yet to be taken in.
    mutating func look(at change: WireCallChanged) -> OnChange {
        let revision = Int64(clamping: change.revision)
        let known = open[change.callID] ?? ended[change.callID]
        guard let known, !doubtful.contains(change.callID), known.revision >= Int64(clamping: change.baseRevision)
        else {
            missed[change.callID] = max(missed[change.callID] ?? 0, revision)
            // What the last snapshot did not have was asked for already.
            guard !doubtful.contains(change.callID) else { return .missed(nil) }
            return .missed(
                (
                    .changeDoesNotFit,
                    "told what has changed from \(change.baseRevision) to \(revision), knowing \(known?.revision ?? 0)"
                ))
        }
        guard known.revision < revision else { return .known(noteEvent(of: change.callID, revision)) }
        return .news(known.changed(by: change))
    }

    /// Whether the device was told of changes of a call that it could not take in, and still knows none so late.
    func isBehind(_ call: String) -> Bool {
        guard let latest = missed[call] else { return false }
        return (open[call] ?? ended[call]).map { $0.revision < latest } ?? true
    }

    private mutating func noteEvent(of call: String, _ revision: Int64) -> Fault? {
        defer { eventRevisions[call] = revision }
        guard let latest = eventRevisions[call], revision < latest else { return nil }
        return (.revisionWentBack, "an event of revision \(revision) came after one of \(latest)")
    }

    /// Takes a call in as it was asked for after a reconnect: whatever was believed of it is void.
    mutating func replace(_ picture: CallPicture) -> Fault? {
        open[picture.id] = nil
        doubtful.remove(picture.id)
        return see(picture, isEvent: false)
    }
}
