import Foundation

/// The query of a URL in form encoding (application/x-www-form-urlencoded), as `URLSearchParams` writes it: a plus is a
/// space.
struct FormQuery {
    private let text: String

    /// Takes a query without its question mark.
    init(_ text: String) { self.text = text }

    /// The first value of a parameter; nil when it is missing.
    subscript(name: String) -> String? {
        for pair in text.split(separator: "&") {
            let equals = pair.firstIndex(of: "=") ?? pair.endIndex
            if Self.decoded(pair[..<equals]) == name { return Self.decoded(pair[equals...].dropFirst()) }
        }
        return nil
    }

    /// Text that is not a percent-encoding of UTF-8 stays as it is.
    private static func decoded(_ text: Substring) -> String {
        let spaced = text.replacing("+", with: " ")
        return spaced.removingPercentEncoding ?? String(spaced)
    }
}
