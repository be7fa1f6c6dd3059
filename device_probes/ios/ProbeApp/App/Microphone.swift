import AVFoundation

/// The permission to record.
enum Microphone {
    /// Throws a refusal unless it is given; asks for it when nobody has answered yet.
    static func demand() throws {
        switch AVAudioSession.sharedInstance().recordPermission {
        case .granted:
            return
        case .undetermined:
            ask { _ in }
            throw Refusal(
                code: CP_PERMISSION, text: "allow the microphone on the phone's screen")
        default:
            throw Refusal(
                code: CP_PERMISSION,
                text: "the microphone is denied: Settings, Privacy & Security, Microphone")
        }
    }

    /// Shows the system's dialog unless it was answered before.
    static func ask(_ answered: @escaping (Bool) -> Void) {
        DispatchQueue.main.async {
            AVAudioSession.sharedInstance().requestRecordPermission(answered)
        }
    }
}
