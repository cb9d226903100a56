import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// The web client: every file of a folder, read once.
///
/// A request's path is looked up and never used to build a file system path, so it cannot leave the folder.
struct StaticFiles: Sendable {
    /// More than this is a mistake in the configuration, not a web client.
    static let sizeLimit = 64 << 20

    private let files: [String: StaticFile]

    /// No files at all.
    init() { files = [:] }

    /// Reads a folder. Hidden files and symbolic links are left out. `/` is the folder's `index.html`, or that of
    /// `page` in it.
    /// - Throws: `StaticFilesError` when it cannot be read or is too large.
    init(folder: String) throws(StaticFilesError) {
        let root = URL(filePath: folder, directoryHint: .isDirectory).standardizedFileURL.resolvingSymlinksInPath()
        let keys: [URLResourceKey] = [.isRegularFileKey, .isSymbolicLinkKey]
        guard (try? root.checkResourceIsReachable()) == true,
            let walk = FileManager.default.enumerator(
                at: root, includingPropertiesForKeys: keys, options: [.skipsHiddenFiles])
        else { throw StaticFilesError(message: "the web client's folder cannot be read: \(folder)") }
        var files: [String: StaticFile] = [:]
        var size = 0
        for case let url as URL in walk {
            guard let values = try? url.resourceValues(forKeys: Set(keys)), values.isRegularFile == true,
                values.isSymbolicLink != true
            else { continue }
            guard let data = try? Data(contentsOf: url) else {
                throw StaticFilesError(message: "a file of the web client cannot be read: \(url.path())")
            }
            size += data.count
            guard size <= Self.sizeLimit else {
                throw StaticFilesError(message: "the web client's folder has more than \(Self.sizeLimit) bytes")
            }
            let components = url.standardizedFileURL.pathComponents.dropFirst(root.pathComponents.count)
            let path = "/" + components.joined(separator: "/")
            files[path] = StaticFile(name: url.lastPathComponent, bytes: [UInt8](data))
            if url.lastPathComponent == "index.html" { files[String(path.dropLast("index.html".count))] = files[path] }
        }
        files["/"] = files["/"] ?? files["/page/"]
        self.files = files
    }

    /// The file at the path of a request, as written in the request: percent-encoded where necessary. An encoded slash
    /// is part of a name, and no name has one.
    subscript(path: String) -> StaticFile? {
        guard path.utf8.contains(UInt8(ascii: "%")) else { return files[path] }
        return path.contains("%2F") ? nil : path.removingPercentEncoding.flatMap { files[$0] }
    }

    /// How many paths there are.
    var count: Int { files.count }
}

/// Why there is no web client.
struct StaticFilesError: Error, Sendable, CustomStringConvertible {
    /// For the operator.
    var message: String

    var description: String { message }
}

/// A file of the web client with its header fields.
struct StaticFile: Sendable {
    private let body: ByteBuffer
    private let headers: HTTPFields
    private let tag: String

    init(name: String, bytes: [UInt8]) {
        body = ByteBuffer(bytes: bytes)
        // FNV-1a: it tells versions of a file apart and is not for security.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        tag = "\"\(String(hash, radix: 16))-\(bytes.count)\""
        var headers = PagePolicy.fields
        headers[.contentType] = Self.mimeType(of: name)
        headers[.eTag] = tag
        // Always revalidated, and answered with 304 as long as it is the same: a new version is seen at once.
        headers[.cacheControl] = "no-cache"
        self.headers = headers
    }

    /// Answers a GET or HEAD.
    func response(to request: Request) -> Response {
        let known = request.headers[.ifNoneMatch] ?? ""
        let tags = known.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        if tags.contains("*") || tags.contains(tag) || tags.contains("W/" + tag) {
            return Response(status: .notModified, headers: headers)
        }
        let response = Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: body))
        return request.method == .head ? response.createHeadResponse() : response
    }

    private static func mimeType(of name: String) -> String {
        switch name.split(separator: ".").last?.lowercased() {
        case "html": "text/html; charset=utf-8"
        case "js", "mjs": "text/javascript; charset=utf-8"
        case "css": "text/css; charset=utf-8"
        case "json", "map": "application/json"
        case "svg": "image/svg+xml"
        case "png": "image/png"
        case "jpg", "jpeg": "image/jpeg"
        case "webp": "image/webp"
        case "ico": "image/x-icon"
        case "woff2": "font/woff2"
        case "mp3": "audio/mpeg"
        case "ogg", "oga": "audio/ogg"
        case "wav": "audio/wav"
        case "webm": "video/webm"
        case "wasm": "application/wasm"
        case "webmanifest": "application/manifest+json"
        case "txt": "text/plain; charset=utf-8"
        default: "application/octet-stream"
        }
    }
}
