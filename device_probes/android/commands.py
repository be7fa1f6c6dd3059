"""Every command that may reach a phone's shell: fixed words, and arguments from allow-lists.

Nothing a phone, a file or a user says gets into a shell except through the functions here, and
what they make passes :data:`_SAFE` once more. No pipes, redirections or variables, and no quotes
but those around a link of ours: the shell has nothing to interpret but ``; `` between commands.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

PACKAGE = "org.chirpbench.probe"
ACTIVITY = f"{PACKAGE}/.ProbeActivity"
RECORD_AUDIO = "android.permission.RECORD_AUDIO"
BLUETOOTH_CONNECT = "android.permission.BLUETOOTH_CONNECT"
TEMP_DIR = "/data/local/tmp"
RESTORE_FILE = f"{TEMP_DIR}/chirpbench.restore"
STAY_ON = "stay_on_while_plugged_in"
MARK = "@@"
"""Begins the line in front of each section of a script's output."""

MAX_PRESSES = 9
MAX_STREAM, MAX_VOLUME_INDEX = 15, 255

BROWSERS = {
    "com.android.chrome": "Chrome",
    "com.chrome.beta": "Chrome Beta",
    "com.microsoft.emmx": "Edge",
    "com.brave.browser": "Brave",
    "com.vivaldi.browser": "Vivaldi",
    "com.sec.android.app.sbrowser": "Samsung Internet",
    "org.chromium.chrome": "Chromium",
}
"""Browsers that the probe's page is opened in, the first one that is there: package to name."""

_LINK = r"http://localhost:[0-9]{1,5}/(?:\?t=[A-Za-z0-9_-]{16,128})?"
_SAFE = re.compile(rf"(?:[A-Za-z0-9 _./:=@~+;-]|'{_LINK}')+\Z")
"""A link of ours is the one thing that is quoted: unquoted, its ``?`` would be a pattern."""
_SECTION = re.compile(rf"^echo {MARK}[a-z0-9_]+; ")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
_PATH = re.compile(r"/[A-Za-z0-9_./=~+-]{1,240}\Z")
_SOCKET = re.compile(r"chirpbench_[0-9a-f]{16}\Z")
_TOKEN = re.compile(r"[0-9a-f]{32}\Z")
_WHOLE_LINK = re.compile(rf"{_LINK}\Z")


@dataclass(frozen=True, slots=True)
class Command:
    """A command line that is safe to send. Raises ``ValueError`` for any other."""

    text: str

    def __post_init__(self) -> None:
        if not _SAFE.match(self.text):
            raise ValueError(f"not a safe command: {self.text!r}")

    @property
    def what(self) -> str:
        """Its first words, for messages; never a token."""
        first = _SECTION.sub("", self.text).partition(";")[0]
        return " ".join(first.split()[:2])


def _checked(pattern: re.Pattern[str], value: str) -> str:
    if not pattern.match(value) or ".." in value:
        raise ValueError(f"not allowed in a command: {value!r}")
    return value


def is_safe_path(path: str) -> bool:
    """Whether ``path``, which a phone said, may be used in a command."""
    return bool(_PATH.match(path)) and ".." not in path


def script(*commands: Command) -> Command:
    """Several commands in one shell, each whatever the others answer."""
    return Command("; ".join(command.text for command in commands))


def sections(parts: dict[str, Command]) -> Command:
    """Several commands in one shell, each answer under a line ``@@name``."""
    return script(
        *(
            Command(f"echo {MARK}{_checked(_WORD, name)}; {command.text}")
            for name, command in parts.items()
        )
    )


# --- reading ------------------------------------------------------------------------------------

GETPROP = Command("getprop")
BOOT_ID = Command("cat /proc/sys/kernel/random/boot_id")
SERIAL_NUMBER = Command("getprop ro.serialno")
PM_PATH = Command(f"pm path {PACKAGE}")
DUMP_PACKAGE = Command(f"dumpsys package {PACKAGE}")
FEATURES = Command("pm list features")
BATTERY = Command("dumpsys battery")
THERMAL = Command("dumpsys thermalservice")
TRUST = Command("dumpsys trust")
POLICY = Command("dumpsys window policy")
SENSOR_PRIVACY = Command("dumpsys sensor_privacy")
AUDIO = Command("dumpsys audio")
ACTIVITIES = Command("dumpsys activity activities")
GET_STAY_ON = Command(f"settings get global {STAY_ON}")
READ_RESTORE = Command(f"cat {RESTORE_FILE}")
LIST_TEMP = Command(f"ls {TEMP_DIR}")
FREE_SPACE = Command(f"df -k {TEMP_DIR}")
FLINGER = Command("dumpsys media.audio_flinger")
CODECS = Command("dumpsys media.player")
EFFECTS = Command(
    "cat /vendor/etc/audio_effects.xml /odm/etc/audio_effects.xml "
    "/vendor/etc/audio_effects_config.xml"
)
PIDOF = Command(f"pidof {PACKAGE}")
CRASH_LOG = Command("logcat -d -t 400 -v brief -s AndroidRuntime:E DEBUG:F libc:F")


