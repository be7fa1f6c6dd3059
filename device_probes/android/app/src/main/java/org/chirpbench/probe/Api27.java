package org.chirpbench.probe;

import android.annotation.TargetApi;
import android.app.Activity;

/** What came with API 27; loaded only there, so that the verifier of API 26 never sees it. */
@TargetApi(27)
final class Api27 {
    private Api27() {}

    /** Shows {@code activity} over the lock screen and turns the display on. */
    static void showOverLockScreen(Activity activity) {
        activity.setShowWhenLocked(true);
        activity.setTurnScreenOn(true);
    }
}
