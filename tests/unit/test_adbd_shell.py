"""The mini shell: what it understands of mksh, and that nothing else runs."""

from __future__ import annotations

import shlex

import pytest
from adbd_phones import one_phone, shell
from hypothesis import example, given, settings
from hypothesis import strategies as st

from device_probes.virtual.adbd.commands import COMMANDS
from device_probes.virtual.adbd.grammar import MAX_LINE_CHARS, ShellSyntaxError, parse

PHONE = one_phone()


@pytest.mark.parametrize(
    ("line", "out", "code"),
    [
        ("echo a  b", "a b\n", 0),
        ("echo 'a  b' \"c  d\" e\\ f", "a  b c  d e f\n", 0),
        ("echo -n x; echo y", "xy\n", 0),
        ('echo "it\'s" \'"q"\' "\\$HOME \\"x\\""', 'it\'s "q" $HOME "x"\n', 0),
        ("false; echo X4EXIT:$?", "X4EXIT:1\n", 0),
        ("true && echo yes || echo no", "yes\n", 0),
        ("false && echo yes || echo no", "no\n", 0),
        ("false || false", "", 1),
        ("false\ntrue", "", 0),
        ("exit 3; echo never", "", 3),
        ("true | exit 4", "", 4),
        ("X=5; echo $X ${X}1 '$X' \"$X\"", "5 51 $X 5\n", 0),
        ("echo $NOTHING end", "end\n", 0),
        ('echo "$NOTHING" end', " end\n", 0),
        ("echo a # b", "a\n", 0),
        ("echo a#b", "a#b\n", 0),
        ("id -u; whoami", "2000\nshell\n", 0),
        ("echo one two | grep -o two", "two\n", 0),
        ("echo a\\\nb", "ab\n", 0),
        ("/system/bin/echo hi", "hi\n", 0),
        ("toybox echo hi", "hi\n", 0),
        ("nosuch 2>/dev/null; echo $?", "127\n", 0),
        ("nosuch 2>&1 | grep -c inaccessible", "1\n", 0),
        ("echo x >&2 2>/dev/null", "", 0),
        ("echo a > /data/local/tmp/f; echo b >> /data/local/tmp/f; cat < /data/local/tmp/f",
         "a\nb\n", 0),
        ("getprop | grep -E 'version.(sdk|release)' | head -n 1",
         "[ro.build.version.release]: [14]\n", 0),
        ("", "", 0),
        ("  \n ", "", 0),
    ],
)  # fmt: skip
def test_lines_mean_what_they_mean_to_mksh(line, out, code):
    said = shell(one_phone(), line)
    assert (said.out, said.code) == (out, code)


@pytest.mark.parametrize(
    "line",
    ["echo $(id)", "echo `id`", "(id)", "id &", "if true; then id; fi", "for i in a; do id; done",
     "echo 'open", 'echo "open', "&& id", "id ||", "; id", "id | | id", "echo $((1+1))",
     "{ id; }", "id >", "echo ${x:-y}", "while true; do id; done", "! true", "echo >&9",
     "echo x >/system/bin/sh", "cat </nowhere"],
)  # fmt: skip
def test_what_is_not_supported_fails_aloud_and_runs_nothing(line):
    said = shell(PHONE, line)
    assert said.code != 0
    assert "uid=" not in said.out
    assert said.err.startswith("/system/bin/sh: ")


def test_unknown_commands_have_the_words_of_their_android():
    assert shell(PHONE, "rm2 -rf /").err == "/system/bin/sh: rm2: inaccessible or not found\n"
    old = one_phone(api_level=28)
    assert shell(old, "rm2 -rf /") == (127, "", "/system/bin/sh: rm2: not found\n")


@settings(deadline=None)
@given(st.lists(st.text(max_size=20).filter(lambda s: "\0" not in s), max_size=6))
@example(["", "'", '"', "\\", "$?", "a b", "*", "\n", "-n"])
def test_what_shlex_quotes_arrives_as_it_was(words):
    """adbutils quotes with ``shlex.quote``'s rules."""
    line = " ".join(["echo", "--", *map(shlex.quote, words)])
    assert shell(PHONE, line).out == " ".join(["--", *words]) + "\n"


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet=st.sampled_from("ab ;&|<>'\"\\$?{}()`#=*\n2x./-"), max_size=40))
def test_any_line_is_parsed_or_refused(line):
    try:
        steps = parse(line)
    except ShellSyntaxError:
        assert shell(PHONE, line).code == 1
    else:
        assert all(step.pipeline for step in steps)
        assert 0 <= shell(one_phone(), line).code <= 255


