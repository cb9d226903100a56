import NIOConcurrencyHelpers
import Primitives
import SignalingCore

/// Knows which calls are open in this process, in which conversation, and who is in one: for all threads.
final class OpenCalls: Sendable {
    private struct State {
        var conversations: [CallID: ConversationID] = [:]
        /// For each user the calls that a device of the user is in.
        var connected: [UserID: Set<CallID>] = [:]

        mutating func disconnect(_ user: UserID, from call: CallID) {
            guard var calls = connected[user] else { return }
            calls.remove(call)
            connected[user] = calls.isEmpty ? nil : calls
        }
    }

    private let shardCount: Int
    private let state = NIOLockedValueBox(State())

    init(shardCount: Int) {
        self.shardCount = shardCount
    }

    /// The shard of a conversation's calls.
    func shard(for conversation: ConversationID) -> Int {
        // The low half of a version 7 id is random, so it needs no further hashing.
        Int(conversation.low % UInt64(shardCount))
    }

    /// The conversation of an open call; nil when it is not open.
    func conversation(of call: CallID) -> ConversationID? {
        state.withLockedValue { $0.conversations[call] }
    }

    /// Whether a user is in a call with one of the devices.
    func isInCall(_ user: UserID) -> Bool {
        state.withLockedValue { $0.connected[user]?.isEmpty == false }
    }

    func opened(_ call: CallID, in conversation: ConversationID) {
        state.withLockedValue { $0.conversations[call] = conversation }
    }

    func closed(_ call: CallID, connected: [UserID]) {
        state.withLockedValue { state in
            state.conversations[call] = nil
            for user in connected { state.disconnect(user, from: call) }
        }
    }

    func connection(of user: UserID, to call: CallID, isConnected: Bool) {
        state.withLockedValue { state in
            if isConnected {
                state.connected[user, default: []].insert(call)
            } else {
                state.disconnect(user, from: call)
            }
        }
    }
}
