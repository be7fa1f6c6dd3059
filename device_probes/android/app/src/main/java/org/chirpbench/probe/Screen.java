package org.chirpbench.probe;

import android.app.Activity;
import android.graphics.Color;
import android.os.Build;
import android.os.Handler;
import android.os.Looper;
import android.view.Gravity;
import android.widget.LinearLayout;
import android.widget.ScrollView;
import android.widget.TextView;

/** Says in large plain letters what the app is doing, so that nobody wonders about the sounds. */
final class Screen implements Status {
    private final Handler main = new Handler(Looper.getMainLooper());
    private final TextView state;
    private final TextView lastTrial;
    private String shown = "";

    Screen(Activity activity) {
        LinearLayout column = new LinearLayout(activity);
        column.setOrientation(LinearLayout.VERTICAL);
        column.setGravity(Gravity.CENTER_VERTICAL);
        int edge = Math.round(24 * activity.getResources().getDisplayMetrics().density);
        column.setPadding(edge, edge, edge, edge);
        add(activity, column, 34, "chirpbench probe");
        state = add(activity, column, 28, "Starting");
        add(
                activity,
                column,
                20,
                "This app measures the sound delay of this phone. It plays short chirps and records"
                        + " them while chirpbench on the computer asks for it over USB. It sends"
                        + " nothing anywhere else.");
        add(
                activity,
                column,
                20,
                Texts.clean(Build.MANUFACTURER + " " + Build.MODEL)
                        + "\nAndroid "
                        + Texts.clean(Build.VERSION.RELEASE)
                        + ", probe "
                        + BuildInfo.VERSION_NAME);
        lastTrial = add(activity, column, 20, "No trial yet");
        ScrollView scroll = new ScrollView(activity);
        scroll.setFillViewport(true);
        scroll.setBackgroundColor(Color.BLACK);
        scroll.addView(column);
        activity.setContentView(scroll);
    }

    private static TextView add(Activity activity, LinearLayout column, int sp, String text) {
        TextView view = new TextView(activity);
        view.setTextSize(sp);
        view.setTextColor(Color.WHITE);
        view.setPadding(0, sp / 2, 0, sp / 2);
        view.setText(text);
        column.addView(view);
        return view;
    }

    @Override
    public synchronized void state(String text) {
        if (!text.equals(shown)) { // progress comes often, the words change seldom
            shown = text;
            show(state, text);
        }
    }

    @Override
    public void lastTrial(String text) {
        show(lastTrial, text);
    }

    private void show(final TextView view, String text) {
        final String clean = Texts.cut(text, Limits.MAX_TEXT_CHARS);
        main.post(
                new Runnable() {
                    @Override
                    public void run() {
                        view.setText(clean);
                    }
                });
    }
}
