"""Fetching the jars, with a program ``mvn`` on the path that stands in for Maven's network."""

from __future__ import annotations

import fcntl
import os
import re
import threading
import zipfile
from pathlib import Path

import pytest

from tools.apk import fetch

FAKE_MAVEN = """#!/bin/sh
echo "$*" >> {log}
for word in "$@"; do
  case "$word" in -DoutputDirectory=*) into="${{word#*=}}" ;; esac
done
if [ "$(wc -l < {log})" -le {failures} ]; then echo "[ERROR] no network"; exit 1; fi
mkdir -p "$into" && cp {files}/* "$into"/
"""


class Shop:
    """What the fake Maven has to give, and the toolchain and lock file that it fills."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.files, self.toolchain = folder / "files", folder / "toolchain"
        self.lock, self.log = folder / "lock.json", folder / "log"
        self.bin = folder / "bin"
        for place in (self.files, self.bin):
            place.mkdir()
        (self.files / "a.jar").write_bytes(b"one")
        monkeypatch.setenv("PATH", f"{self.bin}{os.pathsep}{os.environ['PATH']}")
        self.open()

    def open(self, *, failures: int = 0) -> None:
        """Let the first ``failures`` calls fail."""
        self.log.write_text("")
        program = self.bin / "mvn"
        program.write_text(FAKE_MAVEN.format(log=self.log, files=self.files, failures=failures))
        program.chmod(0o755)

    def fetch(self, *, update_lock: bool = False) -> bool:
        """``fetch.fetch("build")`` into the toolchain of the test."""
        return fetch.fetch(
            "build", self.toolchain, self.lock, update_lock=update_lock, retry_wait_s=0.0
        )

    @property
    def calls(self) -> list[str]:
        """The command lines that Maven saw."""
        return self.log.read_text().splitlines()

    @property
    def got(self) -> dict[str, bytes]:
        """What is in the set."""
        return {p.name: p.read_bytes() for p in (self.toolchain / "build").iterdir()}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    found = Shop(tmp_path, monkeypatch)
    found.fetch(update_lock=True)
    found.open()
    return found


def test_whole_set_is_left_alone(shop: Shop) -> None:
    assert shop.fetch() is False
    assert shop.calls == []


@pytest.mark.parametrize("damage", ["change", "remove", "add"])
def test_set_that_is_not_whole_is_fetched_again(shop: Shop, damage: str) -> None:
    jar = shop.toolchain / "build" / "a.jar"
    if damage == "change":
        jar.write_bytes(b"two")
    elif damage == "remove":
        jar.unlink()
    else:
        jar.with_name("old.jar").write_bytes(b"a version of last year")
    assert shop.fetch() is True
    assert shop.got == {"a.jar": b"one"}
    assert len(shop.calls) == 1


def test_module_plugin_version_and_place_are_told(shop: Shop) -> None:
    (shop.toolchain / "build" / "a.jar").unlink()
    shop.fetch()
    (call,) = shop.calls
    assert "-pl build " in call
    assert re.search(r"maven-dependency-plugin:\d+\.\d+\.\d+:copy-dependencies ", call)


def test_failing_maven_is_tried_again_then_quoted(shop: Shop) -> None:
    (shop.toolchain / "build" / "a.jar").unlink()
    shop.open(failures=fetch.ATTEMPTS - 1)
    assert shop.fetch() is True
    (shop.toolchain / "build" / "a.jar").unlink()
    shop.open(failures=fetch.ATTEMPTS)
    with pytest.raises(fetch.FetchFailed, match=r"(?s)'build'.*no network"):
        shop.fetch()
    assert len(shop.calls) == fetch.ATTEMPTS


def test_file_that_is_not_the_locked_one_is_refused_and_kept_aside(shop: Shop) -> None:
    (shop.toolchain / "build" / "a.jar").unlink()
    (shop.files / "a.jar").write_bytes(b"another")
    (shop.files / "b.jar").write_bytes(b"b")
    with pytest.raises(fetch.FetchFailed) as caught:
        shop.fetch()
    assert re.search(
        r"b\.jar: not in lock\.json\n  a\.jar: SHA-256 \w+ \(7 bytes\)", str(caught.value)
    )
    assert not (shop.toolchain / "build" / "b.jar").exists()
    assert (shop.toolchain / "build.part" / "b.jar").exists()


def test_android_library_becomes_the_jar_in_it(shop: Shop) -> None:
    with zipfile.ZipFile(shop.files / "x.aar", "w") as archive:
        archive.writestr("AndroidManifest.xml", "<manifest/>")
        archive.writestr("classes.jar", b"jar")
    shop.fetch(update_lock=True)
    assert shop.got == {"a.jar": b"one", "x.jar": b"jar"}
    assert shop.fetch() is False


def test_second_fetch_waits_for_the_first(shop: Shop) -> None:
    (shop.toolchain / "build" / "a.jar").unlink()
    with (shop.toolchain / ".fetching").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        other = threading.Thread(target=shop.fetch)
        other.start()
        other.join(0.3)
        assert shop.calls == []
        fcntl.flock(held, fcntl.LOCK_UN)
        other.join()
    assert shop.got == {"a.jar": b"one"}


def test_without_maven_the_package_is_named(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    (shop.toolchain / "build" / "a.jar").unlink()
    monkeypatch.setenv("PATH", str(shop.files))
    with pytest.raises(fetch.FetchFailed, match="apt install maven"):
        shop.fetch()


def test_command_line_refuses_an_unknown_set(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        fetch.main(["nonsense"])
    assert "no set nonsense" in capsys.readouterr().err


def test_lock_file_names_every_set_and_no_place() -> None:
    locked = fetch.read_lock()
    assert set(locked) == set(fetch.SETS)
    assert all(
        re.fullmatch(r"[0-9a-f]{64}", str(f["sha256"])) for s in locked.values() for f in s.values()
    )
    for pom in (fetch.HERE / "maven").rglob("pom.xml"):
        assert (
            re.findall(
                r"https?://\S+", pom.read_text().replace("http://maven.apache.org/POM/4.0.0", "")
            )
            == []
        )
