import Foundation

/// The web client that comes with the server: a library for browsers, and the page built on it.
public enum WebClient {
    /// The folder with `library` and `page`, which a gateway serves.
    public static var folder: String? { Bundle.module.resourceURL?.path }
}
