package import Primitives
package import SwiftProtobuf
package import Wire

extension Identifier {
    /// Reads an id that a client sent.
    /// - Parameter field: The field's name in the schema, for the message.
    init(wire text: String, field: StaticString) throws(Fault) {
        guard let id = Self(text) else { throw .invalid("\(field) is not a UUID.") }
        self = id
    }
}

extension Google_Protobuf_Timestamp {
    /// A moment, cut to milliseconds. Values outside the years 1 to 9999 are clamped, because JSON has no form for
    /// them.
    package init(_ instant: Instant) {
        self.init()
        let milliseconds = min(max(instant.milliseconds, -62_135_596_800_000), 253_402_300_799_999)
        let rest = ((milliseconds % 1000) + 1000) % 1000
        seconds = (milliseconds - rest) / 1000
        nanos = Int32(rest * 1_000_000)
    }
}

extension WireUser {
    /// A user as others may see them.
    package init(_ profile: Profile) {
        self.init()
        id = profile.id.description
        username = profile.username
        displayName = profile.displayName
        avatarURL = profile.avatarURL ?? ""
    }
}
