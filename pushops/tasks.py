"""What workers are woken for."""

from __future__ import annotations

from pushops.run.carrying import carry_out


def run_push(operation_id: str) -> None:
    carry_out(operation_id)
