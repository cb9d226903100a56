import HTTPTypes
import NIOHTTP1

extension GatewayConfiguration {
    /// The header fields of every answer.
    var answerFields: HTTPHeaders {
        var fields: HTTPHeaders = [
            "x-content-type-options": "nosniff", "referrer-policy": "no-referrer",
            "cross-origin-resource-policy": "same-origin",
        ]
        // RFC 6797 §7.2: not over plain text, where nobody would believe it. Subdomains of this host are not ours.
        if isSecure { fields.add(name: "strict-transport-security", value: "max-age=31536000") }
        return fields
    }
}

/// What the web client's pages may do.
enum PagePolicy {
    /// The fields of a page's answer.
    static let fields: HTTPFields = {
        var fields: HTTPFields = [.contentSecurityPolicy: content]
        for (name, value) in [
            ("Permissions-Policy", permissions), ("Cross-Origin-Opener-Policy", "same-origin"),
        ] {
            if let name = HTTPField.Name(name) { fields[name] = value }
        }
        return fields
    }()

    /// Everything from here, nothing from elsewhere. `'self'` also covers the socket of the same host and port (CSP
    /// level 3). The browser itself never sends a form: if the scripts were missing, passwords would end up in URLs.
    private static let content = [
        "default-src 'self'", "connect-src 'self'", "media-src 'self' blob:", "img-src 'self' data: blob:",
        "object-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
    ].joined(separator: "; ")

    /// What a call needs, only for the page itself; all other permissions for nobody.
    private static let permissions =
        (["camera", "microphone", "display-capture", "autoplay", "fullscreen"].map { "\($0)=(self)" }
        + [
            "accelerometer", "browsing-topics", "clipboard-read", "encrypted-media", "geolocation", "gyroscope", "hid",
            "magnetometer", "midi", "payment", "publickey-credentials-get", "serial", "usb", "xr-spatial-tracking",
        ].map { "\($0)=()" }).joined(separator: ", ")
}
