import AVFoundation

/// The contract's words for routes and what AVAudioSession calls them.
enum Routes {
    private static let settleSeconds = 2.0
    private static let lookSeconds = 0.05

    /// The word of a port; nil for one that the contract has no word for.
    static func word(of port: AVAudioSession.Port) -> String? {
        switch port {
        case .builtInSpeaker: return word(CP_ROUTE_SPEAKER)
        case .builtInReceiver: return word(CP_ROUTE_EARPIECE)
        case .headphones, .headsetMic, .lineOut, .lineIn: return word(CP_ROUTE_WIRED)
        case .usbAudio: return word(CP_ROUTE_USB)
        case .bluetoothHFP: return word(CP_ROUTE_BLUETOOTH_SCO)
        case .bluetoothA2DP: return word(CP_ROUTE_BLUETOOTH_A2DP)
        case .bluetoothLE: return word(CP_ROUTE_BLUETOOTH_LE)
        default: return nil
        }
    }

    private static func word(_ route: Int) -> String {
        String(cString: cp_route_word(Int32(route)))
    }

    /// What the category allows for this route.
    static func options(for route: Int32) -> AVAudioSession.CategoryOptions {
        switch Int(route) {
        case CP_ROUTE_SPEAKER: return [.defaultToSpeaker]
        case CP_ROUTE_BLUETOOTH_SCO, CP_ROUTE_BLUETOOTH_LE: return [.allowBluetooth]
        case CP_ROUTE_BLUETOOTH_A2DP: return [.allowBluetoothA2DP]
        default: return []
        }
    }

    private static func inputPort(of route: Int32) -> AVAudioSession.Port? {
        switch Int(route) {
        case CP_ROUTE_WIRED: return .headsetMic
        case CP_ROUTE_USB: return .usbAudio
        case CP_ROUTE_BLUETOOTH_SCO: return .bluetoothHFP
        case CP_ROUTE_BLUETOOTH_LE: return .bluetoothLE
        case CP_ROUTE_SPEAKER, CP_ROUTE_EARPIECE, CP_ROUTE_BLUETOOTH_A2DP: return .builtInMic
        default: return nil
        }
    }

    /// Takes the active session to `route` while a trial runs: as `take`, and what the category
    /// allowed for the route before is no longer so. A default to the speaker would keep the sound
    /// from the earpiece; a headset that was not allowed is not there.
    static func change(to route: Int32, control: TrialControl) throws -> String {
        let session = AVAudioSession.sharedInstance()
        try session.setCategory(session.category, mode: session.mode, options: options(for: route))
        return try take(route, control: control)
    }

    /// Takes the active session to `route` and waits until it is there; gives its word, or what the
    /// system chose when it was left to it.
    static func take(_ route: Int32, control: TrialControl) throws -> String {
        let session = AVAudioSession.sharedInstance()
        let wanted = inputPort(of: route) // nil for the default: no input is preferred
        let input = session.availableInputs?.first { $0.portType == wanted }
        if input != nil || Int(route) == CP_ROUTE_DEFAULT {
            try session.setPreferredInput(input)
        }
        try session.overrideOutputAudioPort(Int(route) == CP_ROUTE_SPEAKER ? .speaker : .none)
        let asked = String(cString: cp_route_word(route))
        var waited = 0.0
        while Int(route) != CP_ROUTE_DEFAULT && current() != asked {
            if waited >= settleSeconds {
                throw Refusal.unsupported("the route \(asked) is not there: \(describe())")
            }
            try control.sleep(lookSeconds)
            waited += lookSeconds
        }
        return current() ?? "unknown"
    }

    /// The word of the output in use.
    static func current() -> String? {
        AVAudioSession.sharedInstance().currentRoute.outputs.first.flatMap { word(of: $0.portType) }
    }

    /// Ports of both directions, to compare and to show.
    static func describe() -> String {
        let route = AVAudioSession.sharedInstance().currentRoute
        return name(route.outputs) + " / " + name(route.inputs)
    }

    static func name(_ ports: [AVAudioSessionPortDescription]) -> String {
        ports.isEmpty ? "none" : ports.map { $0.portType.rawValue }.joined(separator: "+")
    }

    /// Words of what can be asked for now, as far as the session says before it is opened.
    static func available() -> [String] {
        let session = AVAudioSession.sharedInstance()
        var words = [word(CP_ROUTE_SPEAKER)]
        if UIDeviceFacts.isPhone {
            words.append(word(CP_ROUTE_EARPIECE))
        }
        let inputs = session.availableInputs?.map { $0.portType } ?? []
        let outputs = session.currentRoute.outputs.map { $0.portType }
        for port in inputs + outputs {
            if let known = word(of: port), !words.contains(known) {
                words.append(known)
            }
        }
        return words
    }
}
