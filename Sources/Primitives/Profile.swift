/// What other people may see of a user.
public struct Profile: Hashable, Sendable {
    /// Whose profile it is.
    public var id: UserID
    /// The name for logging in and for search; at most 50 characters.
    public var username: String
    /// The name to show; at most 100 characters.
    public var displayName: String
    /// The URL of the picture, if there is one.
    public var avatarURL: String?

    /// Makes a profile.
    public init(id: UserID, username: String, displayName: String, avatarURL: String? = nil) {
        self.id = id
        self.username = username
        self.displayName = displayName
        self.avatarURL = avatarURL
    }
}
