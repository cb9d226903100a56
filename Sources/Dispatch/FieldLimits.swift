/// How long the fields of a command may be, in bytes.
public struct FieldLimits: Sendable, Equatable {
    /// The longest SDP.
    public var descriptionBytes = 64 * 1024
    /// The longest ICE candidate.
    public var candidateBytes = 2 * 1024
    /// The longest message body.
    public var messageBytes = 16 * 1024

    /// The limits that a server has when it is told no others.
    public init() {}
}
