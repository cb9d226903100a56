/// How long the fields of a command may be, in bytes.
public struct FieldLimits: Sendable, Equatable {
    /// The longest SDP.
    public var descriptionBytes = 64 * 1024
    /// The longest ICE candidate.
    public var candidateBytes = 2 * 1024
    /// The longest message body.
    public var messageBytes = 16 * 1024

    /// The default limits.
    public init() {}
}
