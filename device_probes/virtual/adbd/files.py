"""A phone's file system in memory: nothing of it ever touches the disk of this machine."""

from __future__ import annotations

import errno
import fnmatch
import posixpath
import stat
import time
from dataclasses import dataclass, field

MAX_NODES = 4096
MAX_PATH_CHARS = 1024
MAX_NAME_BYTES = 255
BLOCK_BYTES = 4096
_MEMORY_BYTES = 256 * 2**20
"""What the files of one phone may take of this machine's memory."""
_LINKS = {
    "/sdcard": "/storage/emulated/0",
    "/storage/self/primary": "/storage/emulated/0",
    "/data/data": "/data/user/0",
}
_WRITABLE = ("/data/local/tmp", "/storage/emulated/0")
_FOLDERS = (
    *("/data", "/data/app", "/data/local", "/data/local/tmp", "/data/user", "/data/user/0"),
    *("/storage", "/storage/emulated", "/storage/emulated/0", "/storage/emulated/0/Download"),
    *("/storage/emulated/0/Android", "/storage/emulated/0/Android/data", "/storage/self"),
    *("/system", "/system/bin", "/system/framework", "/vendor", "/vendor/etc", "/dev", "/proc"),
)


@dataclass(slots=True)
class Node:
    """A file or a folder."""

    mode: int
    data: bytearray = field(default_factory=bytearray)
    mtime_s: float = field(default_factory=time.time)
    uid: int = 2000
    gid: int = 2000

    @property
    def is_dir(self) -> bool:
        """Whether it is a folder."""
        return stat.S_ISDIR(self.mode)

    @property
    def size(self) -> int:
        """Bytes, as ``stat`` has them."""
        return 3452 if self.is_dir else len(self.data)


