"""Where the two secrets of a deployment come from: the environment, or a file made on first use."""

import base64
import os
import secrets
from pathlib import Path


def secret_from(path: Path, *, random_bytes: int = 32) -> str:
    """Return the secret kept in `path`, creating it (mode 0600) when this is the first process to ask.

    Shape:  URL-safe base64 of that many random bytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Written aside and linked into place: a second process never reads a half-written file.
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.touch(mode=0o600, exist_ok=False)
        draft.write_text(base64.urlsafe_b64encode(secrets.token_bytes(random_bytes)).decode())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)
    return path.read_text().strip()
