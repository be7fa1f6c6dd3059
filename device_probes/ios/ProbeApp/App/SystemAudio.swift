import AVFoundation

/// What the system uses by itself, before anything was preferred. Only an active session says so
/// truly (Apple's QA1631), and one can be active only while the app is in front.
struct SystemAudio {
    let rateHz: Double
    let bufferS: Double

    private static let lock = NSLock()
    private static var known: SystemAudio?

    /// From any thread but the main one; asks the session the first time.
    static func now() -> SystemAudio {
        lock.lock()
        defer { lock.unlock() }
        if let known = known {
            return known
        }
        let session = AVAudioSession.sharedInstance()
        var isTrue = false
        do {
            try session.setCategory(.playAndRecord, mode: .default, options: [.defaultToSpeaker])
            try session.setActive(true)
            isTrue = session.sampleRate > 0 && session.ioBufferDuration > 0
        } catch {
            // it is asked again the next time
        }
        let found = SystemAudio(
            rateHz: session.sampleRate > 0 ? session.sampleRate : 48_000,
            bufferS: session.ioBufferDuration > 0 ? session.ioBufferDuration : 0.02)
        if isTrue {
            known = found
            try? session.setActive(false, options: .notifyOthersOnDeactivation)
        }
        return found
    }
}
