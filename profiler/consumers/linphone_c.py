"""Compiles a C file of device rows. Only a file that is nothing but rows is compiled: a foreign
one must not bring code."""

from __future__ import annotations

import re
from pathlib import Path

from profiler.consumers.checks import Unreadable
from profiler.consumers.process import run

TIMEOUT_S = 60.0
HEADER = """\
typedef struct _MSDevicesInfo MSDevicesInfo;
void ms_devices_info_add(MSDevicesInfo *devices_info, const char *manufacturer, const char *model,
                         const char *platform, unsigned int flags, int delay, int recommended_rate);
"""
"""What the file needs of ``mediastreamer2/devices.h``."""
CODE = frozenset(
    """\
#include <stddef.h>
#include <mediastreamer2/devices.h>

void chirpbench_add_devices(MSDevicesInfo *devices);
void chirpbench_add_devices(MSDevicesInfo *devices) {
	static const struct {
		const char *manufacturer, *model, *platform;
		unsigned int flags;
		int delay, rate;
	} rows[] = {
		{NULL, NULL, NULL, 0, 0, 0}
	};
	size_t i;
	for (i = 0; rows[i].manufacturer != NULL; i++)
		ms_devices_info_add(devices, rows[i].manufacturer, rows[i].model, rows[i].platform,
			rows[i].flags, rows[i].delay, rows[i].rate);
}""".splitlines()
)
"""Every line that is neither a comment nor a row."""
_TEXT = r'"(?:[ !#-\[\]-~]|\\[0-7]{3})*"'
_ROW = re.compile(rf"\t\t\{{{_TEXT}, {_TEXT}, {_TEXT}, \d+, \d+, \d+\}},")
_COMMENT = re.compile(r"\t*/\* (?:(?!\*/)[ -~])* \*/")


def compiled(text: str, compiler: str, home: Path) -> Path:
    """The shared object of a file of rows. Raises :class:`Unreadable`."""
    for number, line in enumerate(text.split("\n"), 1):
        if not (line in CODE or _ROW.fullmatch(line) or _COMMENT.fullmatch(line)):
            raise Unreadable(f"devices.c, line {number} is no row: {line[:80]!r}")
    (home / "mediastreamer2").mkdir()
    (home / "mediastreamer2/devices.h").write_text(HEADER, encoding="ascii")
    (home / "devices.c").write_text(text, encoding="ascii")
    argv = [compiler, "-std=gnu99", "-Wall", "-Werror", "-Wno-comment", "-shared", "-fPIC", "-I",
            str(home), "-o", str(home / "devices.so"), str(home / "devices.c")]  # fmt: skip
    ran = run(argv, home=home, timeout_s=TIMEOUT_S)
    if ran.code != 0:
        raise Unreadable(f"devices.c: the compiler {ran.ending}")
    return home / "devices.so"
