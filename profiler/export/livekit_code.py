"""The code beside LiveKit's options: it reads them and applies one profile. No value is in it."""

from __future__ import annotations

JS = """\
const { profiles, models } = data;

/** The profile of a model, of its OS build if it has one of its own; undefined = not profiled. */
export function profileOf(manufacturer, model, osBuild) {
  const rows = models.filter(
    (row) => row.manufacturer.toLowerCase() === manufacturer.toLowerCase() && row.model === model,
  );
  const row = rows.find((candidate) => candidate.os_build === osBuild) ?? rows[0];
  return row && profiles[row.profile];
}

/** Options for `new Room(...)`. What a profile does not name stays LiveKit's own. */
export function roomOptions(profile) {
  if (!profile) return {};
  const { maxBitrate, ...publish } = profile.js.publish;
  return {
    audioCaptureDefaults: { ...profile.js.capture },
    publishDefaults: maxBitrate ? { ...publish, audioPreset: { maxBitrate } } : publish,
  };
}

export { profiles, models };
"""

ANDROID = """\
package chirpbench

import io.livekit.android.AudioOptions
import io.livekit.android.AudioType
import io.livekit.android.room.participant.AudioTrackPublishDefaults
import io.livekit.android.room.track.LocalAudioTrackOptions
import livekit.org.webrtc.audio.JavaAudioDeviceModule
import org.json.JSONObject

/** The options of options.json for one phone; null options = the phone was never profiled. */
class ChirpbenchLiveKit(json: String, manufacturer: String, model: String, osBuild: String) {
    private val options: JSONObject? = run {
        val root = JSONObject(json)
        val models = root.getJSONArray("models")
        val rows = (0 until models.length()).map(models::getJSONObject).filter {
            it.getString("manufacturer").equals(manufacturer, true) &&
                it.getString("model") == model
        }
        val row = rows.firstOrNull { it.getString("os_build") == osBuild } ?: rows.firstOrNull()
        row?.let { root.getJSONObject("profiles").getJSONObject(it.getString("profile")) }
            ?.optJSONObject("android")
    }
    private val capture = options?.getJSONObject("capture") ?: JSONObject()
    private val publish = options?.getJSONObject("publish") ?: JSONObject()
    private val module = options?.getJSONObject("module") ?: JSONObject()

    fun captureDefaults() = LocalAudioTrackOptions(
        noiseSuppression = capture.optBoolean("noiseSuppression", true),
        echoCancellation = capture.optBoolean("echoCancellation", true),
        autoGainControl = capture.optBoolean("autoGainControl", true),
    )

    fun publishDefaults() = AudioTrackPublishDefaults(
        audioBitrate = publish.optInt("audioBitrate", 48_000),
        dtx = publish.optBoolean("dtx", true),
        red = publish.optBoolean("red", true),
    )

    /** For LiveKitOverrides(audioOptions = ...). */
    fun audioOptions() = AudioOptions(
        audioOutputType = when (module.optString("audioOutput")) {
            "media" -> AudioType.MediaAudioType()
            "call" -> AudioType.CallAudioType()
            else -> null
        },
        javaAudioDeviceModuleCustomizer = ::customize,
    )

    private fun customize(builder: JavaAudioDeviceModule.Builder) {
        if (module.has("useHardwareAcousticEchoCanceler"))
            builder.setUseHardwareAcousticEchoCanceler(
                module.getBoolean("useHardwareAcousticEchoCanceler"))
        if (module.has("useHardwareNoiseSuppressor"))
            builder.setUseHardwareNoiseSuppressor(module.getBoolean("useHardwareNoiseSuppressor"))
        if (module.has("useLowLatency"))
            builder.setUseLowLatency(module.getBoolean("useLowLatency"))
        if (module.has("audioSource")) builder.setAudioSource(module.getInt("audioSource"))
        if (module.has("inputSampleRate"))
            builder.setInputSampleRate(module.getInt("inputSampleRate"))
        if (module.has("outputSampleRate"))
            builder.setOutputSampleRate(module.getInt("outputSampleRate"))
    }
}
"""

SWIFT = """\
import Foundation
import LiveKit

/// The options of options.json for one iPhone; nil options = it was never profiled.
struct ChirpbenchLiveKit {
    private let options: [String: Any]

    init?(json: Data, model: String, osBuild: String) {
        guard let root = try? JSONSerialization.jsonObject(with: json) as? [String: Any],
              let models = root["models"] as? [[String: Any]],
              let profiles = root["profiles"] as? [String: [String: Any]] else { return nil }
        let rows = models.filter { $0["model"] as? String == model }
        guard let row = rows.first(where: { $0["os_build"] as? String == osBuild }) ?? rows.first,
              let name = row["profile"] as? String,
              let swift = profiles[name]?["swift"] as? [String: Any] else { return nil }
        options = swift
    }

    private func block(_ name: String) -> [String: Any] { options[name] as? [String: Any] ?? [:] }

    var captureOptions: AudioCaptureOptions {
        let capture = block("capture")
        return AudioCaptureOptions(
            echoCancellation: capture["echoCancellation"] as? Bool ?? true,
            autoGainControl: capture["autoGainControl"] as? Bool ?? true,
            noiseSuppression: capture["noiseSuppression"] as? Bool ?? true)
    }

    var publishOptions: AudioPublishOptions {
        let publish = block("publish")
        return AudioPublishOptions(
            encoding: (publish["maxBitrate"] as? Int).map { AudioEncoding(maxBitrate: $0) },
            dtx: publish["dtx"] as? Bool ?? true,
            red: publish["red"] as? Bool ?? true)
    }
}
"""
