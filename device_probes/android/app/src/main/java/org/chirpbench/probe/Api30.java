package org.chirpbench.probe;

import android.annotation.TargetApi;
import android.os.PowerManager;

/** What came with API 30; loaded only there. */
@TargetApi(30)
final class Api30 {
    private Api30() {}

    /** Forecast of the skin temperature, 1.0 = severe throttling; NaN when the phone has none. */
    static float thermalHeadroom(PowerManager power) {
        return power.getThermalHeadroom(0);
    }
}
