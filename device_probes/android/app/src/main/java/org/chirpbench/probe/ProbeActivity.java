package org.chirpbench.probe;

import android.Manifest;
import android.app.Activity;
import android.content.Intent;
import android.content.pm.PackageManager;
import android.os.Build;
import android.os.Bundle;
import android.os.Handler;
import android.os.Looper;
import android.view.WindowManager;
import java.io.IOException;

/**
 * The whole app: one visible screen that serves one host at a time while it is in front. Android
 * gives the microphone to visible apps alone, so there is no service and nothing in the background.
 *
 * <p>Started by chirpbench with {@code am start -W -S -n org.chirpbench.probe/.ProbeActivity --es
 * socket chirpbench_<16 hex> --es token <32 hex>}; with {@code --ez restore true} it gives the
 * phone back as it was found and finishes.
 */
public final class ProbeActivity extends Activity implements AndroidDevice.Permissions {
    private static final int PERMISSION_REQUEST = 1;
    /** Long enough for {@code am start -W}, which waits for a screen that is drawn. */
    private static final long FINISH_MS = 3000;

    /** Where hosts connect; a JVM that runs this code puts another transport here. */
    static Transport.Factory transports = new LocalTransport.Listen();

    private Screen screen;
    private AndroidDevice device;
    private StartExtras extras;
    private ProbeServer server;
    private boolean asking;

    @Override
    protected void onCreate(Bundle saved) {
        super.onCreate(saved);
        keepScreenOn();
        screen = new Screen(this);
        device = AndroidDevice.of(getApplicationContext(), this);
        serve(new StartExtras(getIntent()));
    }

    @SuppressWarnings("deprecation") // the flags are all that API 26 has
    private void keepScreenOn() {
        getWindow().addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON);
        if (Build.VERSION.SDK_INT >= 27) {
            Api27.showOverLockScreen(this);
        } else {
            getWindow()
                    .addFlags(
                            WindowManager.LayoutParams.FLAG_SHOW_WHEN_LOCKED
                                    | WindowManager.LayoutParams.FLAG_TURN_SCREEN_ON);
        }
    }

    @Override
    protected void onNewIntent(Intent intent) {
        super.onNewIntent(intent);
        StartExtras wanted = new StartExtras(intent);
        boolean served = server != null && server.isServing();
        // Another app could send this: who is being served now is not cut off by it.
        boolean same = wanted.isSameAs(extras) && server != null && server.isListening();
        if (same || served && !wanted.restore) {
            return;
        }
        setIntent(intent);
        serve(wanted);
    }

    private void serve(StartExtras wanted) {
        stopServing();
        extras = wanted;
        if (wanted.restore) {
            device.restore();
            screen.state("The phone is given back as it was found");
            finishSoon();
        } else if (wanted.socket != null) {
            listen(wanted);
            askForMicrophone();
        } else if (wanted.wrong) {
            screen.state("Started with a wrong socket or token: start it with chirpbench run");
        } else {
            screen.state("Started by hand. Connect the phone by USB and type: chirpbench run");
        }
    }

    /** Finished before it is drawn, {@code am start -W} would wait for ten seconds for it. */
    private void finishSoon() {
        new Handler(Looper.getMainLooper())
                .postDelayed(
                        new Runnable() {
                            @Override
                            public void run() {
                                if (extras.restore) { // nobody has started it for more meanwhile
                                    finish();
                                }
                            }
                        },
                        FINISH_MS);
    }

    private void listen(StartExtras wanted) {
        try {
            server =
                    new ProbeServer(
                            transports.listen(wanted.socket),
                            device,
                            screen,
                            BuildInfo.VERSION_NAME,
                            wanted.token);
            screen.state("Started by chirpbench over USB, waiting for it");
            server.start();
        } catch (IOException e) {
            screen.state("The socket does not open: " + Texts.of(e));
        }
    }

    private void askForMicrophone() {
        String microphone = Manifest.permission.RECORD_AUDIO;
        if (checkSelfPermission(microphone) != PackageManager.PERMISSION_GRANTED) {
            ask(microphone);
        }
    }

    @Override
    public void ask(final String permission) {
        runOnUiThread(
                new Runnable() {
                    @Override
                    public void run() {
                        if (!asking && !isFinishing()) {
                            asking = true;
                            screen.state("Please allow what Android asks now");
                            requestPermissions(new String[] {permission}, PERMISSION_REQUEST);
                        }
                    }
                });
    }

    @Override
    public void onRequestPermissionsResult(int request, String[] permissions, int[] results) {
        asking = false;
        boolean granted = results.length > 0 && results[0] == PackageManager.PERMISSION_GRANTED;
        screen.state(
                granted
                        ? "Allowed. Waiting for chirpbench"
                        : "Not allowed: chirpbench cannot measure this phone");
    }

    @Override
    protected void onResume() {
        super.onResume();
        device.setForeground(true);
    }

    @Override
    protected void onPause() {
        device.setForeground(false);
        super.onPause();
    }

    @Override
    protected void onStop() {
        device.setForeground(false);
        super.onStop();
    }

    @Override
    protected void onDestroy() {
        stopServing();
        device.restore();
        super.onDestroy();
    }

    private void stopServing() {
        if (server != null) {
            server.stop();
            server = null;
        }
    }
}
