"""Where the two secrets of a deployment come from: the environment, or a file made on first use."""

import os
import secrets
from pathlib import Path


def secret_from(path: Path) -> str:
    """Return the secret kept in `path`, creating it (mode 0600) when this is the first process to ask.

    Shape:  44 URL-safe characters holding 32 random bytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Written aside and linked into place: a second process never reads a half-written file.
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.touch(mode=0o600, exist_ok=False)
        draft.write_text(secrets.token_urlsafe(32) + "=")
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)
    return path.read_text().strip()
