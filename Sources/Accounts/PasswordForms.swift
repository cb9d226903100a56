import Primitives

/// The forms of a password that bcrypt can take.
struct PasswordForms: Sendable {
    /// The form that new hashes use: RFC 8265's OpaqueString, with every kind of space as U+0020 and in Normalization
    /// Form C, so that the password is the same from every keyboard.
    let prepared: Redacted<String>?
    /// As typed, where that differs: the form that older versions hashed.
    let typed: Redacted<String>?

    init(_ password: Redacted<String>) {
        // A longer text never gets short enough: at most three bytes become one.
        guard password.exposed.utf8.count <= 4 * PasswordHasher.longestPassword else {
            (prepared, typed) = (nil, nil)
            return
        }
        let text = Self.prepare(password.exposed)
        prepared = Self.isUsable(text) ? Redacted(text) : nil
        // Texts that are canonically equivalent are equal to Swift, but not to bcrypt.
        let differs = !text.utf8.elementsEqual(password.exposed.utf8)
        typed = differs && Self.isUsable(password.exposed) ? password : nil
    }

    /// The forms to try, today's first.
    var all: [Redacted<String>] { [prepared, typed].compactMap { $0 } }

    /// A password as it is hashed, of any length.
    static func prepare(_ password: String) -> String {
        var text = String.UnicodeScalarView()
        for scalar in password.unicodeScalars {
            text.append(scalar.properties.generalCategory == .spaceSeparator ? " " : scalar)
        }
        return String(text).nfc
    }

    private static func isUsable(_ text: String) -> Bool {
        text.utf8.count <= PasswordHasher.longestPassword && !text.utf8.contains(0)
    }
}
