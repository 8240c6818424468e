"""What a kubelet does with the Secrets that the hook server mounts: files of one folder, all exchanged at once."""

import base64
import secrets
import shutil
from pathlib import Path

from tests.cluster.plane import ControlPlane

TLS, CALLERS = "aim-hooks-tls", "aim-hooks-callers"


def folder(plane: ControlPlane, secret: str) -> Path:
    """Where a Secret of the operator's namespace is mounted."""
    return plane.folder / "mounted" / secret


def refresh(plane: ControlPlane) -> None:
    """Let the files be what the Secrets hold now."""
    for secret in (TLS, CALLERS):
        data = plane.get("secret", secret, "--namespace=aim-system").get("data") or {}
        write(folder(plane, secret), {key: base64.b64decode(value) for key, value in data.items()})


def token(plane: ControlPlane) -> str:
    """What the API server shows, as the hook server has it; nothing before there is one."""
    file = folder(plane, CALLERS) / "admission"
    return file.read_text().split()[0] if file.exists() else ""


def write(place: Path, files: dict[str, bytes]) -> None:
    """The files behind a link to a link, as kubelets write them: whoever reads sees all of the old ones, or the new."""
    place.mkdir(parents=True, exist_ok=True)
    before, fresh = place / "..data", place / f"..{secrets.token_hex(8)}"
    fresh.mkdir(mode=0o700)
    for name, content in files.items():
        (fresh / name).write_bytes(content)
        if not (place / name).is_symlink():
            (place / name).symlink_to(Path("..data", name))
    old = before.resolve() if before.is_symlink() else None
    link = place / "..data_tmp"
    link.symlink_to(fresh.name)
    link.replace(before)
    if old:
        shutil.rmtree(old)