def sha256sum(path: str) -> Command:
    """SHA-256 of a file."""
    return Command(f"sha256sum {_checked(_PATH, path)}")


def md5sum(path: str) -> Command:
    """MD5 of a file, for the oldest systems."""
    return Command(f"md5sum {_checked(_PATH, path)}")


# --- changing -----------------------------------------------------------------------------------

WAKE = Command("input keyevent KEYCODE_WAKEUP")
DISMISS_KEYGUARD = Command("wm dismiss-keyguard")
SLEEP = Command("input keyevent KEYCODE_SLEEP")
POWER_KEY = Command("input keyevent KEYCODE_POWER")
HOME_KEY = Command("input keyevent KEYCODE_HOME")
FORCE_STOP = Command(f"am force-stop {PACKAGE}")
UNINSTALL = Command(f"pm uninstall {PACKAGE}")
GRANT_MICROPHONE = Command(f"pm grant {PACKAGE} {RECORD_AUDIO}")
GRANT_BLUETOOTH = Command(f"pm grant {PACKAGE} {BLUETOOTH_CONNECT}")
PUT_BACK = Command(f"am start -W -S -n {ACTIVITY} --ez restore true")
"""The probe, started anew, puts volume and audio mode back from its own journal before its screen
is there. One that runs would get the intent after ``am`` has ended, and could be stopped before."""
REMOVE_RESTORE = Command(f"rm -f {RESTORE_FILE}")


def set_stay_on(value: int | None) -> Command:
    """Keep the screen on while plugged in (a bit mask, 7 = any plug); ``None`` deletes it."""
    if value is None:
        return Command(f"settings delete global {STAY_ON}")
    if not 0 <= value <= 255:
        raise ValueError(f"not allowed for {STAY_ON}: {value}")
    return Command(f"settings put global {STAY_ON} {value:d}")


def volume_keys(*, up: bool, presses: int) -> Command:
    """Press a volume key so often, as a thumb does."""
    if not 1 <= presses <= MAX_PRESSES:
        raise ValueError(f"not allowed: {presses} presses")
    return Command("input keyevent" + f" KEYCODE_VOLUME_{'UP' if up else 'DOWN'}" * presses)


def set_volume(stream: int, index: int, *, old: bool = False) -> Command:
    """Set a stream's volume index; ``old``: in the words of Android 8 to 10."""
    if not (0 <= stream <= MAX_STREAM and 0 <= index <= MAX_VOLUME_INDEX):
        raise ValueError(f"not allowed for a volume: {stream}, {index}")
    tool = "media volume" if old else "cmd media_session volume"
    return Command(f"{tool} --stream {stream:d} --set {index:d}")


def temp_apk() -> str:
    """A path on the phone that nothing else uses."""
    return f"{TEMP_DIR}/chirpbench-{secrets.token_hex(8)}.apk"


def install(path: str, *, grant: bool = True) -> Command:
    """Install a package that was pushed, replacing an older one; ``grant`` all it asks for."""
    return Command(f"pm install -r -t {'-g ' if grant else ''}{_checked(_PATH, path)}")


def remove(path: str) -> Command:
    """Delete one of our own files."""
    if not path.startswith(f"{TEMP_DIR}/chirpbench"):
        raise ValueError(f"not ours to delete: {path!r}")
    return Command(f"rm -f {_checked(_PATH, path)}")


def start(socket_name: str, token: str, *, fresh: bool = True) -> Command:
    """Start the probe; ``fresh`` ends one that runs, else it is brought to the front."""
    stop = "-S " if fresh else ""
    name, secret = _checked(_SOCKET, socket_name), _checked(_TOKEN, token)
    return Command(f"am start -W {stop}-n {ACTIVITY} --es socket {name} --es token {secret}")


# --- the browser --------------------------------------------------------------------------------


def _browser(package: str) -> str:
    if package not in BROWSERS:
        raise ValueError(f"not a browser we know: {package!r}")
    return package


def dump_browser(package: str) -> Command:
    """What the package manager knows of it."""
    return Command(f"dumpsys package {_browser(package)}")


def pidof_browser(package: str) -> Command:
    """The numbers of its main process."""
    return Command(f"pidof {_browser(package)}")


def microphone(package: str, *, allow: bool) -> Command:
    """Give a browser the microphone, or take it away (which ends the browser)."""
    verb = "grant" if allow else "revoke"
    return Command(f"pm {verb} {_browser(package)} {RECORD_AUDIO}")


def view(package: str, url: str) -> Command:
    """Open a page of ours in a browser.

    The application's id lets a browser use the tab again that it opened for the same one. Nothing
    is waited for: the activity that takes links ends itself, and ``-W`` may then wait in vain.
    """
    if not _WHOLE_LINK.match(url):
        raise ValueError("not a link to a page of ours")
    return Command(
        f"am start -a android.intent.action.VIEW -d '{url}' -p {_browser(package)} "
        f"--es com.android.browser.application_id {PACKAGE}"
    )


def browser_to_front(package: str) -> Command:
    """Bring a browser to the front as it is, as a tap on its icon does."""
    return Command(
        "am start -a android.intent.action.MAIN -c android.intent.category.LAUNCHER "
        f"-p {_browser(package)}"
    )
