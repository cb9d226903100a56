/// A UUID with a type for what it names, so that a user's id cannot be used as a call's.
///
/// The server makes version 7 ids (RFC 9562 §5.7): they sort by creation time, which keeps indexes dense. Where not
/// everybody who sees the id may know that time, it makes version 4 ids (§5.4).
/// Written and read as lower-case text; upper case is read, too.
public struct Identifier<Kind>: Hashable, Sendable {
    /// The first eight bytes, big endian.
    public let high: UInt64
    /// The last eight bytes, big endian.
    public let low: UInt64

    /// Makes an id from its two halves.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Makes a version 7 id from a time and 74 random bits.
    /// - Parameters:
    ///   - instant: When the named thing was created; its milliseconds go into the id.
    ///   - randomHigh: Of these the lowest 12 bits are used.
    ///   - randomLow: Of these the lowest 62 bits are used.
    public init(at instant: Instant, randomHigh: UInt64, randomLow: UInt64) {
        let milliseconds = UInt64(max(0, instant.milliseconds)) & 0xFFFF_FFFF_FFFF
        high = milliseconds << 16 | 0x7000 | randomHigh & 0x0FFF
        low = 0x8000_0000_0000_0000 | randomLow & 0x3FFF_FFFF_FFFF_FFFF
    }

    /// Makes a version 7 id from the given time and the system's randomness. Not for cores, which are given their ids.
    public static func random(at instant: Instant) -> Self {
        Self(at: instant, randomHigh: .random(in: 0...UInt64.max), randomLow: .random(in: 0...UInt64.max))
    }

    /// Makes a version 4 id from the system's randomness, which does not reveal when. Not for cores.
    public static func random() -> Self {
        let (high, low) = (UInt64.random(in: 0...UInt64.max), UInt64.random(in: 0...UInt64.max))
        return Self(
            high: high & 0xFFFF_FFFF_FFFF_0FFF | 0x4000, low: 0x8000_0000_0000_0000 | low & 0x3FFF_FFFF_FFFF_FFFF)
    }
}

extension Identifier: Comparable {
    /// Orders by bytes, which for version 7 ids is the order of time.
    public static func < (left: Self, right: Self) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

extension Identifier: CustomStringConvertible, LosslessStringConvertible {
    /// Reads the 8-4-4-4-12 form of RFC 9562 §4; nil when it is anything else.
    public init?(_ text: String) {
        // Every command names two or three ids, so this reads bytes in place.
        let bytes = text.utf8Span.span
        guard bytes.count == 36 else { return nil }
        var halves: (UInt64, UInt64) = (0, 0)
        var digits = 0
        for position in 0..<36 {
            let byte = bytes[position]
            if position == 8 || position == 13 || position == 18 || position == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
            } else {
                guard let nibble = Self.nibble(byte) else { return nil }
                if digits < 16 { halves.0 = halves.0 << 4 | nibble } else { halves.1 = halves.1 << 4 | nibble }
                digits += 1
            }
        }
        self.init(high: halves.0, low: halves.1)
    }

    /// The 8-4-4-4-12 form of RFC 9562 §4 in lower case.
    public var description: String {
        unsafe String(unsafeUninitializedCapacity: 36) { buffer in
            var next = 0
            for digit in 0..<32 {
                if digit == 8 || digit == 12 || digit == 16 || digit == 20 {
                    unsafe buffer[next] = UInt8(ascii: "-")
                    next += 1
                }
                let half = digit < 16 ? high : low
                let nibble = UInt8(truncatingIfNeeded: half >> UInt64((15 - digit % 16) * 4)) & 0xF
                unsafe buffer[next] = nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") - 10 + nibble
                next += 1
            }
            return next
        }
    }

    private static func nibble(_ byte: UInt8) -> UInt64? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }
}

/// The kinds of things that have ids.
public enum Named {
    /// A person with an account.
    public enum User {}
    /// One installation of a client; made by the client.
    public enum Device {}
    /// A device's standing permission to act for a user.
    public enum Session {}
    /// A conversation between two or more users.
    public enum Conversation {}
    /// A message in a conversation.
    public enum Message {}
    /// A call.
    public enum Call {}
    /// A server among those that share a database.
    public enum Node {}
    /// A client's own name for a request, which makes the request repeatable.
    public enum Request {}
}

/// Names a person with an account.
public typealias UserID = Identifier<Named.User>
/// Names one installation of a client; made by the client.
public typealias DeviceID = Identifier<Named.Device>
/// Names a device's standing permission to act for a user.
public typealias SessionID = Identifier<Named.Session>
/// Names a conversation.
public typealias ConversationID = Identifier<Named.Conversation>
/// Names a message.
public typealias MessageID = Identifier<Named.Message>
/// Names a call.
public typealias CallID = Identifier<Named.Call>
/// Names a server among those that share a database; the same after a restart.
public typealias NodeID = Identifier<Named.Node>
/// A client's own name for a request (a command, an invite, a message); a repeat changes nothing.
public typealias RequestID = Identifier<Named.Request>
