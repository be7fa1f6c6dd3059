/// What the host is told of this build; a test compares it with the host's own version.
enum BuildInfo {
    static let version = "0.1.0"
    static let defaultPort: UInt16 = 7878
}
