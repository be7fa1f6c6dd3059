import Darwin
import Foundation

/// Accepts hosts on the phone's own loopback address, which usbmux reaches; no network does.
final class Listener {
    private static let waiting: Int32 = 4
    private static let pauseSeconds = 0.2
    private static let lookMs: Int32 = 100
    private static let stopSeconds = 1.0

    let port: UInt16
    private let onHost: (Link) -> Void
    private let onEnd: () -> Void
    private let lock = NSCondition()
    private var socket: Int32 = -1
    private var isWanted = false

    /// `onEnd`: the socket is of no use any more and was closed; from a thread of its own.
    init(port: UInt16, onHost: @escaping (Link) -> Void, onEnd: @escaping () -> Void) {
        self.port = port
        self.onHost = onHost
        self.onEnd = onEnd
    }

    /// Listens, unless it does already. iOS takes the socket of an app that slept: called again
    /// whenever it has, and whenever the app comes to the front. Gives what went wrong.
    func start() -> String? {
        lock.lock()
        defer { lock.unlock() }
        isWanted = true
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

    /// Hangs up on whoever waits; listens no more when this returns, until `start`.
    func stop() {
        let end = Date(timeIntervalSinceNow: Listener.stopSeconds)
        lock.lock()
        isWanted = false
        while socket >= 0 && lock.wait(until: end) {
            continue
        }
        lock.unlock()
    }

    var isOpen: Bool {
        lock.lock()
        defer { lock.unlock() }
        return socket >= 0
    }

    /// Closes it in one go with the question, so that a start meets it either open or gone.
    private func closed(_ listening: Int32, whenUnwanted: Bool) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        if whenUnwanted && isWanted {
            return false
        }
        Darwin.close(listening)
        socket = -1
        lock.broadcast()
        return true
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

    /// A socket that iOS took says ECONNABORTED for ever, so nothing but EINTR is passed over.
    private func acceptAll(on listening: Int32) {
        while true {
            if closed(listening, whenUnwanted: true) {
                return
            }
            var one = pollfd(fd: listening, events: Int16(POLLIN), revents: 0)
            if poll(&one, 1, Listener.lookMs) == 0 {
                continue
            }
            let accepted = Darwin.accept(listening, nil, nil)
            if accepted >= 0 {
                onHost(Link(socket: accepted))
            } else if errno != EINTR {
                break
            }
        }
        _ = closed(listening, whenUnwanted: false)
        Thread.sleep(forTimeInterval: Listener.pauseSeconds) // whatever it is, it may stay so
        onEnd()
    }
}
