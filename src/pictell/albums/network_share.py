"""Whether a file is on another machine, where SQLite's write-ahead log must not be used."""

from __future__ import annotations

import os
import re
from pathlib import Path

_SHARES = frozenset(
    ("nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afs", "ncpfs", "9p", "beegfs", "ceph", "davfs", "lustre",
     "fuse.ceph", "fuse.curlftpfs", "fuse.davfs2", "fuse.glusterfs", "fuse.gvfsd-fuse", "fuse.rclone", "fuse.s3fs",
     "fuse.smbnetfs", "fuse.sshfs", "fuse.vmhgfs-fuse", "prl_fs", "vboxsf")
)  # fmt: skip


def is_on_network_share(path: Path, mounts: Path = Path("/proc/mounts")) -> bool:
    """Whether `path`, which need not be there yet, is on a network share, as far as the system tells (Linux)."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
    except OSError:
        return False
    kinds: dict[str, str] = {}
    for line in filter(None, lines):
        _, where, kind, *_ = line.split(" ")
        # Spaces and the like are octal there, letters are not.
        kinds[re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), where)] = kind
    place = Path(os.path.realpath(path))
    for folder in (place, *place.parents):
        if str(folder) in kinds:
            return kinds[str(folder)] in _SHARES
    return False
