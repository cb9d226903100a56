import NIOConcurrencyHelpers
import Primitives
import SignalingCore

/// Knows the open calls of this process.
final class LocalCallDirectory: CallDirectory {
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

    func shard(for conversation: ConversationID) -> Int {
        // The low half of a version 7 id is random, so it spreads without being hashed again.
        Int(conversation.low % UInt64(shardCount))
    }

    func conversation(of call: CallID) -> ConversationID? {
        state.withLockedValue { $0.conversations[call] }
    }

    func isInCall(_ user: UserID) -> Bool {
        state.withLockedValue { $0.connected[user]?.isEmpty == false }
    }

    func put(_ call: Call) {
        state.withLockedValue { state in
            state.conversations[call.id] = call.conversation
            for participant in call.participants {
                if participant.connection != nil {
                    state.connected[participant.user, default: []].insert(call.id)
                } else {
                    state.disconnect(participant.user, from: call.id)
                }
            }
        }
    }

    func remove(_ call: Call) {
        state.withLockedValue { state in
            state.conversations[call.id] = nil
            for participant in call.participants { state.disconnect(participant.user, from: call.id) }
        }
    }
}
