import Primitives

/// What names, passwords and searches may look like. Nothing here uses a database.
enum AccountRules {
    /// The longest address that is kept: an IPv6 address with a mapped IPv4 one in it.
    static let addressLimit = 45
    static let userAgentLimit = 500
    static let deviceNameLimit = 100
    static let displayNameLimit = 100
    static let queryLimit = 100
    /// In bytes; those of the usual push services have a few hundred at most.
    static let pushTokenLimit = 2048

    /// Whether a username has 3 to 50 of a-z (either case), 0-9, '.', '_' and '-', beginning with a letter or digit.
    static func isUsername(_ name: String) -> Bool {
        let bytes = name.utf8
        guard (3...50).contains(bytes.count), let first = bytes.first, isLetterOrDigit(first) else { return false }
        return bytes.allSatisfy { byte in
            isLetterOrDigit(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
        }
    }

    static func username(_ name: String) throws(AccountError) -> String {
        guard isUsername(name) else {
            throw AccountError(
                .invalid(.username),
                "A username has 3 to 50 of the characters a-z, 0-9, '.', '_' and '-', and begins with a letter or digit."
            )
        }
        return name
    }

    /// Checks a password in the form in which it is hashed.
    static func password(_ password: Redacted<String>) throws(AccountError) {
        let tooLong = AccountError(.invalid(.password), "A password has at most 72 bytes. Choose a shorter one.")
        // A longer text never gets short enough by being prepared.
        guard password.exposed.utf8.count <= 4 * PasswordHasher.longestPassword else { throw tooLong }
        let bytes = PasswordForms.prepare(password.exposed).utf8
        guard bytes.count >= 8 else {
            throw AccountError(.invalid(.password), "A password has at least 8 characters. Choose a longer one.")
        }
        // bcrypt would silently truncate anything longer.
        guard bytes.count <= PasswordHasher.longestPassword else { throw tooLong }
        guard !bytes.contains(0) else {
            throw AccountError(.invalid(.password), "A password cannot hold a NUL character. Leave it out.")
        }
    }

    /// The name to show; the username when it is empty or only spaces.
    static func displayName(_ name: String, username: String) throws(AccountError) -> VisibleName {
        guard name.utf8.count <= 4 * 4 * displayNameLimit else { throw displayNameError }
        let isEmpty = name.allSatisfy(\.isWhitespace)
        guard let visible = VisibleName(isEmpty ? username : name),
            isPlain(visible.text, limit: displayNameLimit)
        else { throw displayNameError }
        return visible
    }

    /// A device's name; may be empty.
    static func deviceName(_ name: String) throws(AccountError) -> String {
        guard isPlain(name, limit: deviceNameLimit) else {
            throw AccountError(
                .invalid(.deviceName),
                "A device's name has at most \(deviceNameLimit) characters and no control characters.")
        }
        return name.nfc
    }

    /// The name by which a push service knows a device; nil when it is empty.
    static func pushToken(_ token: Redacted<String>) throws(AccountError) -> Redacted<String>? {
        guard token.exposed.utf8.count <= pushTokenLimit, !token.exposed.unicodeScalars.contains(where: \.isControl)
        else {
            throw AccountError(
                .invalid(.pushToken), "A push token has at most \(pushTokenLimit) bytes and no control characters.")
        }
        return token.exposed.isEmpty ? nil : token
    }

    /// The search text in the form in which names are indexed; empty when there is nothing to search for.
    static func query(_ text: String) throws(AccountError) -> String {
        guard isPlain(text, limit: queryLimit) else {
            throw AccountError(
                .invalid(.query), "Search for at most \(queryLimit) characters, without control characters.")
        }
        return VisibleName.trim(text).skeleton
    }

    /// A text from the network that is only kept for display: control characters are removed, and a text that is too
    /// long is cut.
    static func kept(_ text: String, limit: Int) -> String {
        var kept = String.UnicodeScalarView()
        for scalar in text.unicodeScalars where !scalar.isControl {
            guard kept.count < limit else { break }
            kept.append(scalar)
        }
        return String(kept)
    }

    /// At most so many Unicode scalars, which is how both databases count, without control characters.
    private static func isPlain(_ text: String, limit: Int) -> Bool {
        guard text.utf8.count <= 4 * limit else { return false }
        return text.unicodeScalars.count <= limit && !text.unicodeScalars.contains(where: \.isControl)
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    private static let displayNameError = AccountError(
        .invalid(.displayName),
        "A display name has at most \(displayNameLimit) characters, at least one of them visible, and no hidden ones."
    )
}
