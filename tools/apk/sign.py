"""Signs the APK with the public test key (docs/decisions/0008-public-test-key.md)."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from tools.apk import layout, programs


def der(pem: Path, what: str) -> bytes:
    """The binary form of the block ``what`` of a PEM file.

    Raises:
        BuildFailed: the file holds no such block.
    """
    block = rf"-----BEGIN {what}-----\s+([A-Za-z0-9+/=\s]+)-----END {what}-----"
    found = re.search(block, pem.read_text("ascii"))
    if found is None:
        raise programs.BuildFailed(f"{pem}: no {what} in it")
    return base64.b64decode("".join(found.group(1).split()), validate=True)


def sign(unsigned: Path, signed: Path, work: Path) -> None:
    """Signature schemes 2 and 3. RSA with PKCS #1 v1.5 padding: the same bytes every time.

    Scheme 1 is for Android 6 and older; scheme 4 writes a second file that nobody needs.

    Raises:
        BuildFailed: apksigner said no.
    """
    key, certificate = work / "key.pk8", work / "certificate.der"
    key.write_bytes(der(layout.KEY, "PRIVATE KEY"))
    certificate.write_bytes(der(layout.CERTIFICATE, "CERTIFICATE"))
    command: list[str | Path] = ["apksigner", "sign", "--key", key, "--cert", certificate]
    command += ["--min-sdk-version", str(layout.MIN_SDK)]
    for scheme, wanted in ((1, "false"), (2, "true"), (3, "true"), (4, "false")):
        command += [f"--v{scheme}-signing-enabled", wanted]
    programs.run([*command, "--out", signed, unsigned])
