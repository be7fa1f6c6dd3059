"""``chirpbench dashboard``: how it starts, whom it answers, how it ends."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import store_records as records
from alembic import command as alembic
from alembic.config import Config
from cli_process import assert_one_line_error, chirpbench, environment, script
from dashboard_servers import Served, started
from sqlalchemy import create_engine

from db.migrate import MIGRATIONS
from db.schema import HEAD_REVISION
from db.store import Store

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "bench.db"
    with Store.open(path) as opened:
        opened.upsert_device(records.device(), records.facts())
    return path


def command(*words: str | Path) -> list[str]:
    return [str(script()), "dashboard", "--no-browser", *map(str, words)]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def get(url: str) -> tuple[int, str]:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.status, answer.read().decode()


def wait_until(happened: Callable[[], bool], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_it_says_at_once_that_it_prepares_and_then_its_address(store: Path) -> None:
    with started(command("--db", store)) as server:
        assert [line.split(": ", 1)[1] for line in server.said] == [
            "preparing, this takes some seconds\n", f"{server.url} (Ctrl-C ends it)\n",
        ]  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_its_address_and_ends_without_a_word(store: Path, number: int) -> None:
    with started(command("--db", store)) as server:
        status, page = get(server.url)
        assert status == 200
        assert "<title>chirpbench</title>" in page
        assert len(server.said) == 2
        assert server.end(number) == 0
    assert server.complained == []


def test_an_address_without_a_page_is_not_answered_with_another_page(store: Path) -> None:
    with started(command("--db", store)) as server:
        for path in ("nopage", "a/b?x=1"):
            with pytest.raises(urllib.error.HTTPError) as failed:
                get(f"{server.url}/{path}")
            with failed.value as answer:
                assert answer.code == 404
                assert "There is no page" in answer.read().decode()
        for path in ("model?model=x", "model/"):
            assert get(f"{server.url}/{path}")[0] == 200


def test_it_listens_on_this_computer_only(store: Path) -> None:
    with started(command("--db", store)) as server:
        port = int(server.url.rsplit(":", 1)[1])
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.2", port), timeout=5)


def test_it_ends_with_whoever_started_it(store: Path) -> None:
    with started(command("--db", store)) as server:
        server.process.kill()  # no chance to say anything to its child
        server.process.wait()
        wait_until(lambda: not answers(server), 30)


def answers(server: Served) -> bool:
    try:
        socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), 2).close()
    except OSError:
        return False
    return True


def test_a_taken_port_is_left_to_its_owner(store: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = chirpbench("dashboard", "--no-browser", "--db", store, "--port", port,
                          cwd=store.parent)  # fmt: skip
    assert_one_line_error(done, 2, port, "--port")
    assert done.stdout == ""


def test_without_a_named_port_the_next_one_is_taken(store: Path) -> None:
    with started(command("--db", store)) as first, started(command("--db", store)) as second:
        assert first.url != second.url
        assert get(second.url)[0] == 200


def test_a_missing_store_is_said_as_every_command_says_it(tmp_path: Path) -> None:
    done = chirpbench("dashboard", "--no-browser", "--db", tmp_path / "none.db", cwd=tmp_path)
    assert_one_line_error(done, 2, "none.db", "chirpbench run")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_store_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("shopping list, longer than a header of a database\n" * 9)
    done = chirpbench("dashboard", "--no-browser", "--db", tmp_path / "notes.db", cwd=tmp_path)
    assert_one_line_error(done, 2, "notes.db")


def test_an_older_store_is_upgraded_before_it_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    engine = create_engine(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        alembic.upgrade(config, "0003")
    engine.dispose()
    with started(command("--db", path)) as server:
        assert get(server.url)[0] == 200
    with closing(sqlite3.connect(path)) as found:
        (now,) = found.execute("SELECT version_num FROM alembic_version").fetchall()
    assert now == (HEAD_REVISION,)


def test_without_its_packages_it_names_the_extra(store: Path) -> None:
    code = (
        "import sys; sys.modules['streamlit'] = None\n"
        "from profiler.cli import main; sys.exit(main(['dashboard', '--db', sys.argv[1]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(store)], capture_output=True, text=True, timeout=60,
        env=environment(), check=False,
    )  # fmt: skip
    assert_one_line_error(done, 2, "streamlit", "pip install 'chirpbench[dashboard]'")


def test_help_imports_neither_streamlit_nor_the_store() -> None:
    code = (
        "import sys\nfrom profiler.cli.arguments import build_parser\n"
        "try:\n    build_parser().parse_args(['dashboard', '--help'])\n"
        "except SystemExit:\n    pass\n"
        "print({'streamlit', 'sqlalchemy', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.endswith("set()\n")


@pytest.mark.parametrize("word", ["0", "80", "70000", "x"])
def test_a_port_that_cannot_be_is_refused(word: str, tmp_path: Path) -> None:
    done = chirpbench("dashboard", "--port", word, cwd=tmp_path)
    assert_one_line_error(done, 2, word)


def test_a_folder_with_our_names_in_it_changes_nothing(store: Path) -> None:
    """A user's ``db.py`` in the current folder is not ours."""
    for name in ("db", "dashboard", "profiler", "streamlit"):
        (store.parent / f"{name}.py").write_text("raise SystemExit('not this one')\n")
    with started(command("--db", store), cwd=store.parent) as server:
        assert get(server.url)[0] == 200


