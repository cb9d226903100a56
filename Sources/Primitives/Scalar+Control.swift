extension Unicode.Scalar {
    /// Whether it is no sign of its own but changes how the text around it reads: control characters (C0, DEL, C1), line
    /// and paragraph separators, and the marks that turn the direction of the text, with which one name can be made to
    /// look like another.
    public var isControl: Bool {
        switch value {
        case 0...0x1F, 0x7F...0x9F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
