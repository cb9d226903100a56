/// Where an event goes. The sender does not need to know how an address is turned into sockets.
public enum Address: Hashable, Sendable {
    /// Every connected device of a user.
    case user(UserID)
    /// Every connected device of a user except one.
    case others(UserID, than: DeviceID)
    /// One device of a user, if it is connected.
    case device(UserID, DeviceID)

    /// The user of the devices.
    public var user: UserID {
        switch self {
        case .user(let user), .others(let user, than: _), .device(let user, _): user
        }
    }

    /// Whether the address includes a device of its user.
    public func reaches(_ device: DeviceID) -> Bool {
        switch self {
        case .user: true
        case .others(_, than: let left): device != left
        case .device(_, let only): device == only
        }
    }
}
