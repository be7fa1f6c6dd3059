import Foundation

/// What the app was started with: `-token HEX -port N`.
struct Launch {
    let token: String
    let port: UInt16

    init(arguments: [String] = ProcessInfo.processInfo.arguments) {
        token = Launch.value(of: "-token", in: arguments) ?? ""
        let asked = Launch.value(of: "-port", in: arguments).flatMap { UInt16($0) }
        port = asked ?? BuildInfo.defaultPort
    }

    private static func value(of name: String, in arguments: [String]) -> String? {
        guard let place = arguments.firstIndex(of: name), place + 1 < arguments.count else {
            return nil
        }
        return arguments[place + 1]
    }
}
