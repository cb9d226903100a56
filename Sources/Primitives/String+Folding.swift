import Foundation

extension String {
    /// The text in Normalization Form C (UAX #15), in which the same letters are the same bytes, whatever keyboard wrote
    /// them.
    ///
    /// Bound the text before: a run of combining marks costs the square of its length.
    public var nfc: String {
        // What is below U+0300 stays as it is, and so do texts of it; their bytes are below the first one of U+0300.
        utf8.allSatisfy { $0 < 0xCC } ? self : precomposedStringWithCanonicalMapping
    }

    /// The text in lower case and Normalization Form C, to be compared and not to be shown. Bound it before, as for `nfc`.
    public var folded: String { nfc.lowercased().nfc }

    /// The folded text without what cannot be seen in it: two texts with the same skeleton look the same, or nearly so.
    /// Bound it before, as for `nfc`.
    public var skeleton: String {
        var kept = UnicodeScalarView()
        for scalar in folded.unicodeScalars
        where !scalar.properties.isDefaultIgnorableCodePoint && !scalar.isControl {
            kept.append(scalar)
        }
        return String(kept).nfc
    }
}
