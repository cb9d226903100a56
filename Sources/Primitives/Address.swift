/// Where an event goes. Who turns an address into sockets does not concern whoever sends.
public enum Address: Hashable, Sendable {
    /// Every connected device of a user.
    case user(UserID)
    /// Every connected device of a user but one.
    case others(UserID, than: DeviceID)
    /// One device of a user, if it is connected.
    case device(UserID, DeviceID)

    /// Whose devices they are.
    public var user: UserID {
        switch self {
        case .user(let user), .others(let user, than: _), .device(let user, _): user
        }
    }
}
