"""What a stranger's export folder may do to the consumers: nothing but be refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from consumer_exports import edit, write
from export_items import item
from hypothesis import given
from hypothesis import strategies as st

from profiler.consumers import CONSUMERS, baresip, linphone_c, signal
from profiler.consumers.checks import Comparison, Unreadable
from profiler.consumers.files import parse_json, read_index, read_json
from profiler.consumers.linphone_files import plain_ini, plain_xml
from profiler.consumers.process import MAX_BYTES, run, run_module
from profiler.export import TARGETS

XML = '<config xmlns="http://www.linphone.org/xsds/lpconfig.xsd">{}</config>'


def test_every_target_has_a_check_and_no_other() -> None:
    assert list(CONSUMERS) == list(TARGETS)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "no JSON"),
        ('{"a": 1, "a": 2}', "twice"),
        ("NaN", "no JSON number"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_json_that_is_none(text: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        parse_json(text, "x.json")


def test_a_file_that_leads_out_of_the_folder_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text("{}")
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "a.json").symlink_to(tmp_path / "secret.json")
    with pytest.raises(Unreadable, match="leads out"):
        read_json(folder, "a.json")
    with pytest.raises(Unreadable, match="missing"):
        read_json(folder, "b.json")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ([], "no object"),
        ({"profiles": [], "models": []}, "profiles is no object"),
        ({"profiles": {"../x": {}}, "models": []}, "no name of a profile"),
        ({"profiles": {"p-000000000000": 3}, "models": []}, "no object"),
        ({"profiles": {"p-000000000000": {}}, "models": []}, "no model has"),
        ({"profiles": {}, "models": [{"manufacturer": "a", "model": 3}]}, "model is no text"),
        (
            {"profiles": {}, "models": [{"manufacturer": "a", "model": "b", "profile": "p-0"}]},
            "no such",
        ),
    ],
)
def test_an_index_of_the_wrong_shape(tmp_path: Path, data: object, why: str) -> None:
    (tmp_path / "index.json").write_text(json.dumps(data))
    with pytest.raises(Unreadable, match=why):
        read_index(tmp_path, "index.json")


@pytest.mark.parametrize(
    "line",
    [
        "[misc]\nconfig-uri=http://example.com/x",
        "[sound]\nec_delay=1\nec_delay=2",
        "[sound]\nec_delay=$(id)",
        "ec_delay=1",
        "[proxy_0]\nreg_proxy=sip:x",
    ],
)
def test_a_linphonerc_with_more_than_sound_is_refused(line: str) -> None:
    with pytest.raises(Unreadable):
        plain_ini(line, "x.linphonerc")


@pytest.mark.parametrize(
    "text",
    [
        "<config/>",
        "not xml",
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + XML.format(""),
        XML.format("<other/>"),
        XML.format('<section name="misc"><entry name="config-uri">http://x</entry></section>'),
        XML.format('<section name="sound"><entry name="agc" other="x">1</entry></section>'),
        XML.format('<section name="sound"><entry name="agc"></entry></section>'),
    ],
)
def test_provisioning_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        plain_xml(text, "x.xml")


@pytest.mark.parametrize(
    "line",
    [
        'int x = system("id");',
        '\t\t{"a", "b", "c", 1, 2, system("id")},',
        '\t\t{"a", "b" "c", "d", 1, 2, 3},',
        "/* a */ int x; /* b */",
        "/* never closed",
        "#include </etc/passwd>",
        '\t\t{"a\\"", "b", "c", 1, 2, 3}, evil(), (struct x){""},',
        '\t\t{"a", "b", "c", 1, 2, 3}, \\',
    ],
)
def test_c_that_is_more_than_rows_is_never_compiled(tmp_path: Path, line: str) -> None:
    with pytest.raises(Unreadable, match="is no row"):
        linphone_c.compiled(f"#include <stddef.h>\n{line}\n", "/bin/false", tmp_path)


@pytest.mark.needs_apt("baresip-core", "baresip")
def test_a_baresip_config_never_loads_other_modules(tmp_path: Path) -> None:
    folder = write(tmp_path, [item()], ["baresip"])
    for path in folder.glob("baresip/p-*/config-1"):
        path.write_text(path.read_text() + "module /tmp/evil.so\n")
    (check,) = baresip.check(folder)
    assert check.status == "rejected"
    assert "'module' does not belong" in check.text


def test_nothing_compared_is_never_a_success_with_values() -> None:
    empty = Comparison("x", "y").result("fine")
    assert (empty.status, empty.checked, empty.text) == ("accepted", 0, "holds no model")


def test_a_comparison_tells_types_apart_and_names_what_differs() -> None:
    compared = Comparison("x", "y")
    for n in range(5):
        compared.same(f"v{n}", True, 1)
    check = compared.result("fine")
    assert check.status == "rejected"
    assert "v0 is 1, exported True" in check.text
    assert "and 2 more" in check.text


def test_a_program_that_never_ends_is_stopped_with_all_it_started(tmp_path: Path) -> None:
    child = "import subprocess,sys; subprocess.Popen(['sleep','60']); print('x', flush=True)"
    ran = run([sys.executable, "-c", f"{child}; import time; time.sleep(60)"], home=tmp_path,
              timeout_s=2.0)  # fmt: skip
    assert ran.code is None
    assert "did not end in time: x" in ran.ending


def test_a_program_that_leaves_a_child_behind_does_not_hold_us(tmp_path: Path) -> None:
    child = "import subprocess; subprocess.Popen(['sleep','60'])"
    assert run([sys.executable, "-c", child], home=tmp_path, timeout_s=20.0).code == 0


def test_endless_output_is_cut_and_the_program_still_ends(tmp_path: Path) -> None:
    flood = f"import sys; sys.stdout.write('x' * {MAX_BYTES * 2})"
    ran = run([sys.executable, "-c", flood], home=tmp_path, timeout_s=30.0)
    assert ran.code == 0
    assert len(ran.out) == MAX_BYTES


def test_a_program_sees_no_secrets_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHIRPBENCH_SECRET", "1")
    show = "import os; print(os.environ.get('CHIRPBENCH_SECRET'), os.environ['HOME'])"
    ran = run([sys.executable, "-c", show], home=tmp_path, timeout_s=20.0)
    assert ran.out.split() == ["None", str(tmp_path)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("raise SystemExit(3)", "exit code 3"),
        ("import os; os.kill(os.getpid(), 11)", "signal 11"),
        ("print('hello')", "answered 'hello'"),
        ("print('[]')", "answered"),
        ("pass", "exit code 0"),
    ],
)
def test_a_child_that_crashes_or_babbles_is_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, why: str
) -> None:
    package = tmp_path / "profiler" / "consumers"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "broken_child.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(Unreadable, match=why):
        run_module("broken_child", {}, home=tmp_path, timeout_s=20.0)


def test_signal_read_twice_agrees_on_any_rules() -> None:
    from profiler.export.signal_rules import Environment, chosen, parse_rules

    entry = st.text("aAbB*\u0131İßẞkK\u212a", max_size=4)
    part = st.fixed_dictionaries(
        {},
        optional={
            "target": st.fixed_dictionaries(
                {},
                optional={
                    "include": st.lists(entry, max_size=3),
                    "exclude": st.lists(entry, max_size=2),
                    "custom": st.booleans(),
                },
            ),
            "settings": st.dictionaries(
                st.sampled_from([*signal.DEFAULTS, "other"]), st.booleans(), max_size=3
            ),
            "final": st.booleans(),
        },
    )

    @given(st.lists(part, max_size=5), entry, st.booleans())
    def agree(rules: list[dict[str, object]], model: str, custom: bool) -> None:
        read = parse_rules(json.dumps(rules))
        assert read is not None
        environment = Environment(model, product="lineage" if custom else "")
        mine = signal.decide(signal.read_rules(rules), model, custom)
        assert mine == chosen(read, environment).as_json()

    agree()


def test_a_rule_of_the_wrong_type_is_refused() -> None:
    for rules in ({}, [3], [{"final": {}}], [{"target": {"include": [1]}}],
                  [{"settings": {"oboe": "yes"}}]):  # fmt: skip
        with pytest.raises(Unreadable):
            signal.read_rules(rules)


def test_a_check_without_its_program_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path, [item()])
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("ctypes.util.find_library", lambda _: None)
    packages = ("jsonschema", "webrtc", "pyarrow", "pjsua2", "livekit", "openai", "pipecat",
                "firebase_remote_config")  # fmt: skip
    for package in packages:
        monkeypatch.setitem(sys.modules, package, None)
    for name in ("profile", "webrtc", "linphone", "baresip", "pjsua2", "livekit", "firebase",
                 "openai_realtime", "pipecat", "parquet"):  # fmt: skip
        checks = CONSUMERS[name](folder)
        assert {c.status for c in checks} == {"unavailable"}, name
        assert all("install" in c.text for c in checks)


@pytest.mark.parametrize("name", list(CONSUMERS))
def test_an_empty_folder_is_refused_and_never_an_exception(tmp_path: Path, name: str) -> None:
    assert {c.status for c in CONSUMERS[name](tmp_path)} <= {"rejected", "unavailable"}


@pytest.mark.parametrize("junk", ["", "null", "[]", '{"models": 3}', '{"models": [3]}', "\x00"])
@pytest.mark.parametrize("name", sorted(set(CONSUMERS) - {"parquet"}))
def test_junk_is_refused_and_never_an_exception(tmp_path: Path, name: str, junk: str) -> None:
    folder = write(tmp_path, [item()], [name])
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "manifest.json":
            path.write_text(junk)
    assert {c.status for c in CONSUMERS[name](folder)} <= {"rejected", "unavailable"}


def test_junk_in_the_manifest_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, [item()], ["csv", "profile", "webrtc", "firebase", "parquet"])
    edit(folder, "manifest.json", lambda _: {"models": [{"manufacturer": 1}]})
    for name in ("csv", "profile", "webrtc", "firebase", "parquet"):
        assert [c.status for c in CONSUMERS[name](folder)] == ["rejected"], name
