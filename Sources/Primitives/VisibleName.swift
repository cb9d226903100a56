/// A name that people see, of a person or a group: in Normalization Form C, without space around it, with something
/// visible and nothing hidden in it.
///
/// Invisible characters are only allowed where they join others: in emoji, after a virama, between the letters of a
/// cursive script (RFC 5892 appendix A, somewhat wider), and as variants of ideographs.
public struct VisibleName: Sendable, Hashable {
    /// The name.
    public let text: String

    /// Checks a name; nil when it has nothing visible, or something hidden. Limit the text's length first.
    public init?(_ text: String) {
        let text = Self.trim(text).nfc
        let scalars = Array(text.unicodeScalars)
        guard scalars.contains(where: \.isSeen) else { return nil }
        for (index, scalar) in scalars.enumerated() {
            guard !scalar.isControl,
                !scalar.properties.isDefaultIgnorableCodePoint || Self.joins(scalars, at: index)
            else { return nil }
        }
        self.text = text
    }

    /// A text without the space around it.
    public static func trim(_ text: String) -> String {
        let tail = text.drop { $0.isWhitespace }
        guard let last = tail.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(tail[...last])
    }
}

extension VisibleName {
    /// Whether an invisible character affects its neighbours at its position.
    private static func joins(_ scalars: [Unicode.Scalar], at index: Int) -> Bool {
        let before = index > 0 ? scalars[index - 1] : nil
        let after = index + 1 < scalars.count ? scalars[index + 1] : nil
        switch scalars[index].value {
        case 0x200C:
            return before?.isVirama == true || standsInCursive(scalars, at: index)
        case 0x200D:
            return before?.isVirama == true || standsBetweenPictures(scalars, at: index)
        case 0xFE0E, 0xFE0F:
            // A digit or sign is only a picture as a keycap.
            return before?.isPicture == true || before?.properties.isEmoji == true && after?.value == 0x20E3
        case 0xFE00...0xFE0D, 0xE0100...0xE01EF:
            return before?.properties.isIdeographic == true
        case 0x180B...0x180F:
            return before?.isMongolian == true
        case 0xE0020...0xE007E:
            // Regional flags: a black flag, the region's name in tags, the end of tags.
            return (before?.value == 0x1F3F4 || before?.isTag == true)
                && (after?.isTag == true || after?.isEndOfTags == true)
        case 0xE007F:
            return before?.isTag == true
        default:
            return false
        }
    }

    /// Whether there are letters of a cursive script on both sides; marks on them don't count.
    private static func standsInCursive(_ scalars: [Unicode.Scalar], at index: Int) -> Bool {
        func isMark(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.generalCategory == .nonspacingMark }
        let before = scalars[..<index].last { !isMark($0) }
        let after = scalars[(index + 1)...].first { !isMark($0) }
        return before?.isCursive == true && after?.isCursive == true
    }

    private static func standsBetweenPictures(_ scalars: [Unicode.Scalar], at index: Int) -> Bool {
        let before = scalars[..<index].last { $0.value != 0xFE0F && !$0.isEndOfTags && !$0.isTag }
        return before?.isPicture == true && index + 1 < scalars.count && scalars[index + 1].isPicture
    }
}

extension Unicode.Scalar {
    /// Whether it is visible by itself; the empty braille cell is not, whatever its category.
    fileprivate var isSeen: Bool {
        guard !properties.isDefaultIgnorableCodePoint, value != 0x2800 else { return false }
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
            .letterNumber, .otherNumber, .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
            .initialPunctuation, .finalPunctuation, .otherPunctuation, .mathSymbol, .currencySymbol, .modifierSymbol,
            .otherSymbol:
            return true
        default:
            return false
        }
    }

    fileprivate var isPicture: Bool { value > 0x7F && properties.isEmoji }
    fileprivate var isVirama: Bool { properties.canonicalCombiningClass == .virama }
    fileprivate var isMongolian: Bool { (0x1820...0x18AA).contains(value) }
    fileprivate var isTag: Bool { (0xE0020...0xE007E).contains(value) }
    fileprivate var isEndOfTags: Bool { value == 0xE007F }

    /// Whether it is a letter whose form depends on its neighbours: Arabic, Syriac, N'Ko, Mandaic, Mongolian, Adlam.
    fileprivate var isCursive: Bool {
        switch value {
        case 0x620...0x64A, 0x66E...0x6D3, 0x6D5, 0x6EE...0x6EF, 0x6FA...0x6FC, 0x6FF, 0x710...0x72F, 0x74D...0x77F,
            0x7CA...0x7EA, 0x840...0x858, 0x860...0x887, 0x889...0x88E, 0x8A0...0x8C9, 0x1820...0x1878,
            0x1E900...0x1E943:
            true
        default: false
        }
    }
}
