import DequeModule
import Primitives

extension CallTable {
    /// An open call.
    ///
    /// It is large, is read far more often than it changes, and is in a dictionary, which returns copies. So its
    /// contents are an array of one element: a copy is one reference, and shared contents are copied on change.
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
        /// The call as in the database, except for what is never stored.
        var call: Call
        var people: [UserID: Profile]
        /// The revision of the stored row; a commit that finds a different one changes nothing.
        var storedRevision: Int64
        var commit = CommitState.settled
        var waiting: Deque<Pending> = []
        /// Decides when changes are sent.
        var pace = UpdatePace()
        /// How much time of the loop it has used.
        var budget = TurnBudget()
        /// Whether its inputs wait until other calls have had their turn.
        var isResting = false
        /// Whether a device connected or disconnected and the call could not be told.
        var hasMissedDevices = false
        /// The revision of a commit that a look-up did not find: the commit may still take effect.
        var doubtfulRevision: Int64?
        /// Removals from the call that are not on disk yet; retried until they are.
        var owed: [CallInput] = []
    }
}
