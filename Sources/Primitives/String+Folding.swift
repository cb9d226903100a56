import Foundation

extension String {
    /// The text in Normalization Form C (UAX #15), in which the same letters are the same bytes, whatever keyboard
    /// typed them.
    ///
    /// Limit the text's length first: a run of combining marks costs the square of its length.
    public var nfc: String {
        // Characters below U+0300 stay as they are, and so do texts of them; their bytes are below the first one of
        // U+0300.
        utf8.allSatisfy { $0 < 0xCC } ? self : precomposedStringWithCanonicalMapping
    }

    /// The text in lower case and Normalization Form C, for comparison, not for display. Limit its length first, as for
    /// `nfc`.
    public var folded: String { nfc.lowercased().nfc }

    /// The folded text without invisible characters: two texts with the same skeleton look the same, or nearly so.
    /// Limit its length first, as for `nfc`.
    public var skeleton: String {
        var kept = UnicodeScalarView()
        for scalar in folded.unicodeScalars
        where !scalar.properties.isDefaultIgnorableCodePoint && !scalar.isControl {
            kept.append(scalar)
        }
        return String(kept).nfc
    }
}
