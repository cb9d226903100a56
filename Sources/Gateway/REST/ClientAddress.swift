/// The address of the client whose connection is served by this task.
///
/// The request's own channel forgets its address when it is closed, but a request may be answered after that and still
/// has to be counted by its address.
enum ClientAddress {
    /// As text; empty outside a connection.
    @TaskLocal static var current = ""
}