def test_a_line_without_end_is_refused():
    assert "too long" in shell(PHONE, "echo " + "x" * MAX_LINE_CHARS).err
    assert "too many" in shell(PHONE, "true;" * 600).err


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(sorted(set(COMMANDS) - {"sleep", "logcat", "exit"})),
    st.lists(
        st.one_of(
            st.text(max_size=12).filter(lambda s: "\0" not in s),
            st.sampled_from(["-n", "-l", "-c", "--user", "-S", "-t", "get", "put", "global", "1",
                             "install", "start", "volume", "--set", "/data/local/tmp", "-999"]),
        ),
        max_size=5,
    ),
)  # fmt: skip
def test_no_command_breaks_on_any_arguments(name, args):
    line = " ".join([name, *map(shlex.quote, args)])
    said = shell(one_phone(), line, stdin=b"some input\n")
    assert 0 <= said.code <= 255


def test_globs_match_files_of_the_phone_only():
    phone = one_phone()
    shell(phone, "touch /data/local/tmp/chirpbench-1 /data/local/tmp/chirpbench-2")
    assert shell(phone, "echo /data/local/tmp/c*-?").out == (
        "/data/local/tmp/chirpbench-1 /data/local/tmp/chirpbench-2\n"
    )
    assert shell(phone, "echo '/data/local/tmp/c*'").out == "/data/local/tmp/c*\n"
    assert shell(phone, "echo /etc/*").out == "/etc/*\n"
    assert shell(phone, "rm -f /data/local/tmp/chirpbench-*; ls /data/local/tmp").out == ""


def test_files_have_toyboxes_words():
    phone = one_phone()
    for line, code, err in (
        ("cat /nowhere", 1, "cat: /nowhere: No such file or directory\n"),
        ("cat /data", 1, "cat: /data: Is a directory\n"),
        ("ls /nowhere", 1, "ls: /nowhere: No such file or directory\n"),
        ("rm /nowhere", 1, "rm: /nowhere: Permission denied\n"),
        ("rm /data/local/tmp/x", 1, "rm: /data/local/tmp/x: No such file or directory\n"),
        ("rm -f /data/local/tmp/x", 0, ""),
        ("rm /system/bin", 1, "rm: /system/bin: Read-only file system\n"),
        ("mkdir /data/local/tmp", 1, "mkdir: '/data/local/tmp': File exists\n"),
        ("sha256sum /nowhere", 1, "sha256sum: /nowhere: No such file or directory\n"),
        ("touch /etc/x", 1, "touch: /etc/x: Permission denied\n"),
        ("echo x > /etc/y", 1, "/system/bin/sh: can't create /etc/y: Permission denied\n"),
    ):
        assert shell(phone, line) == (code, "", err), line


def test_digests_sizes_and_space_are_those_of_the_files():
    phone = one_phone(android="[phone.android.at_start]\nfree_mb = 100")
    shell(phone, "echo hello > /data/local/tmp/h")
    assert shell(phone, "sha256sum /data/local/tmp/h").out == (
        "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03  /data/local/tmp/h\n"
    )
    assert shell(phone, "md5sum -b /data/local/tmp/h").out == "b1946ac92492d2347c6235b4d2611184\n"
    assert shell(phone, "stat -c '%s %a %F' /data/local/tmp/h").out == "6 644 regular file\n"
    head, row = shell(phone, "df -k /data/local/tmp").out.splitlines()
    assert head.split()[:4] == ["Filesystem", "1K-blocks", "Used", "Available"]
    assert int(row.split()[3]) == (100_000_000 - 6) // 4096 * 4
    phone.fill_disk()
    assert shell(phone, "df -k /data").out.splitlines()[1].split()[3] == "0"
    full = shell(phone, "cp /data/local/tmp/h /data/local/tmp/i")
    assert (full.code, full.err) == (
        1, "cp: bad '/data/local/tmp/h': No space left on device\n"
    )  # fmt: skip


def test_a_hostile_phone_answers_what_it_wants():
    phone = one_phone()
    phone.override("dumpsys battery", lambda argv: b"level: \x1b[2J'; DROP TABLE--\n")
    assert "\x1b[2J" in shell(phone, "dumpsys battery").out
    phone.override("getprop", lambda argv: ("<b>", 9) if argv == ["getprop"] else None)
    assert shell(phone, "getprop") == (9, "<b>", "")
    assert shell(phone, "getprop ro.serialno").out == "A1\n"
    phone.override("*anything*", lambda argv: (b"x" for _ in range(3)))
    assert shell(phone, "some anything else").out == "xxx"
