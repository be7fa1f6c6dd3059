"""``chirpbench verify`` from a store to an outcome that is stored."""

from __future__ import annotations

from pathlib import Path

import pytest
from model_stores import make_store

from db.knowledge import known_results, verifications
from db.store import Store
from profiler.cli import main
from profiler.model import Outcome
from profiler.summary import KnowledgeBase


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("verify") / "models.db"
    make_store(path, models=3, seed=5)
    return str(path)


@pytest.fixture(scope="module")
def model(url: str) -> str:
    with Store.open(url, create=False) as store:
        return KnowledgeBase(known_results(store)).models()[0].key.model


def test_one_short_session_runs_and_is_honestly_too_few(url: str, model: str, capsys):
    words = ["verify", model, "--network", "lossy", "--sessions", "1", "--seconds", "6",
             "--db", url]  # fmt: skip
    code = main(words)
    out = capsys.readouterr().out
    assert code == 1
    assert "not verified" in out
    assert "recommended:" in out
    with Store.open(url, create=False) as store:
        found = verifications(store)
    assert [v.outcome for v in found] == [Outcome.NOT_VERIFIED]
    assert found[0].network == "lossy"
    assert found[0].recommended.settings


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nobody's phone"], "nobody's phone"),
        (["MODEL", "--network", "lossi"], "did you mean lossy"),
        (["MODEL", "--networks", "/nonexistent/nets.toml"], "nets.toml"),
    ],
)
def test_wrong_words_are_answered_before_anything_runs(
    url: str, model: str, capsys, words: list[str], said: str
):
    words = [model if w == "MODEL" else w for w in words]
    assert main(["verify", *words, "--db", url]) == 2
    assert said in capsys.readouterr().err


def test_an_unknown_key_of_a_network_file_is_named(url: str, model: str, capsys, tmp_path: Path):
    file = tmp_path / "nets.toml"
    file.write_text('[[networks]]\nname = "x"\nsource = "s"\n[[networks.phases]]\nlos = 1\n')
    words = [model, "--networks", str(file), "--network", "x"]
    assert main(["verify", *words, "--db", url]) == 2
    err = capsys.readouterr().err
    assert "networks[0].phases[0].los" in err
    assert "loss_percent" in err
