package org.chirpbench.probe;

import android.content.Context;
import android.content.Intent;
import android.content.IntentFilter;
import android.os.BatteryManager;
import android.os.Build;
import android.os.PowerManager;

/** Battery and heat, as far as the phone says. */
final class Health {
    private Health() {}

    /** Puts what is known now into {@code report}. */
    static void report(Context context, Report report) {
        Intent battery =
                context.registerReceiver(null, new IntentFilter(Intent.ACTION_BATTERY_CHANGED));
        if (battery != null) {
            int level = battery.getIntExtra(BatteryManager.EXTRA_LEVEL, -1);
            int scale = battery.getIntExtra(BatteryManager.EXTRA_SCALE, 0);
            if (level >= 0 && scale > 0) {
                report.number("battery_percent", 100.0 * level / scale, 0, 100);
            }
            int tenths = battery.getIntExtra(BatteryManager.EXTRA_TEMPERATURE, Integer.MIN_VALUE);
            report.number("battery_temperature_c", tenths / 10.0, -60, 150);
            report.observe("charging", battery.getIntExtra(BatteryManager.EXTRA_PLUGGED, 0) != 0);
        }
        PowerManager power = (PowerManager) context.getSystemService(Context.POWER_SERVICE);
        if (Build.VERSION.SDK_INT >= 29) {
            report.put("thermal_status", Api29.thermalStatus(power));
        }
        if (Build.VERSION.SDK_INT >= 30) {
            report.number("thermal_headroom", Api30.thermalHeadroom(power), 0, 100);
        }
        report.observe("power_save_mode", power.isPowerSaveMode());
    }
}
