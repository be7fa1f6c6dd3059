"""The iOS probe's sources as far as Linux can judge them; each check finds what it is for."""

from __future__ import annotations

import plistlib
import re
import shutil
from pathlib import Path

import pytest

from device_probes import protocol
from tools import ios_app, ios_check, ios_project

APP = ios_project.APP


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(APP, tmp_path / "ProbeApp"))


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after), "utf-8")


def test_there_are_sources_of_all_three_kinds() -> None:
    found = ios_project.sources()
    assert len(found["App"]) > 15
    assert {"wire.c", "duplex.c", "session.c", "json.c"} <= set(found["Core"])
    assert found["Unit"] == ["io_unit.c", "io_unit.h"]


def test_project_scheme_and_project_yml_are_in_step() -> None:
    assert ios_check.in_step() == [], "run python -m tools.ios_project"
    assert ios_project.main(["--check"]) == 0


def test_a_new_source_puts_the_project_out_of_step(copy: Path) -> None:
    (copy / "App" / "More.swift").write_text("/// More.\nenum More {}\n", "utf-8")
    assert ios_project.differing(copy) == [ios_project.PROJECT]
    assert ios_check.project(copy) == [
        "project: App/More.swift is not in it",
        "project: App/More.swift is not compiled",
    ]


def test_a_project_by_hand_is_out_of_step_and_what_it_lacks_is_named(copy: Path) -> None:
    project = copy / ios_project.PROJECT
    text = project.read_text("utf-8")
    build = ios_project.identifier("build", "Core/json.c")
    listed = f"\t\t\t\t{build},\n"
    edit(project, listed, "")
    assert ios_check.project(copy) == ["project: Core/json.c is not compiled"]
    project.write_text(text.replace(listed, f"\t\t\t\t{'A' * 24},\n"), "utf-8")
    assert any(
        "is named and not there" in one or "KeyError" in one for one in ios_check.project(copy)
    )
    project.write_text(text.replace("org.chirpbench.probe", "com.example.probe"), "utf-8")
    assert len(ios_check.project(copy)) == 2
    project.write_text(text.replace('"-O";', '"-O"'), "utf-8")
    assert "cannot be read" in ios_check.project(copy)[0]
    assert ios_check.in_step(copy)


def test_a_file_that_has_gone_is_named(copy: Path) -> None:
    (copy / "Core" / "ring.c").unlink()
    assert ios_check.project(copy) == ["project: Core/ring.c is not there"]
    (copy / ios_project.BRIDGE).unlink()
    complaints = ios_check.project(copy)
    assert complaints.count("project: SWIFT_OBJC_BRIDGING_HEADER names no file") == 2


@pytest.mark.parametrize(
    "text", ["", "{", "{a}", "{a=;}", "{a=1}", "{a=(1 2);}", "{a=1;a=2;}", "(1)", "{} {}", "{a=@;}"]
)
def test_what_is_no_property_list_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ios_check.NotReadable):
        ios_check.openstep(text)


def test_the_reader_of_projects_reads_what_xcode_writes() -> None:
    text = '// !$*UTF8*$!\n{ a /* x */ = (1, "b; \\"c\\"", ); "d-e" = { f = g/h.c; }; }'
    assert ios_check.openstep(text) == {"a": ["1", 'b; "c"'], "d-e": {"f": "g/h.c"}}


def test_identifiers_are_as_xcode_writes_them_and_no_two_are_the_same() -> None:
    text = (APP / ios_project.PROJECT).read_text("utf-8")
    defined = re.findall(r"^\t\t([0-9A-F]{24}) /\*", text, re.MULTILINE)
    assert len(defined) > 80
    assert len(set(defined)) == len(defined)


def test_info_plist_has_what_ios_needs() -> None:
    assert ios_check.info_plist() == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("NSMicrophoneUsageDescription", " "),
        ("NSMicrophoneUsageDescription", None),
        ("CFBundleIdentifier", "org.example"),
        ("UIBackgroundModes", None),
        ("UILaunchScreen", None),
    ],
)
def test_a_lacking_key_of_info_plist_is_named(copy: Path, key: str, value: str | None) -> None:
    path = copy / ios_project.PLIST
    plist = plistlib.loads(path.read_bytes())
    del plist[key]
    if value is not None:
        plist[key] = value
    path.write_bytes(plistlib.dumps(plist))
    (complaint,) = ios_check.info_plist(copy)
    assert key in complaint
    path.write_bytes(b"<plist>")
    assert "cannot be read" in ios_check.info_plist(copy)[0]


