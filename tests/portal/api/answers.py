"""What tests say about answers: a refusal in one line, and the members every answer of a kind must have."""

from __future__ import annotations

from typing import Any


def refused(response: Any) -> tuple[int, str]:
    """Return (status, error) of a refusal, after looking at the whole of its form."""
    body = response.json()
    assert set(body) == {
        "statusCode", "service", "error", "correlationId", "validation", "canBeRetried", "detailedErrorCode",
    }  # fmt: skip
    assert (body["statusCode"], body["correlationId"]) == (response.status_code, response["X-Correlation-Id"])
    assert isinstance(body["canBeRetried"], str)
    return response.status_code, body["error"]


def members_at_fault(response: Any) -> list[str]:
    validation = response.json()["validation"]
    return [issue["itemId"] for issue in validation["errors"]] if validation else []


def told(response: Any) -> Any:
    """Return the body of a good answer."""
    assert response.status_code == 200, response.content
    assert response["Content-Type"] == "application/json; charset=utf-8"
    return response.json()


def empty(response: Any) -> tuple[int, bytes]:
    return response.status_code, response.content


def anonymous(response: Any) -> tuple[int, bytes]:
    """Return status and body without the correlation id, for comparing bytes."""
    return response.status_code, response.content.replace(response["X-Correlation-Id"].encode(), b"")
