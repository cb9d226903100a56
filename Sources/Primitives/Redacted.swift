/// A value that must not reach a log: a token, a password, a message body.
///
/// It always prints as `‹redacted›`; code that means to use the value asks for `exposed`.
public struct Redacted<Value> {
    /// The value itself. A review should check every use of this name.
    public let exposed: Value

    /// Wraps a value.
    public init(_ value: Value) {
        exposed = value
    }
}

extension Redacted: Sendable where Value: Sendable {}
extension Redacted: Equatable where Value: Equatable {}
extension Redacted: Hashable where Value: Hashable {}

extension Redacted: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Never the value.
    public var description: String { "‹redacted›" }
    /// Never the value.
    public var debugDescription: String { description }
    /// Has no children, so that `dump` and reflection find nothing.
    public var customMirror: Mirror { Mirror(reflecting: description) }
}
