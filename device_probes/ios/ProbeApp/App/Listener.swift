import Darwin
import Foundation

/// Accepts hosts on the phone's own loopback address, which usbmux reaches; no network does.
final class Listener {
    private static let waiting: Int32 = 4

    let port: UInt16
    private let onHost: (Link) -> Void
    private let lock = NSLock()
    private var socket: Int32 = -1

    init(port: UInt16, onHost: @escaping (Link) -> Void) {
        self.port = port
        self.onHost = onHost
    }

    /// Listens, unless it does already. iOS takes the socket of an app that slept: called again
    /// whenever the app comes to the front. Gives what went wrong.
    func start() -> String? {
        lock.lock()
        defer { lock.unlock() }
        if socket >= 0 {
            return nil
        }
        let opened = Darwin.socket(AF_INET, SOCK_STREAM, 0)
        if opened < 0 {
            return "no socket: \(String(cString: strerror(errno)))"
        }
        var on: Int32 = 1
        setsockopt(opened, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        if !bindToLoopback(opened) || Darwin.listen(opened, Listener.waiting) != 0 {
            let why = String(cString: strerror(errno))
            Darwin.close(opened)
            return "port \(port) cannot be used: \(why)"
        }
        socket = opened
        let thread = Thread { [weak self] in self?.acceptAll(on: opened) }
        thread.name = "probe-accept"
        thread.start()
        return nil
    }

    private func bindToLoopback(_ opened: Int32) -> Bool {
        var address = sockaddr_in()
        address.sin_len = UInt8(MemoryLayout<sockaddr_in>.size)
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Darwin.bind(opened, $0, size) == 0
            }
        }
    }

    private func acceptAll(on listening: Int32) {
        while true {
            let accepted = Darwin.accept(listening, nil, nil)
            if accepted >= 0 {
                onHost(Link(socket: accepted))
            } else if errno != EINTR && errno != ECONNABORTED {
                break
            }
        }
        lock.lock()
        Darwin.close(listening)
        socket = -1
        lock.unlock()
    }
}
