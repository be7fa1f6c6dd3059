import AVFoundation
import MediaPlayer
import UIKit

/// The volume keys' volume. iOS has no call that sets it; the slider of MPVolumeView does, as long
/// as it stands in a window. Whether it did is looked up, never assumed.
enum SystemVolume {
    /// Half a step of the keys, which have sixteen.
    private static let tolerance: Float = 0.032
    private static let settleSeconds = 2.0
    private static let lookSeconds = 0.05

    @MainActor private static let view = MPVolumeView(
        frame: CGRect(x: -200, y: -200, width: 100, height: 40))

    /// On the main thread, once there is a window.
    @MainActor static func install(in window: UIWindow) {
        if view.superview == nil {
            view.alpha = 0.001
            window.addSubview(view)
        }
    }

    /// Asks for `volume`, 0 to 1; from any thread.
    private static func ask(for volume: Float) {
        DispatchQueue.main.async {
            let slider = view.subviews.compactMap { $0 as? UISlider }.first
            slider?.setValue(volume, animated: false)
            slider?.sendActions(for: .valueChanged)
        }
    }

    /// Sets it without a word about what became of it; not on the main thread.
    static func giveBack(_ volume: Float) {
        _ = try? SystemVolume.set(volume, control: TrialControl { _, _ in })
    }

    static func isAt(_ volume: Float) -> Bool {
        abs(AVAudioSession.sharedInstance().outputVolume - volume) <= tolerance
    }

    /// Whether it is there in the end; not on the main thread.
    static func set(_ volume: Float, control: TrialControl) throws -> Bool {
        ask(for: volume)
        var waited = 0.0
        while !isAt(volume) {
            if waited >= settleSeconds {
                return false
            }
            try control.sleep(lookSeconds)
            waited += lookSeconds
        }
        return true
    }
}
