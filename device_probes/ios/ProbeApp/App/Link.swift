import Darwin
import Foundation

/// The host has gone, or did not take or give data in time.
struct LinkLost: Error {}

/// One connected socket. Reading belongs to one thread, writing to any.
final class Link {
    private static let sendSeconds = 60.0

    private let socket: Int32
    private let writing = NSLock()
    private let closing = NSLock()
    private var isClosed = false
    private let watchdog = DispatchQueue(label: "probe-deadlines")

    init(socket: Int32) {
        self.socket = socket
        var on: Int32 = 1
        // a host that has gone is an error of send, not a signal that ends the app
        setsockopt(socket, SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit {
        Darwin.close(socket) // only now: a number that is used again must not be read by a thread
    }

    /// Closes the link unless the item is cancelled within `seconds`.
    func deadline(_ seconds: Double) -> DispatchWorkItem {
        let item = DispatchWorkItem { [weak self] in self?.close() }
        watchdog.asyncAfter(deadline: .now() + seconds, execute: item)
        return item
    }

    /// Exactly `count` bytes.
    func read(_ count: Int, into buffer: UnsafeMutablePointer<UInt8>) throws {
        var at = 0
        while at < count {
            let got = recv(socket, buffer + at, count - at, 0)
            if got < 0 && errno == EINTR {
                continue
            }
            if got <= 0 {
                throw LinkLost()
            }
            at += got
        }
    }

    /// One frame whole: `head`, then `payload`; those of several threads do not mix.
    func write(_ head: UnsafeRawBufferPointer, _ payload: UnsafeRawBufferPointer? = nil) throws {
        let item = deadline(Link.sendSeconds)
        defer { item.cancel() }
        writing.lock()
        defer { writing.unlock() }
        try send(head)
        if let payload = payload {
            try send(payload)
        }
    }

    private func send(_ bytes: UnsafeRawBufferPointer) throws {
        guard let base = bytes.baseAddress else {
            return
        }
        var at = 0
        while at < bytes.count {
            let sent = Darwin.send(socket, base + at, bytes.count - at, 0)
            if sent < 0 && errno == EINTR {
                continue
            }
            if sent <= 0 {
                throw LinkLost()
            }
            at += sent
        }
    }

    /// Ends whatever waits on it. May be called twice and from any thread.
    func close() {
        closing.lock()
        defer { closing.unlock() }
        if !isClosed {
            isClosed = true
            shutdown(socket, SHUT_RDWR)
        }
    }
}
