/// The volume view, whose slider is the only way to the volume of the phone.
import AVFoundation
@_exported import UIKit

@preconcurrency @MainActor public final class MPVolumeView: UIView {
    public override init(frame: CGRect) {
        super.init(frame: frame)
        let slider = UISlider(frame: frame)
        slider.onAction = { [weak self] in
            // one that stands in no window is not heard
            if self?.superview is UIWindow, let now = ($0 as? UISlider)?.value {
                AVAudioSession.sharedInstance().slide(to: now)
            }
        }
        addSubview(slider)
    }
}