def test_settings_of_the_user_do_not_open_the_server(store: Path) -> None:
    settings = store.parent / ".streamlit"
    settings.mkdir()
    (settings / "config.toml").write_text(
        '[server]\naddress = "0.0.0.0"\nenableCORS = false\nbaseUrlPath = "elsewhere"\n'
        '[browser]\ngatherUsageStats = true\n[client]\ntoolbarMode = "developer"\n'
    )
    with started(command("--db", store), cwd=store.parent) as server:
        port = int(server.url.rsplit(":", 1)[1])
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.2", port), timeout=5)
        assert get(f"{server.url}/_stcore/health") == (200, "ok")


# --- the demo ---------------------------------------------------------------------------------


def demo_stores(folder: Path) -> list[Path]:
    return list(folder.glob("chirpbench-demo-*/demo.db"))


@pytest.mark.alone  # its bench gives way to everything else
def test_the_demo_fills_a_store_and_leaves_nothing_behind(tmp_path: Path) -> None:
    before = set(ours())
    with started(command("--demo"), env={"TMPDIR": str(tmp_path)}) as server:
        (path,) = demo_stores(tmp_path)
        wait_until(lambda: has_trials(path), 120)
        assert get(server.url)[0] == 200
        assert server.end() == 0
    assert server.complained == []
    assert list(tmp_path.glob("chirpbench-demo-*")) == []
    wait_until(lambda: set(ours()) <= before, 30)


def has_trials(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as found:
        (trials,) = found.execute("SELECT count(*) FROM trials").fetchone()
    return bool(trials)


def ours() -> list[int]:
    """Processes whose store is a demo's of these tests (Linux)."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            said = (folder / "environ").read_bytes()
        except OSError:
            continue
        if b"CHIRPBENCH_DB=" in said and b"chirpbench-demo-" in said and b"pytest" in said:
            found.append(int(folder.name))
    return found


def test_the_demo_does_not_touch_real_results(store: Path) -> None:
    done = chirpbench("dashboard", "--demo", "--no-browser", "--db", store, cwd=store.parent)
    assert_one_line_error(done, 2, "bench.db", "does not exist")


def test_the_demo_keeps_a_store_that_is_named(tmp_path: Path) -> None:
    with started(command("--demo", "--db", tmp_path / "kept.db")) as server:
        assert get(server.url)[0] == 200
        assert server.end() == 0
    assert (tmp_path / "kept.db").exists()
    assert os.environ.get("CHIRPBENCH_DB") is None