def test_constants_are_the_hosts() -> None:
    assert ios_check.constants() == []
    said = ios_check.enumerators((APP / "Core" / "bounds.h").read_text("utf-8"))
    compared = set(said) & set(ios_check.bounds())
    assert {"PROTOCOL", "MAX_PCM_BYTES", "MAX_STIMULUS_BYTES", "MAX_OBSERVED"} <= compared
    assert len(compared) > 25, sorted(set(said) - compared)


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("Core/bounds.h", "CP_PROTOCOL = 4", "CP_PROTOCOL = 3"),
        ("Core/bounds.h", "CP_MAX_PCM_BYTES = 128 << 20", "CP_MAX_PCM_BYTES = 127 << 20"),
        ("Core/bounds.h", "CP_MAX_NOTES = 16,", ""),
        ("Core/words.h", '"stream_lost"', '"stream_gone"'),
        ("Core/words.h", '"warming"', '"heating"'),
        ("Core/words.h", 'ACT_ROUTE "route"', 'ACT_ROUTE "path"'),
        ("App/BuildInfo.swift", 'version = "', 'version = "9'),
    ],
)
def test_a_constant_of_another_value_is_named(
    copy: Path, file: str, before: str, after: str
) -> None:
    edit(copy / file, before, after)
    (complaint,) = ios_check.constants(copy)
    assert file in complaint


def test_swift_names_only_what_the_core_has() -> None:
    """Every ``cp_…`` function and ``CP_…`` constant that Swift uses is declared in a header."""
    headers = "".join(p.read_text("utf-8") for p in APP.rglob("*.h"))
    swift = "".join(p.read_text("utf-8") for p in ios_check.swift_files())
    swift = re.sub(r"//[^\n]*", "", swift)
    used = set(re.findall(r"\b(?:cp|CP)_\w+", swift))
    declared = set(re.findall(r"\b(?:cp|CP)_\w+", re.sub(r"/\*.*?\*/", "", headers, flags=re.S)))
    assert len(used) > 60
    assert used - declared == set()


def test_the_port_is_the_drivers_and_no_other_address_than_loopback_is_listened_on() -> None:
    build = (APP / "App" / "BuildInfo.swift").read_text("utf-8")
    assert "static let defaultPort: UInt16 = 7878" in build
    listener = (APP / "App" / "Listener.swift").read_text("utf-8")
    assert 'address.sin_addr.s_addr = inet_addr("127.0.0.1")' in listener
    assert "INADDR_ANY" not in listener


def test_every_code_of_a_refusal_can_be_said() -> None:
    sources = [*ios_check.swift_files(), *(APP / "Core").glob("session.c")]
    text = "".join(path.read_text("utf-8") for path in sources)
    for code in protocol.RefusedCode:
        assert f"CP_{code.name}" in text, code


def test_sizes_of_files_and_functions(copy: Path) -> None:
    assert ios_check.sizes() == []
    rows = "\n".join("        print(1)" for _ in range(41))
    long = f"struct A {{\n    func f() {{\n{rows}\n    }}\n}}\n// {'x' * 100}\n"
    (copy / "App" / "A.swift").write_text(long, "utf-8")
    (copy / "Core" / "a.c").write_text(f"static int f(void)\n{{\n{rows}\n}}\n" + "\n" * 360)
    complaints = ios_check.sizes(copy)
    assert [one.split(":")[0] for one in complaints] == ["A.swift", "A.swift", "a.c", "a.c"]


def test_every_swift_type_says_what_it_is() -> None:
    for path in ios_check.swift_files():
        text = path.read_text("utf-8")
        for match in re.finditer(r"^(?:final )?(?:class|struct|enum) \w+", text, re.MULTILINE):
            before = re.sub(r"\n@\w+$", "", text[: match.start()].rstrip()).rsplit("\n", 1)[-1]
            assert before.startswith("///"), f"{path.name}: {match[0]}"


def test_every_swift_file_parses(tmp_path: Path) -> None:
    reader = ios_check.parser()
    if reader is None:
        pytest.skip(ios_check.TREE_SITTER)
    assert ios_check.syntax(reader, ios_check.swift_files()) == []
    broken = tmp_path / "Broken.swift"
    broken.write_text("struct A {\n    func f( {\n    }\n}\n", "utf-8")
    assert ios_check.syntax(reader, [broken])


def test_swift_calls_the_core_as_its_headers_say(copy: Path) -> None:
    reader = ios_check.parser()
    if reader is None:
        pytest.skip(ios_check.TREE_SITTER)
    assert ios_check.core_calls(reader) == []
    edit(
        copy / "App" / "Trial.swift",
        "cp_duplex_look(timeline, cp_now_ns())",
        "cp_duplex_look(timeline)",
    )
    edit(copy / "App" / "Trial.swift", "plan.began_ns = beganNs", "plan.begun_ns = beganNs")
    complaints = ios_check.core_calls(reader, copy)
    assert [one.partition(": ")[2] for one in complaints] == [
        "cp_duplex_look takes 2, not 1",
        "no field begun_ns",
    ]


def test_building_is_xcodes_and_elsewhere_it_is_said_what_is_needed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    signed, compiled = ios_app.command("ABCDE12345"), ios_app.command("")
    assert "DEVELOPMENT_TEAM=ABCDE12345" in signed
    assert "CODE_SIGNING_ALLOWED=NO" in compiled
    assert {"ChirpbenchProbe.xcodeproj", "Release"} <= set(signed) & set(compiled)
    assert ios_app.main(["my team; rm"]) == 2
    assert "no team id" in capsys.readouterr().err
    monkeypatch.setenv("PATH", "")  # no xcodebuild, on a Mac either
    assert ios_app.main([]) == 2
    assert "make ios-app TEAM=" in capsys.readouterr().err
