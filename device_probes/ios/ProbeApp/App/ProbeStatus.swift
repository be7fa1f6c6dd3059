import Combine
import Foundation

/// What the screen says; told from any thread, shown on the main one.
final class ProbeStatus: ObservableObject {
    @Published private(set) var state = "Starting"
    @Published private(set) var lastTrial = ""
    @Published private(set) var microphone = ""

    private func show(_ change: @escaping (ProbeStatus) -> Void) {
        DispatchQueue.main.async { change(self) }
    }

    func listening(on port: UInt16) {
        show { $0.state = "Waiting for chirpbench (port \(port))" }
    }

    func failed(_ fault: String) {
        show { $0.state = "Cannot listen: \(fault)" }
    }

    func connected(_ now: Bool) {
        show { $0.state = now ? "Connected to chirpbench over USB" : "Waiting for chirpbench" }
    }

    func running(_ now: Bool) {
        show { $0.state = now ? "Playing and recording" : "Connected to chirpbench over USB" }
    }

    func ended(_ text: String) {
        show { $0.lastTrial = text }
    }

    func microphoneAnswered(_ isAllowed: Bool) {
        let denied = "The microphone is not allowed: Settings, Privacy & Security, Microphone"
        show { $0.microphone = isAllowed ? "" : denied }
    }

    func refuseSimulator() {
        show {
            $0.state =
                "The Simulator has no voice-processing unit and no microphone of a phone:"
                + " run this app on an iPhone"
        }
    }
}
