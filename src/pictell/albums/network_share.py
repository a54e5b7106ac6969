"""Whether a file is on another machine, where SQLite's write-ahead log must not be used."""

from __future__ import annotations

from pathlib import Path

_SHARES = frozenset(
    ("nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afs", "ncpfs", "9p", "ceph", "davfs", "fuse.davfs2",
     "fuse.glusterfs", "fuse.rclone", "fuse.sshfs")
)  # fmt: skip


def is_on_network_share(path: Path, mounts: Path = Path("/proc/mounts")) -> bool:
    """Whether `path`, which need not be there yet, is on a network share, as far as the system tells (Linux)."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False
    kinds: dict[str, str] = {}
    for line in lines:
        _, where, kind, *_ = line.split(" ")
        # Spaces and the like are octal there.
        kinds[where.encode("utf-8", "surrogateescape").decode("unicode_escape")] = kind
    place = path.absolute()
    for folder in (place, *place.parents):
        if str(folder) in kinds:
            return kinds[str(folder)] in _SHARES
    return False
