"""The house stands as drawn: imports point down, one module speaks HTTP, the sandbox knows nobody."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Servers and supervisors listen, or look whether a port is free; none of them calls out. The connector does: it runs on
# a customer's machine, alone, and calls the hub and the platforms it was started for.
MAY_OPEN = {
    ("portal/supervision.py", "socket"),
    ("syncengine/cluster_keeper.py", "socket"),
    ("syncengine/connector_process.py", "http.client"),
    ("syncengine/connector_process.py", "socket"),
    ("syncengine/sandbox/server.py", "socket"),
}


def test_every_import_contract_is_kept():
    lint = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
    assert "5 kept, 0 broken" in result.stdout


def test_no_module_but_the_outbound_client_opens_a_connection():
    forbidden = {"http.client", "urllib.request", "socket", "ftplib", "smtplib", "telnetlib"}
    found = {
        (str(path.relative_to(ROOT)), name)
        for package in ("portal", "customdata", "pushops", "syncengine")
        for path in (ROOT / package).rglob("*.py")
        for name in _imports(path) & forbidden
        if not path.is_relative_to(ROOT / "syncengine" / "outbound")
    }
    assert found == MAY_OPEN


def _imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_the_connector_needs_nothing_but_python():
    imported = {name.partition(".")[0] for name in _imports(ROOT / "syncengine" / "connector_process.py")}
    assert imported - {"__future__"} <= sys.stdlib_module_names