class FileSystem:
    """Absolute POSIX paths to :class:`Node`; errors are ``OSError`` with a real ``errno``.

    ``..`` cannot leave the root, because there is nothing above it.
    """

    def __init__(self, total_bytes: int, free_bytes: int) -> None:
        self.total_bytes = total_bytes
        self.hostile_names: dict[str, list[str]] = {}
        """Names that listings of a folder show beside the real ones, as a hostile phone would."""
        self._foreign_bytes = total_bytes - free_bytes
        self._own_bytes = 0
        self._nodes: dict[str, Node] = {"/": Node(stat.S_IFDIR | 0o755, uid=0, gid=0)}
        for path in _FOLDERS:
            shell = path.startswith("/data/local/tmp")
            uid = 2000 if shell else 0
            self._nodes[path] = Node(stat.S_IFDIR | 0o771, uid=uid, gid=uid)

    # --- reading ----------------------------------------------------------------------------------

    def resolve(self, path: str) -> str:
        """``path`` without links, ``.`` and ``..``; raises ``OSError``."""
        if "\0" in path or len(path) > MAX_PATH_CHARS:
            raise OSError(errno.ENAMETOOLONG, "File name too long", path)
        whole = posixpath.normpath("/" + path)
        whole = "/" + whole.lstrip("/")
        for link, target in _LINKS.items():
            if whole == link or whole.startswith(link + "/"):
                return target + whole[len(link) :]
        return whole

    def get(self, path: str) -> Node | None:
        """The node at ``path``, or ``None``."""
        return self._nodes.get(self.resolve(path))

    def find(self, path: str) -> Node:
        """The node at ``path``; raises ``FileNotFoundError``."""
        node = self.get(path)
        if node is None:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        return node

    def read(self, path: str) -> bytes:
        """A file's content."""
        node = self.find(path)
        if node.is_dir:
            raise IsADirectoryError(errno.EISDIR, "Is a directory", path)
        return bytes(node.data)

    def names(self, path: str) -> list[str]:
        """Names in the folder ``path``, sorted."""
        if not self.find(path).is_dir:
            raise NotADirectoryError(errno.ENOTDIR, "Not a directory", path)
        base = self.resolve(path).rstrip("/") + "/"
        inside = (p[len(base) :] for p in self._nodes if p.startswith(base) and p != "/")
        real = sorted({name for name in inside if name and "/" not in name})
        return real + self.hostile_names.get(self.resolve(path), [])

    def glob(self, pattern: str) -> list[str]:
        """Paths like ``pattern`` (``*`` and ``?`` in the last part only), sorted."""
        folder, name = posixpath.split(pattern)
        try:
            names = self.names(folder or "/")
        except OSError:
            return []
        return [
            posixpath.join(folder, n) for n in names if n[0] != "." and fnmatch.fnmatchcase(n, name)
        ]

    @property
    def free_bytes(self) -> int:
        """What ``df`` says is available."""
        return max(self.total_bytes - self._foreign_bytes - self._own_bytes, 0)

    # --- writing ----------------------------------------------------------------------------------

    def set_free(self, free_bytes: int) -> None:
        """Let other files take all but ``free_bytes``."""
        self._foreign_bytes = self.total_bytes - self._own_bytes - free_bytes

    def create(self, path: str, mode: int = 0o644, *, system: bool = False) -> Node:
        """A new, empty file, with its folders, as adbd makes one."""
        whole = self._writable(path, system=system)
        old = self._nodes.get(whole)
        if old is not None and old.is_dir:
            raise IsADirectoryError(errno.EISDIR, "Is a directory", path)
        self.mkdir(posixpath.dirname(whole), system=system)
        self._drop(whole)
        uid = 1000 if system else 2000
        node = Node(stat.S_IFREG | (mode & 0o777), uid=uid, gid=uid)
        self._add(whole, node)
        return node

    def append(self, node: Node, data: bytes | memoryview) -> None:
        """Grow a file; raises ``OSError`` (ENOSPC) and keeps what fitted."""
        fits = min(self.free_bytes, _MEMORY_BYTES - self._own_bytes)
        node.data += data[: max(fits, 0)]
        self._own_bytes += min(len(data), max(fits, 0))
        if len(data) > fits:
            raise OSError(errno.ENOSPC, "No space left on device")

    def put(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """A system file with its content, wherever it lies."""
        self.append(self.create(path, mode, system=True), data)

    def mkdir(self, path: str, *, system: bool = False) -> None:
        """A folder with its parents; one that is there stays."""
        whole = self._writable(path, system=system)
        parts = whole.strip("/").split("/")
        for i in range(1, len(parts) + 1):
            part = "/" + "/".join(parts[:i])
            node = self._nodes.get(part)
            if node is None:
                self._add(part, Node(stat.S_IFDIR | 0o771))
            elif not node.is_dir:
                raise NotADirectoryError(errno.ENOTDIR, "Not a directory", path)

    def remove(self, path: str, *, recursive: bool = False, system: bool = False) -> None:
        """Delete a file, or with ``recursive`` a folder and all in it."""
        whole = self._writable(path, system=system)
        node = self.find(whole)
        if node.is_dir:
            if not recursive:
                raise IsADirectoryError(errno.EISDIR, "Is a directory", path)
            for inner in [p for p in self._nodes if p.startswith(whole + "/")]:
                self._drop(inner)
        self._drop(whole)

    def _writable(self, path: str, *, system: bool) -> str:
        whole = self.resolve(path)
        if any(len(part.encode()) > MAX_NAME_BYTES for part in whole.split("/")):
            raise OSError(errno.ENAMETOOLONG, "File name too long", path)
        if not system and not any(whole == w or whole.startswith(w + "/") for w in _WRITABLE):
            if whole.startswith(("/system", "/vendor")):
                raise OSError(errno.EROFS, "Read-only file system", path)
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return whole

    def _add(self, whole: str, node: Node) -> None:
        if len(self._nodes) >= MAX_NODES:
            raise OSError(errno.ENOSPC, "No space left on device", whole)
        self._nodes[whole] = node

    def _drop(self, whole: str) -> None:
        node = self._nodes.pop(whole, None)
        if node is not None:
            self._own_bytes -= len(node.data)
