package org.chirpbench.probe;

import android.content.Context;
import android.content.pm.PackageManager;
import android.media.AudioDeviceInfo;
import android.media.AudioManager;
import android.media.MediaCodecInfo;
import android.media.MediaCodecList;
import android.media.MediaFormat;
import android.media.audiofx.AudioEffect;
import android.os.Build;
import java.text.SimpleDateFormat;
import java.util.Arrays;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TimeZone;

/** What the phone says of itself: the {@code facts} of the contract. */
final class Facts {
    private static final String[] SECTIONS = {
        "build", "routes", "audio", "effect", "opus", "output", "input", "microphone"
    };

    private final Context context;
    private final AudioManager audio;
    /** Key and value as the phone says them; cleaned and cut at the end. */
    private final Map<String, String> raw = new LinkedHashMap<String, String>();

    Facts(Context context) {
        this.context = context;
        audio = (AudioManager) context.getSystemService(Context.AUDIO_SERVICE);
    }

    /** Everything, ready for a header. */
    Map<String, Object> toJson() {
        Map<String, Object> facts = new LinkedHashMap<String, Object>();
        facts.put("platform", "android");
        facts.put("manufacturer", name(Build.MANUFACTURER));
        facts.put("model", name(Build.MODEL));
        facts.put("marketing_name", ""); // in properties that only the host can read
        facts.put("soc", name(soc()));
        facts.put("os_name", "Android");
        facts.put("os_version", name(Build.VERSION.RELEASE));
        facts.put("os_build", name(Build.FINGERPRINT));
        facts.put("api_level", Build.VERSION.SDK_INT);
        int rateHz = JavaStreams.property(audio, AudioManager.PROPERTY_OUTPUT_SAMPLE_RATE);
        if (rateHz >= Limits.MIN_RATE_HZ && rateHz <= Limits.MAX_RATE_HZ) {
            facts.put("native_rate_hz", rateHz);
        }
        int burst = JavaStreams.property(audio, AudioManager.PROPERTY_OUTPUT_FRAMES_PER_BUFFER);
        if (burst > 0 && burst <= Limits.MAX_BUFFER_FRAMES) {
            facts.put("frames_per_burst", burst);
        }
        facts.put("low_latency", has(PackageManager.FEATURE_AUDIO_LOW_LATENCY));
        facts.put("pro_audio", has(PackageManager.FEATURE_AUDIO_PRO));
        facts.put("is_virtual", false);
        facts.put("is_emulator", isEmulator());
        facts.put("raw", table());
        facts.put("collected_at", now());
        return facts;
    }

    private static String name(String text) {
        return Texts.cut(text, Limits.MAX_NAME_CHARS);
    }

    private boolean has(String feature) {
        return context.getPackageManager().hasSystemFeature(feature);
    }

    private static String soc() {
        if (Build.VERSION.SDK_INT < 31 || Build.UNKNOWN.equals(Api31.socModel())) {
            return Build.HARDWARE;
        }
        return Api31.socManufacturer() + " " + Api31.socModel();
    }

    private static String now() {
        SimpleDateFormat format =
                new SimpleDateFormat("yyyy-MM-dd'T'HH:mm:ss'+00:00'", Locale.ROOT);
        format.setTimeZone(TimeZone.getTimeZone("UTC"));
        return format.format(new Date());
    }

    /** Android's emulators and the common ones of others; their microphones give zeros. */
    private static boolean isEmulator() {
        String hardware = Build.HARDWARE == null ? "" : Build.HARDWARE;
        String product = Build.PRODUCT == null ? "" : Build.PRODUCT;
        return hardware.equals("goldfish")
                || hardware.equals("ranchu")
                || hardware.startsWith("vbox")
                || hardware.contains("cutf_cvm")
                || product.startsWith("sdk_gphone")
                || product.startsWith("vbox86p")
                || product.equals("sdk")
                || product.equals("google_sdk")
                || Build.FINGERPRINT != null && Build.FINGERPRINT.startsWith("generic/");
    }

    private Map<String, Object> table() {
        for (String section : SECTIONS) {
            try {
                read(section);
            } catch (RuntimeException e) {
                // One vendor's fault must not hide what the others say.
                raw.put(section + ".error", Texts.of(e));
            }
        }
        Map<String, Object> table = new LinkedHashMap<String, Object>();
        for (Map.Entry<String, String> entry : raw.entrySet()) {
            if (entry.getValue() != null && table.size() < Limits.MAX_RAW_ENTRIES) {
                table.put(
                        Texts.cut(entry.getKey(), Limits.MAX_RAW_KEY_CHARS),
                        Texts.cut(entry.getValue(), Limits.MAX_RAW_VALUE_CHARS));
            }
        }
        return table;
    }

    private void read(String section) {
        switch (section) {
            case "build":
                build();
                break;
            case "audio":
                audio();
                break;
            case "effect":
                effects();
                break;
            case "opus":
                opus();
                break;
            case "routes":
                raw.put("routes", Devices.words(callRoutes()));
                break;
            case "output":
            case "input":
                devices(section, section.equals("output"));
                break;
            default:
                if (Build.VERSION.SDK_INT >= 28) {
                    Api28.microphones(audio, raw);
                }
        }
    }

