import SwiftUI

/// The only screen: what the probe does, in words that a person and a script can read.
struct ProbeScreen: View {
    @ObservedObject var status: ProbeStatus

    var body: some View {
        VStack(spacing: 24) {
            Text("chirpbench probe \(BuildInfo.version)")
                .font(.headline)
            Text(status.state)
                .font(.title2)
                .multilineTextAlignment(.center)
                .accessibilityIdentifier("status")
            Text(status.lastTrial)
                .multilineTextAlignment(.center)
                .accessibilityIdentifier("last_trial")
            Text(status.microphone)
                .foregroundColor(.red)
                .multilineTextAlignment(.center)
                .accessibilityIdentifier("microphone")
            Text("Leave the phone like this, with the screen free, until the run has ended.")
                .font(.footnote)
                .foregroundColor(.secondary)
                .multilineTextAlignment(.center)
        }
        .padding()
    }
}
