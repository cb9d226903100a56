public import Primitives

/// The rights of a member in a group (seed 002, `conversation_participants.role`). A direct conversation has only
/// members.
public enum MemberRole: String, Sendable, Hashable, CaseIterable {
    /// Adds and removes anybody, and says who is an admin. When the owner leaves, another member becomes owner.
    case owner
    /// Adds anybody, removes members.
    case admin
    /// Writes, calls, and leaves.
    case member
}

/// A group to be made.
public struct GroupDraft: Sendable, Hashable {
    /// Made by the client; a repeat is the same group.
    public var clientConversationID: RequestID
    /// What it is called: 1 to 100 characters that are visible.
    public var name: String
    /// The initial members besides the creator; at most 99. Those who do not know the creator are invited.
    public var members: [UserID]

    /// Makes a draft.
    public init(clientConversationID: RequestID, name: String, members: [UserID]) {
        self.clientConversationID = clientConversationID
        self.name = name
        self.members = members
    }
}

/// Who may do what in groups, and how large they may be. Uses no database.
enum GroupRules {
    /// How many members a group has at most.
    static let memberLimit = 100
    /// How long a name is at most, in characters.
    static let nameLimit = 100
    /// How long a name is at most in UTF-8: a character can have any length.
    private static let nameByteLimit = 1024

    /// Checks a draft.
    /// - Returns: The name as it is stored, and the others, each once.
    static func check(
        _ draft: GroupDraft, by creator: UserID
    ) throws(MessagingError) -> (name: String, others: [UserID]) {
        // A name that is far too long is not checked further.
        guard draft.name.utf8.count <= 4 * nameByteLimit, let name = VisibleName(draft.name)?.text,
            name.count <= nameLimit, name.utf8.count <= nameByteLimit
        else {
            throw .badGroupName
        }
        return (name, try distinct(draft.members, but: creator))
    }

    /// The users of a list that a peer sent, each once.
    static func distinct(_ users: [UserID], but excluded: UserID? = nil) throws(MessagingError) -> [UserID] {
        // The rest of a list that is longer than any group is not read.
        guard users.count <= 2 * memberLimit else { throw .groupTooLarge }
        var seen: Set<UserID> = []
        let others = users.filter { $0 != excluded && seen.insert($0).inserted }
        guard others.count < memberLimit else { throw .groupTooLarge }
        return others
    }

    /// Whether a member may add others.
    static func mayAdd(_ role: MemberRole) -> Bool { role != .member }

    /// Whether a member may change who is an admin.
    static func mayChangeRoles(_ role: MemberRole) -> Bool { role == .owner }

    /// Whether a member may remove another one. Everybody may leave.
    static func mayRemove(_ other: MemberRole, by role: MemberRole) -> Bool {
        switch role {
        case .owner: true
        case .admin: other == .member
        case .member: false
        }
    }

    /// "Ada", "Ada and Grace", "Ada, Grace and 3 others".
    static func list(_ names: [String]) -> String {
        switch names.count {
        case 0: ""
        case 1: names[0]
        case 2: "\(names[0]) and \(names[1])"
        case 3: "\(names[0]), \(names[1]) and \(names[2])"
        default: "\(names[0]), \(names[1]) and \(names.count - 2) others"
        }
    }
}
