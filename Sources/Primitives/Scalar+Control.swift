extension Unicode.Scalar {
    /// Whether it is not visible itself but changes how the text around it is displayed: control characters (C0, DEL,
    /// C1), line and paragraph separators, the marks that change the direction of the text (UAX #9 §2), with which one
    /// name can be made to look like another, and those that mark annotations.
    public var isControl: Bool {
        switch value {
        case 0...0x1F, 0x7F...0x9F, 0x61C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFFF9...0xFFFB: true
        default: false
        }
    }
}
