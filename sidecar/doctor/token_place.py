"""The token's file: readable, by whom, and in a volume that the kubelet keeps fresh?

Modes and layout are the kubelet's (Kubernetes 1.19 and later: `util.FsUserFrom`, `pkg/volume/util/atomic_writer.go`).
"""

import re
import stat
from pathlib import Path

from sidecar.core import audiences
from sidecar.core.findings import Finding
from sidecar.doctor.findings import failed, passed, skipped, warned
from sidecar.doctor.pod import Pod

READABLE_BY_ALL = stat.S_IROTH
VOLUME = (
    "volumes:\n  - name: sts-token\n    projected:\n      sources:\n        - serviceAccountToken:\n"
    f"            path: token\n            audience: {audiences.STS}\n            expirationSeconds: 3600"
)
FS_GROUP = "securityContext: # of the pod\n  fsGroup: 65532 # the kubelet then gives the token to this group, mode 0640"
WHOLE_DIRECTORY = (
    "volumeMounts:\n  - name: sts-token\n    mountPath: /var/run/secrets/irsa-sidecar # no subPath\n    readOnly: true"
)


def readable(pod: Pod) -> Finding:
    path = pod.token_path
    if path is None and pod.config is not None:
        return skipped(
            "token-file", "none", "The default role presents no token of its own: it stands on another role."
        )
    if path is None:
        return skipped("token-file", "no path", "AWS_WEB_IDENTITY_TOKEN_FILE is not an absolute path.", VOLUME)
    if pod.token is not None:
        return passed("token-file", f"{path}: {len(pod.token.raw)} characters", "The file can be read.")
    assert pod.trouble is not None
    fix = f"{pod.trouble.fix}\n{VOLUME if not path.exists() else FS_GROUP}"
    return failed("token-file", f"{path}, {pod.user}{_owner(path)}", pod.trouble.cause, fix)


def _owner(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"; mode {stat.S_IMODE(found.st_mode):04o}, owner {found.st_uid}:{found.st_gid}"


def permissions(pod: Pod) -> Finding | None:
    """Mode and owner of what the symlinks lead to."""
    path = pod.token_path
    if path is None or pod.token is None:
        return None
    found = path.stat()
    saw = f"{path.resolve()}{_owner(path)}; the doctor runs as {pod.user}"
    if found.st_mode & READABLE_BY_ALL:
        return warned(
            "token-permissions",
            saw,
            "Every process of every container that mounts it can read the token: containers run as different users and "
            "the pod has no fsGroup.",
            FS_GROUP,
        )
    return passed("token-permissions", saw, "Readable by the sidecar, and not by every user.")


def volume(pod: Pod) -> Finding | None:
    """A projected volume replaces a symlink named `..data`; a file mounted alone is never replaced."""
    path = pod.token_path
    if path is None or pod.token is None:
        return None
    if (path.parent / "..data").is_symlink():
        return passed(
            "token-volume", f"{path.parent}/..data -> {(path.parent / '..data').readlink()}", "A projected volume."
        )
    if _is_mount_point(path, pod.mountinfo):
        return failed(
            "token-volume",
            f"{path} is a mount point of its own",
            "It is mounted with subPath: it never receives a rotated token, and expires within a day.",
            WHOLE_DIRECTORY,
        )
    return warned(
        "token-volume",
        f"no ..data in {path.parent}",
        "This is not a projected volume: nothing replaces the token before it expires.",
        f"{VOLUME}\n{WHOLE_DIRECTORY}",
    )


def _is_mount_point(path: Path, mountinfo: Path) -> bool:
    """proc(5): the fifth field of a line is the mount point, its white space and backslashes in octal."""
    try:
        lines = mountinfo.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return False
    points = {_unescaped(line.split(" ")[4]) for line in lines if line.count(" ") > 4}  # noqa: PLR2004 (see above)
    return str(path) in points or str(path.parent.resolve() / path.name) in points


def _unescaped(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), field)
