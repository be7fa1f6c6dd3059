"""Java sources -> class files -> ``classes.dex``, and what the app's Java may not use."""

from __future__ import annotations

from pathlib import Path

from tools.apk import classfile, layout, programs

JAVA_8 = 52
WARNINGS = "-Xlint:all,-classfile,-deprecation,-options"
"""Off: what the framework's own class files lack, and calls that older phones still need."""

BUILD_INFO = """\
package org.chirpbench.probe;

/** Written by tools/apk from profiler.__version__ and device_probes.protocol; do not edit. */
final class BuildInfo {{
    static final String VERSION_NAME = "{version_name}";
    static final int VERSION_CODE = {version_code};
    /** Version of docs/probe-protocol.md that this probe speaks. */
    static final int PROTOCOL = {protocol};

    private BuildInfo() {{
    }}
}}
"""


def build_info_path(app: Path) -> Path:
    """Where ``BuildInfo.java`` belongs in the sources ``app``."""
    return app / "src" / "main" / "java" / Path(*layout.PACKAGE.split(".")) / "BuildInfo.java"


def build_info_text() -> str:
    """The class that tells the app its own version; committed, so that Gradle sees it too."""
    return BUILD_INFO.format(
        version_name=layout.VERSION_NAME,
        version_code=layout.version_code(layout.VERSION_NAME),
        protocol=layout.PROTOCOL,
    )


def compile_classes(app: Path, into: Path) -> None:
    """Every ``.java`` below ``app/src/main/java`` -> class files for Java 8.

    Relative names and a sorted list: nothing of this machine gets into the classes.

    Raises:
        BuildFailed: javac said no, or said anything at all.
        ValueError: the classes hold what dx cannot translate.
    """
    folder = app / "src" / "main" / "java"
    sources = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.java"))
    if not sources:
        raise programs.BuildFailed(f"{folder} holds no Java source")
    into.mkdir(parents=True)
    command = ["javac", "--release", "8", "-encoding", "UTF-8", "-g:source,lines", "-proc:none"]
    command += [WARNINGS, "-Werror", "-cp", str(layout.ANDROID_JAR), "-d", str(into.resolve())]
    programs.run([*command, *sources], folder=folder)
    if problems := forbidden(into):
        raise ValueError("dx cannot translate this app:\n" + "\n".join(problems))


def forbidden(classes: Path) -> list[str]:
    """What the class files below ``classes`` hold that Android 8 could not run after dx.

    dx does not rewrite lambdas, method references or method bodies in interfaces as Google's
    newer dexer does: it would write code that only newer Android versions load.
    """
    problems = []
    for path in sorted(classes.rglob("*.class")):
        found = classfile.parse(path.read_bytes())
        if found.major > JAVA_8:
            problems.append(f"{found.name}: class file version {found.major}, at most {JAVA_8}")
        if found.dynamic:
            problems.append(
                f"{found.name}: a lambda or method reference ({', '.join(found.dynamic)}): "
                "write an anonymous class"
            )
        if found.access & classfile.ACC_INTERFACE:
            problems += [
                f"{found.name}.{member.signature}: a method body in an interface"
                for member in found.members
                if "(" in member.signature
                and not member.access & classfile.ACC_ABSTRACT
                and not member.signature.startswith("<clinit>")
            ]
    return problems


def dex(classes: Path, into: Path) -> None:
    """Class files -> one dex file, by one thread: the order of its tables is then fixed.

    Raises:
        BuildFailed: dx said no.
    """
    command: list[str | Path] = ["java", "-cp", layout.DX_JAR, "com.android.dx.command.Main"]
    programs.run([*command, "--dex", "--num-threads=1", f"--output={into}", classes])