    private void build() {
        raw.put("build.manufacturer", Build.MANUFACTURER);
        raw.put("build.brand", Build.BRAND);
        raw.put("build.model", Build.MODEL);
        raw.put("build.device", Build.DEVICE);
        raw.put("build.product", Build.PRODUCT);
        raw.put("build.board", Build.BOARD);
        raw.put("build.hardware", Build.HARDWARE);
        raw.put("build.fingerprint", Build.FINGERPRINT);
        raw.put("build.display", Build.DISPLAY);
        raw.put("build.id", Build.ID);
        raw.put("build.tags", Build.TAGS);
        raw.put("build.type", Build.TYPE);
        raw.put("build.abis", Arrays.toString(Build.SUPPORTED_ABIS));
        raw.put("version.release", Build.VERSION.RELEASE);
        raw.put("version.incremental", Build.VERSION.INCREMENTAL);
        raw.put("version.security_patch", Build.VERSION.SECURITY_PATCH);
        raw.put("version.sdk", String.valueOf(Build.VERSION.SDK_INT));
        if (Build.VERSION.SDK_INT >= 31) {
            raw.put("soc.manufacturer", Api31.socManufacturer());
            raw.put("soc.model", Api31.socModel());
            raw.put("media.performance_class", String.valueOf(Api31.performanceClass()));
        }
        raw.put("cpu.cores", String.valueOf(Runtime.getRuntime().availableProcessors()));
        raw.put("heap.max_bytes", String.valueOf(Runtime.getRuntime().maxMemory()));
    }

    private void audio() {
        raw.put("audio.rate_hz", audio.getProperty(AudioManager.PROPERTY_OUTPUT_SAMPLE_RATE));
        raw.put(
                "audio.burst_frames",
                audio.getProperty(AudioManager.PROPERTY_OUTPUT_FRAMES_PER_BUFFER));
        raw.put(
                "audio.unprocessed",
                audio.getProperty(AudioManager.PROPERTY_SUPPORT_AUDIO_SOURCE_UNPROCESSED));
        raw.put("audio.low_latency", String.valueOf(has(PackageManager.FEATURE_AUDIO_LOW_LATENCY)));
        raw.put("audio.pro", String.valueOf(has(PackageManager.FEATURE_AUDIO_PRO)));
        raw.put("audio.volume_fixed", String.valueOf(audio.isVolumeFixed()));
        String reason = NativeAudio.unavailableReason();
        raw.put("aaudio", reason.isEmpty() ? "available" : reason);
        if (reason.isEmpty()) {
            raw.put("aaudio.missing", NativeAudio.missing());
        }
    }

    /** What calls may use. Before Android 12 the system does not say: whatever plays, then. */
    private List<AudioDeviceInfo> callRoutes() {
        return Build.VERSION.SDK_INT >= 31
                ? Api31.communicationDevices(audio)
                : Devices.all(audio, true);
    }

    private void effects() {
        AudioEffect.Descriptor[] all = AudioEffect.queryEffects();
        int number = 0;
        for (AudioEffect.Descriptor effect : all == null ? new AudioEffect.Descriptor[0] : all) {
            String name = Effects.name(effect.type);
            if (name != null) {
                String key = "effect." + name + "." + number++;
                raw.put(key + ".name", effect.name);
                raw.put(key + ".implementor", effect.implementor);
                raw.put(key + ".uuid", String.valueOf(effect.uuid));
                raw.put(key + ".type", String.valueOf(effect.type));
            }
        }
    }

    private void opus() {
        int number = 0;
        for (MediaCodecInfo codec : new MediaCodecList(MediaCodecList.ALL_CODECS).getCodecInfos()) {
            if (OpusCost.isOpus(codec)) {
                String flags = Build.VERSION.SDK_INT >= 29 ? " " + Api29.codecFlags(codec) : "";
                raw.put(
                        "opus." + (codec.isEncoder() ? "encoder." : "decoder.") + number++,
                        codec.getName() + flags);
                if (codec.isEncoder()) {
                    raw.put("opus.complexity." + codec.getName(), complexity(codec));
                }
            }
        }
    }

    private static String complexity(MediaCodecInfo codec) {
        MediaCodecInfo.EncoderCapabilities able =
                codec.getCapabilitiesForType(MediaFormat.MIMETYPE_AUDIO_OPUS)
                        .getEncoderCapabilities();
        return able == null ? null : String.valueOf(able.getComplexityRange());
    }

    private void devices(String direction, boolean output) {
        int number = 0;
        for (AudioDeviceInfo device : Devices.all(audio, output)) {
            raw.put(
                    direction + "." + number++,
                    Devices.describe(device)
                            + " type="
                            + device.getType()
                            + " rates="
                            + Arrays.toString(device.getSampleRates())
                            + " channels="
                            + Arrays.toString(device.getChannelCounts())
                            + " encodings="
                            + Arrays.toString(device.getEncodings()));
        }
    }
}
