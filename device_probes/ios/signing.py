"""How long the signature of an app on an iPhone still holds.

An app signed for development runs until its provisioning profile expires: 7 days after it was made
for a free team, a year for a paid one. The profile says so itself (``ExpirationDate``; Apple TN3125
"Inside Code Signing: Provisioning Profiles"). It is a signed CMS message around a property list
that stands in it in the clear; the signature is the phone's to check, not ours. A profile may have
been made days before the app was built with it, so the date counts, never "built + 7 days".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from device_probes.fields import Malformed
from device_probes.ios.plists import read_plist

MAX_PROFILE_BYTES = 1 << 20
FREE_TEAM_DAYS = 7
_FREE_LIFETIME = timedelta(days=FREE_TEAM_DAYS + 1)
WARN_FREE = timedelta(days=3)
WARN_PAID = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Profile:
    """One provisioning profile, as far as it concerns us. Untrusted text."""

    name: str
    team: str
    app: str
    """Which apps it is for, without the team's prefix: a bundle id, or one with a ``*`` at its
    end."""
    created: datetime
    expires: datetime
    """UTC."""

    @property
    def is_free(self) -> bool:
        """Whether it is one of a free team, by how long it holds."""
        return self.expires - self.created <= _FREE_LIFETIME

    def covers(self, bundle: str) -> bool:
        """Whether an app of this bundle id can be signed with it."""
        if self.app.endswith("*"):
            return bundle.startswith(self.app[:-1])
        return bundle == self.app


def read_profile(data: bytes) -> Profile:
    """Read a ``.mobileprovision`` file; raises :class:`Malformed` and nothing else."""
    if len(data) > MAX_PROFILE_BYTES:
        raise Malformed(f"profile has {len(data)} bytes, {MAX_PROFILE_BYTES} at most")
    start = data.find(b"<?xml")
    end = data.find(b"</plist>", max(start, 0))
    if start < 0 or end < 0:
        raise Malformed("profile holds no property list")
    values = read_plist(data[start : end + len(b"</plist>")], "profile")
    created, expires = values.moment("CreationDate"), values.moment("ExpirationDate")
    if created is None or expires is None:
        raise Malformed("profile has no dates")
    identifier = values.inner("Entitlements").text("application-identifier", 256)
    _, dot, app = identifier.partition(".")  # TEAMID.bundle.id
    if not dot or not app:
        raise Malformed("profile names no app")
    return Profile(
        name=values.text("Name", 256),
        team=values.text("TeamName", 256) or values.first("TeamIdentifier"),
        app=app,
        created=created,
        expires=expires,
    )


def holding(profiles: Iterable[Profile], bundle: str) -> Profile | None:
    """The profile that an app can run longest with; ``None``: none on the phone is for it.

    Which of several an installed app was signed with is not known: this one is the last that can
    be it, so an app is called expired only when it certainly is.
    """
    return max((p for p in profiles if p.covers(bundle)), key=lambda p: p.expires, default=None)


def is_over(profile: Profile, now: datetime) -> bool:
    """Whether the phone no longer starts what was signed with it; ``now`` is aware of its zone."""
    return now >= profile.expires


def warning(profile: Profile, now: datetime, what: str) -> str:
    """What to say of the signature of ``what`` at ``now``; ``""`` while there is time.

    Warns 3 days ahead for a free team, 7 days for a paid one. The computer's clock is believed.
    """
    left = profile.expires - now
    day = f"{profile.expires:%Y-%m-%d %H:%M} UTC"
    team = "free team: 7 days" if profile.is_free else "paid team: a year"
    if left <= timedelta(0):
        return f"the signature of {what} ended {day} ({team}): sign and install it again"
    if left > (WARN_FREE if profile.is_free else WARN_PAID):
        return ""
    return f"the signature of {what} ends in {_span(left)}, {day} ({team}): sign it again in time"


def _span(left: timedelta) -> str:
    if left.days >= 1:
        return f"{left.days} day{'s' if left.days > 1 else ''}"
    hours = left.seconds // 3600
    return f"{hours} h" if hours else "less than an hour"
