import Foundation

/// Serves one host at a time; others are told that the probe is busy.
final class ProbeServer {
    /// A host that has just gone is given this time to be cleaned up after.
    private static let turnSeconds = 3.0
    private static let maxWaiting = 4

    private let launch: Launch
    private let device: Device
    private let status: ProbeStatus
    private let turn = DispatchSemaphore(value: 1)
    private let waiting = DispatchSemaphore(value: ProbeServer.maxWaiting)
    private lazy var listener = Listener(port: launch.port) { [weak self] link in
        self?.take(link)
    }

    init(launch: Launch, device: Device, status: ProbeStatus) {
        self.launch = launch
        self.device = device
        self.status = status
    }

    /// Listens, unless it does; called whenever the app comes to the front, on the main thread.
    func start() {
        if let fault = listener.start() {
            status.failed(fault)
        } else {
            status.listening(on: launch.port)
        }
    }

    private func take(_ link: Link) {
        if waiting.wait(timeout: .now()) == .timedOut {
            link.close()
            return
        }
        let thread = Thread { [self] in
            serve(link)
            waiting.signal()
        }
        thread.name = "probe-session"
        thread.start()
    }

    private func serve(_ link: Link) {
        if turn.wait(timeout: .now() + ProbeServer.turnSeconds) == .timedOut {
            sayBusy(link)
            return
        }
        let session = HostSession(link: link, device: device, status: status, token: launch.token)
        session?.serve()
        link.close()
        status.connected(false)
        turn.signal()
    }

    private func sayBusy(_ link: Link) {
        let late = link.deadline(ProbeServer.turnSeconds)
        let prefix = UnsafeMutablePointer<UInt8>.allocate(capacity: CP_PREFIX_BYTES)
        defer { prefix.deallocate() }
        // its hello: an answer may get lost when what it sent is left unread
        try? link.read(CP_PREFIX_BYTES, into: prefix)
        let text = "the probe serves another host"
        try? FrameWriter { cp_write_refused($0, CP_BUSY, text, 0) }.write(to: link)
        late.cancel()
        link.close()
    }
}
