/// The type of a STUN attribute (RFC 8489 §14, §18.3).
public struct STUNAttributeType: RawRepresentable, Hashable, Sendable {
    /// The 16 bits on the wire.
    public let rawValue: UInt16

    /// Makes a type from its 16 bits; every number is valid, known or not.
    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    /// Whether a receiver that does not know it must refuse a request that has it (types below 0x8000).
    public var isComprehensionRequired: Bool { rawValue < 0x8000 }

    /// MAPPED-ADDRESS (RFC 8489 §14.1).
    public static let mappedAddress = Self(rawValue: 0x0001)
    /// USERNAME (RFC 8489 §14.3).
    public static let username = Self(rawValue: 0x0006)
    /// MESSAGE-INTEGRITY, 20 bytes (RFC 8489 §14.5).
    public static let messageIntegrity = Self(rawValue: 0x0008)
    /// ERROR-CODE (RFC 8489 §14.8).
    public static let errorCode = Self(rawValue: 0x0009)
    /// UNKNOWN-ATTRIBUTES (RFC 8489 §14.13).
    public static let unknownAttributes = Self(rawValue: 0x000A)
    /// REALM (RFC 8489 §14.9).
    public static let realm = Self(rawValue: 0x0014)
    /// NONCE (RFC 8489 §14.10).
    public static let nonce = Self(rawValue: 0x0015)
    /// MESSAGE-INTEGRITY-SHA256, 16 to 32 bytes (RFC 8489 §14.6).
    public static let messageIntegritySHA256 = Self(rawValue: 0x001C)
    /// PASSWORD-ALGORITHM (RFC 8489 §14.12).
    public static let passwordAlgorithm = Self(rawValue: 0x001D)
    /// USERHASH (RFC 8489 §14.4).
    public static let userHash = Self(rawValue: 0x001E)
    /// XOR-MAPPED-ADDRESS (RFC 8489 §14.2).
    public static let xorMappedAddress = Self(rawValue: 0x0020)
    /// PRIORITY of an ICE check (RFC 8445 §16.1).
    public static let priority = Self(rawValue: 0x0024)
    /// USE-CANDIDATE of an ICE check (RFC 8445 §16.1).
    public static let useCandidate = Self(rawValue: 0x0025)
    /// SOFTWARE (RFC 8489 §14.14).
    public static let software = Self(rawValue: 0x8022)
    /// FINGERPRINT, 4 bytes, always last (RFC 8489 §14.7).
    public static let fingerprint = Self(rawValue: 0x8028)
    /// ICE-CONTROLLED, 8 bytes (RFC 8445 §16.1).
    public static let iceControlled = Self(rawValue: 0x8029)
    /// ICE-CONTROLLING, 8 bytes (RFC 8445 §16.1).
    public static let iceControlling = Self(rawValue: 0x802A)
}
