import ServiceLifecycle

/// Forgets now and then what has been kept long enough for devices that may come back.
///
/// Nothing that is too old is ever sent again; this is for the memory of devices to which nothing happens.
struct ReplayClearance: Service {
    static let interval = Duration.seconds(10)

    let registry: SessionRegistry

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                try await Task.sleep(for: Self.interval)
                registry.forgetOld()
            }
        }
    }
}
