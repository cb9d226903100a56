public import Primitives
public import Storage

/// A request to join a group, for somebody who does not know the inviter. They are not a member until they accept.
public struct GroupInvitation: Sendable, Hashable {
    /// The group.
    public var conversation: ConversationID
    /// What it is called.
    public var name: String
    /// Who invites.
    public var inviter: Profile
    /// How many members the group has.
    public var memberCount: Int
    /// When it was made.
    public var createdAt: Instant

    /// Makes an invitation.
    public init(
        conversation: ConversationID, name: String, inviter: Profile, memberCount: Int, createdAt: Instant
    ) {
        self.conversation = conversation
        self.name = name
        self.inviter = inviter
        self.memberCount = memberCount
        self.createdAt = createdAt
    }

    init(row: Row) throws(DatabaseError) {
        self.init(
            conversation: try row.id("conversation_id"), name: try row.textIfAny("name") ?? "",
            inviter: try Profile(member: row, id: "id"), memberCount: Int(try row.integer("member_count")),
            createdAt: try row.instant("created_at"))
    }
}

/// A page of the invitations of a user.
public struct InvitationPage: Sendable, Hashable {
    /// The newest first.
    public var invitations: [GroupInvitation]
    /// Where the next page begins; nil at the end.
    public var next: PageCursor<Named.Conversation>?
}

/// Somebody who is to be added to a group.
struct GroupCandidate {
    var profile: Profile
    /// Whether they know the one who adds them: then they are not asked, and everybody sees a member.
    var knowsAdder: Bool
    /// Whether they have blocked the one who adds them, and so must not learn of it.
    var hasBlockedAdder: Bool

    init(row: Row) throws(DatabaseError) {
        profile = try Profile(member: row, id: "id")
        knowsAdder = try row.boolean("knows_adder")
        hasBlockedAdder = try row.boolean("has_blocked_adder")
    }
}

/// How often somebody may be invited. Beyond that an invitation looks pending to the inviter, and nobody sees it.
enum InvitationRules {
    /// How many invitations a user sees at once.
    static let limit = 100
    /// How many of them may be from one inviter.
    static let limitOfInviter = 5
    /// How long after a decline no other invitation from the same inviter is shown.
    static let declineSpan = Instant.Span.seconds(7 * 86_400)
}
