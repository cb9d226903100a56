public import Accounts
public import Messaging
public import Primitives
public import SignalingCore
public import SignalingService

/// Finds the people of calls by their accounts, and by the conversations in which they are called.
public struct ConversationPeople: CallPeople {
    private let messaging: MessagingService
    private let accounts: AccountService

    /// Joins calls to conversations and accounts.
    public init(messaging: MessagingService, accounts: AccountService) {
        self.messaging = messaging
        self.accounts = accounts
    }

    /// The user whom a direct invite calls.
    public func directCallee(
        _ callee: UserID, calledBy caller: UserID, as name: RequestID
    ) async throws(CallPeopleError) -> SignalingService.DirectCallee? {
        do throws(AccountError) {
            let key = MessagingService.directKey(of: caller, and: callee)
            let found = try await accounts.directCallee(callee, calledBy: caller, directKey: key, as: name)
            return found.map {
                .init(
                    policy: CalleePolicy($0.policy), conversation: $0.conversation, isRepeated: $0.isRepeated)
            }
        } catch {
            throw .unavailable
        }
    }

    /// The direct conversation between two users, created when there is none.
    public func directConversation(
        between caller: UserID, and callee: UserID
    ) async throws(CallPeopleError) -> ConversationID {
        do throws(MessagingError) {
            return try await messaging.directConversationID(between: caller, and: callee)
        } catch {
            throw CallPeopleError(error)
        }
    }

    /// A conversation of a user, and its members as everybody in it sees them.
    public func conversation(
        _ id: ConversationID, of user: UserID
    ) async throws(CallPeopleError) -> (mode: Call.Mode, members: [UserID], nominal: Set<UserID>) {
        do throws(MessagingError) {
            let (type, members, nominal) = try await messaging.callableMembers(of: id, for: user)
            return (type == .group ? .group : .direct, members.map(\.id), nominal)
        } catch {
            throw CallPeopleError(error)
        }
    }

    /// The members of a conversation, except nominal ones.
    public func members(of conversation: ConversationID) async throws(CallPeopleError) -> Set<UserID> {
        do throws(MessagingError) {
            return try await messaging.memberIDs(of: conversation)
        } catch {
            throw CallPeopleError(error)
        }
    }

    /// How users want to be called by this caller.
    public func calleePolicies(
        of users: [UserID], calledBy caller: UserID
    ) async throws(CallPeopleError) -> [UserID: CalleePolicy] {
        do throws(AccountError) {
            return try await accounts.callPolicies(of: users, calledBy: caller).mapValues(CalleePolicy.init)
        } catch {
            throw .unavailable
        }
    }
}

extension CalleePolicy {
    fileprivate init(_ policy: CallPolicy) {
        self.init(
            profile: policy.profile, isReachable: policy.isReachable, hasCallWaiting: policy.hasCallWaiting,
            isBlockedByCaller: policy.isBlockedByCaller)
    }
}

extension CallPeopleError {
    fileprivate init(_ error: MessagingError) {
        self = error.code == .notFound ? .notFound : .unavailable
    }
}
