// What the page says, in plain words: what happened, and what to do. Pure.

const RETRY = "Try again";

const OPEN_SETTINGS = {
  ios: [
    "Tap the page button at the address bar (aA, or the lines), then Website Settings.",
    "Set Microphone to Allow.",
    "If it is not there: Settings app → Apps → Safari → Microphone → Allow.",
  ],
  ios_other: [
    (who) => `Open the Settings app, go to Apps → ${who.browser}, and switch Microphone on.`,
    "Come back to this page.",
  ],
  android: [
    "Tap the icon at the left of the address, then Permissions → Microphone → Allow.",
    (who) => `If it is not there: Android Settings → Apps → ${who.browser} → Permissions → ` +
      "Microphone → Allow.",
  ],
  firefox: ["Click the crossed-out microphone in the address bar and remove the block."],
  safari: ["In the menu bar open Safari → Settings for This Website, and allow the microphone."],
  desktop: ["Click the icon at the left of the address, and set Microphone to Allow."],
};

const NO_MICROPHONE = {
  iOS: ["End a call that may be running.", "Unplug a headset without a microphone."],
  Android: ["End calls and close apps that record.", "Unplug a headset without a microphone."],
  macOS: [
    "Connect a microphone.",
    (who) => `System Settings → Privacy & Security → Microphone: allow ${who.browser}.`,
  ],
  Windows: [
    "Connect a microphone, and close programs that use it.",
    "Settings → Privacy & security → Microphone: let desktop apps use it.",
  ],
  other: [
    "Connect a microphone, and close programs that use it.",
    "See in the system's sound settings that it is switched on.",
  ],
};

const INSECURE = {
  iOS: [
    "Open the link exactly as the terminal shows it: it begins with https.",
    "If Safari warned about the certificate: install the bench's profile, then switch it on in " +
      "Settings → General → About → Certificate Trust Settings.",
  ],
  other: ["Open the link exactly as the terminal shows it: https, or http://localhost."],
};

/** Cards by the page's state; `steps(who)` and texts may depend on the browser. */
const CARDS = {
  connecting: { tone: "busy", title: "Connecting…", text: "Looking for the bench." },
  waiting_for_tap: {
    tone: "start",
    title: "Measure this device's sound",
    text: "You will hear short chirps while the microphone records them. Lay the device down in a " +
      "quiet place, then tap Start and allow the microphone.",
    action: "Start",
  },
  asking: {
    tone: "busy",
    title: "Allow the microphone",
    text: "Your browser asks for it now. Choose Allow.",
    steps: (who) =>
      who.browser === "Firefox" ? ["Tick “Remember”, or it asks before every trial."] : [],
  },
  ready: {
    tone: "good",
    title: "Ready",
    text: "Waiting for the bench. Leave this page in front; the screen stays on.",
  },
  measuring: {
    tone: "busy",
    title: "Measuring",
    text: "Leave the device where it is, and keep the room quiet.",
  },
  finished: {
    tone: "done",
    title: "Finished",
    text: "All is measured. You may close this tab.",
  },
  denied: {
    tone: "error",
    title: "The microphone is not allowed",
    text: "Without it nothing can be measured. Allow it for this page:",
    steps: (who) => OPEN_SETTINGS[settingsOf(who)],
    action: RETRY,
  },
  no_microphone: {
    tone: "error",
    title: "No microphone",
    text: "The browser finds none that it can open.",
    steps: (who) => NO_MICROPHONE[systemOf(who, NO_MICROPHONE)],
    action: RETRY,
  },
  insecure: {
    tone: "error",
    title: "This address is not trusted",
    text: "Browsers give the microphone to trusted pages only.",
    steps: (who) => INSECURE[systemOf(who, INSECURE)],
    action: RETRY,
  },
  no_worklet: {
    tone: "error",
    title: "This browser is too old",
    text: "It has no AudioWorklet, so it cannot play and record on one clock.",
    steps: (who) => [
      who.os === "iOS" || who.os === "iPadOS"
        ? `Update ${who.os} to 15.4 or newer.`
        : "Update the browser, or open the link in a new Chrome, Edge, Firefox or Safari.",
    ],
    action: RETRY,
  },
  hidden: {
    tone: "warn",
    title: "The page is not in front",
    text: "Bring it back: the system silences pages that nobody sees.",
  },
  suspended: {
    tone: "warn",
    title: "The sound was stopped",
    text: "The browser, a call or another app took it. End the call, then tap to go on.",
    action: "Go on",
  },
  lost: {
    tone: "warn",
    title: "Connection lost",
    text: "The page tries again by itself.",
    steps: (who) => [
      who.os === "Android" || who.os === "iOS"
        ? "See that the cable or the Wi-Fi is still there."
        : "See that the bench still runs.",
      "If it was started anew, open its newest link.",
    ],
    action: "Try now",
  },
  another_tab: {
    tone: "warn",
    title: "Open in another tab",
    text: "The bench talks to one tab at a time. Close the other one to use this one.",
    action: "Use this tab",
  },
  not_allowed: {
    tone: "error",
    title: "This link is not valid any more",
    text: "It was used in another browser, or belongs to another run.",
    steps: () => ["Open the newest link that the terminal shows."],
  },
  old_page: {
    tone: "warn",
    title: "This page is out of date",
    text: "The bench was started anew with another version.",
    action: "Reload",
  },
};

/** `{tone, title, text, steps, action}` of a state; `who` is what `identify` found. */
export function card(state, who) {
  const { steps = () => [], action = "", ...rest } = CARDS[state];
  const told = steps(who).map((step) => (typeof step === "function" ? step(who) : step));
  return { action, ...rest, steps: told };
}

const OUTCOMES = {
  rate_differs: "plays at another rate; measured again at that rate",
  not_loaded: "the sounds were sent again",
  cancelled: "ended by the bench",
  background: "not measured: the page was hidden",
  permission: "not measured: the microphone is not allowed",
  unsupported: "left out: this browser cannot do it",
  open_failed: "not measured: the sound did not start",
  stream_lost: "not measured: the sound was taken away",
  too_large: "left out: the recording would be too large",
};
const ORDINARY = ["rate_differs", "not_loaded", "cancelled"];

/** What became of a trial that was refused: `{text, ordinary}`. */
export function outcome(refusal) {
  const { code, granted_rate_hz, message } = refusal;
  if (code === "rate_differs") {
    return { text: `This device plays at ${granted_rate_hz} Hz. It is measured at that rate.`,
      ordinary: true };
  }
  const text = OUTCOMES[code] ?? `not measured: ${message}`;
  return { text: text[0].toUpperCase() + text.slice(1), ordinary: ORDINARY.includes(code) };
}

function settingsOf({ browser, os }) {
  if (os === "iOS" || os === "iPadOS") return browser === "Safari" ? "ios" : "ios_other";
  if (os === "Android") return "android";
  if (browser === "Firefox") return "firefox";
  return browser === "Safari" ? "safari" : "desktop";
}

function systemOf({ os }, table) {
  const name = os === "iPadOS" ? "iOS" : os;
  return Object.hasOwn(table, name) ? name : "other";
}
