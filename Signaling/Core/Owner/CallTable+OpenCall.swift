import DequeModule
import Primitives

extension CallTable {
    /// An open call.
    ///
    /// It is large, is looked at far more often than it changes, and stands in a dictionary, which gives copies. So its
    /// contents are an array of one: a copy is one reference, and what is shared is copied when it changes.
    struct OpenCall {
        private var contents: [Contents]

        init(call: Call, people: [UserID: Profile], storedRevision: Int64) {
            contents = [Contents(call: call, people: people, storedRevision: storedRevision)]
        }

        var call: Call {
            _read { yield contents[0].call }
            _modify { yield &contents[0].call }
        }
        var people: [UserID: Profile] {
            _read { yield contents[0].people }
            _modify { yield &contents[0].people }
        }
        var storedRevision: Int64 {
            _read { yield contents[0].storedRevision }
            _modify { yield &contents[0].storedRevision }
        }
        var commit: CommitState {
            _read { yield contents[0].commit }
            _modify { yield &contents[0].commit }
        }
        var waiting: Deque<Pending> {
            _read { yield contents[0].waiting }
            _modify { yield &contents[0].waiting }
        }
        var pace: UpdatePace {
            _read { yield contents[0].pace }
            _modify { yield &contents[0].pace }
        }
        var budget: TurnBudget {
            _read { yield contents[0].budget }
            _modify { yield &contents[0].budget }
        }
        var isResting: Bool {
            _read { yield contents[0].isResting }
            _modify { yield &contents[0].isResting }
        }
        var hasMissedDevices: Bool {
            _read { yield contents[0].hasMissedDevices }
            _modify { yield &contents[0].hasMissedDevices }
        }
        var doubtfulRevision: Int64? {
            _read { yield contents[0].doubtfulRevision }
            _modify { yield &contents[0].doubtfulRevision }
        }
        var owed: [CallInput] {
            _read { yield contents[0].owed }
            _modify { yield &contents[0].owed }
        }
    }

    struct Contents {
        /// The call as the database has it, but for what is never stored.
        var call: Call
        var people: [UserID: Profile]
        /// The revision of the stored row; a commit that finds another one changes nothing.
        var storedRevision: Int64
        var commit = CommitState.settled
        var waiting: Deque<Pending> = []
        /// What is told when.
        var pace = UpdatePace()
        /// How much of the loop's time it has taken.
        var budget = TurnBudget()
        /// Whether its inputs wait until others have had their turn.
        var isResting = false
        /// Whether a device came or went, and the call could not be told.
        var hasMissedDevices = false
        /// To which revision a commit would have led that a look-up did not find: it may still come about.
        var doubtfulRevision: Int64?
        /// Who is to be out of the call, and is not yet on disk: it is tried until it is.
        var owed: [CallInput] = []
    }
}
