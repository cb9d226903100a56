import Primitives
import Testing

@Suite struct VisibleNameTests {
    /// Each scalar of these is compared as it is: Swift treats texts in different normal forms as equal.
    private func scalars(_ text: String?) -> [UInt32]? { text.map { $0.unicodeScalars.map(\.value) } }

    @Test(arguments: [
        ("  Ada Lovelace \n", "Ada Lovelace"), ("e\u{301}", "é"), ("\u{1112}\u{1161}\u{11AB}", "한"), ("Ωμέγα", "Ωμέγα"),
        // Emoji: families, hearts, keycaps, skin, flags.
        ("👩‍👩‍👧", "👩‍👩‍👧"), ("❤️‍🔥 Ada", "❤️‍🔥 Ada"), ("1️⃣", "1️⃣"), ("🧑🏽‍🚀", "🧑🏽‍🚀"), ("🏳️‍🌈", "🏳️‍🌈"),
        (
            "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
            "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}"
        ),
        // Persian, Devanagari, Malayalam, Sinhala, Mongolian; a Japanese name with a variant.
        ("علی\u{200C}رضا", "علی\u{200C}رضا"), ("क्\u{200D}ष", "क्\u{200D}ष"), ("क्\u{200C}ष", "क्\u{200C}ष"),
        ("അവന്\u{200D}", "അവന്\u{200D}"), ("ශ්\u{200D}රී", "ශ්\u{200D}රී"), ("ᠠ\u{180B}ᠮ", "ᠠ\u{180B}ᠮ"),
        ("葛\u{E0100}城", "葛\u{E0100}城"), ("!", "!"), ("7", "7"),
    ])
    func names(text: String, kept: String) {
        #expect(scalars(VisibleName(text)?.text) == scalars(kept))
    }

    @Test(arguments: [
        "", " ", "\u{3000}", "\u{200B}", "\u{AD}", "\u{2060}", "\u{3164}", "\u{115F}\u{1160}", "\u{FFA0}", "\u{FE0F}",
        "\u{200D}", "\u{200C}\u{200D}", "\u{E0067}\u{E007F}", "\u{FEFF}", "\u{34F}", "\u{180E}", "\u{2800}", "\u{301}",
        "\u{17B4}", "\u{1D173}", "\u{E0001}", "\u{2062}",
        // Invisible characters among visible ones.
        "A\u{200B}da", "A\u{AD}da", "A\u{2060}da", "Ada\u{3164}", "A\u{200D}da", "A\u{200C}da", "Ada\u{200D}",
        "\u{200D}Ada",
        "Ada\u{FE0F}", "1\u{FE0F}", "Ada\u{E0100}", "Ada\u{E0061}", "🏴\u{E0067}", "🏴\u{E007F}", "👩\u{200D}",
        "\u{200D}👩",
        "👩\u{200D}Ada", "Ada\u{FEFF}", "A\u{34F}da", "علی\u{200C}", "\u{200C}علی", "علی\u{200D}رضا", "علی\u{200C}Ada",
        "葛\u{E0100}\u{E0101}",
        // Characters that change the direction, and other controls.
        "A\u{61C}da", "A\u{200E}da", "A\u{200F}da", "A\u{202A}da", "A\u{202B}da", "A\u{202C}da", "A\u{202D}da",
        "A\u{202E}da", "A\u{2066}da", "A\u{2067}da", "A\u{2068}da", "A\u{2069}da", "A\u{2028}da", "A\nda", "A\u{0}da",
        "A\u{85}da", "A\u{206A}da", "A\u{FFF9}da",
    ])
    func noNames(text: String) {
        #expect(VisibleName(text) == nil, "\(text.unicodeScalars.map { String($0.value, radix: 16) })")
    }

    @Test(arguments: [
        ("ADA", "ada", "ada"), ("E\u{301}lodie", "élodie", "élodie"), ("❤️", "❤️", "❤"),
        ("علی\u{200C}رضا", "علی\u{200C}رضا", "علیرضا"), ("a\u{200B}\u{301}", "a\u{200B}\u{301}", "á"),
        ("\u{200B}", "\u{200B}", ""),
        ("İ", "i̇", "i̇"), ("Å", "å", "å"),
    ])
    func formsToCompare(text: String, folded: String, skeleton: String) {
        #expect(scalars(text.folded) == scalars(folded))
        #expect(scalars(text.skeleton) == scalars(skeleton))
    }

    @Test(arguments: ["", "abc", "ÿ", "\u{2FF}", "é", "日本", "🐎"]) func whatIsInNormalFormStays(text: String) {
        #expect(scalars(text.nfc) == scalars(text))
    }

    @Test(arguments: [
        ("e\u{301}", "é"), ("\u{212B}", "Å"), ("q\u{307}\u{323}", "q\u{323}\u{307}"), ("\u{1100}\u{1161}", "가"),
        ("\u{958}", "\u{915}\u{93C}"), ("a\u{0}e\u{301}", "a\u{0}é"),
    ])
    func normalForm(text: String, form: String) {
        #expect(scalars(text.nfc) == scalars(form))
    }
}
