"""The vendor's document as we are judged by it: what it leaves unsaid is added here, and nowhere else."""

from __future__ import annotations

from typing import Any

from portal.api.root import routes

_METHODS = ("get", "post", "put", "patch", "delete")
# Refusals that the vendor's guides describe for every operation, and its document for some only: a body that cannot be
# read, a thing that is not there, not now, an idempotency key used twice, a body too large, a method of another path.
_UNSAID = ("400", "404", "405", "409", "413", "415", "422")


def filtered(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with the paths that the API serves."""
    served = {path: item for path, item in document["paths"].items() if routes().resolve(path) is not None}
    refusal = {
        "description": "Refused",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorMessage"}}},
    }
    for item in served.values():
        for method in _METHODS:
            for status in _UNSAID if method in item else ():
                item[method]["responses"].setdefault(status, refusal)
    # A slip: a page may be asked for with up to 5,000 results, which its answer may then not hold.
    document["components"]["schemas"]["PagingInfo"]["properties"]["pageSize"]["maximum"] = 5000
    # Its 204 is described with the body of a 429, which an empty answer cannot have.
    served["/apiKeys/{apiKeyId}"]["delete"]["responses"]["204"] = {"description": "Deleted"}
    return {**document, "paths": served, "servers": [{"url": "/"}]}
