"""The documents say what is there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAME = re.compile(r"\b(?:HEADRACE_[A-Z_]+|DATABASE_URL|REDIS_URL|EMAIL_URL)\b")


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    read = re.findall(r'env[.a-z]*\(\s*"([A-Z_]+)"', (ROOT / "portal/config/settings.py").read_text())
    rows = re.findall(r"^\| (`.+?`) \|", (ROOT / "docs/configuration.md").read_text(), flags=re.MULTILINE)
    assert {name for row in rows for name in NAME.findall(row)} == set(read)


def test_what_other_documents_set_is_documented() -> None:
    known = set(NAME.findall((ROOT / "docs/configuration.md").read_text()))
    for document in ("README.md", "docs/deployment.md", "compose.yaml", ".env.example", "Dockerfile"):
        assert set(NAME.findall((ROOT / document).read_text())) <= known, document


def test_links_between_documents_lead_somewhere() -> None:
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
            if not target.startswith("docs/images/"):  # made from the running portal, last of all
                assert (document.parent / target).exists(), f"{document.name}: {target}"
