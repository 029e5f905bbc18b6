"""The one place where the answer depends on who asks.

A type that was never read is told as `{"dataType": "suppliers"}` in dataStatus: the form in which the contract was
first described. The official SDKs cannot read it: they are generated from a document that calls `currentStatus`
required, and throw at the whole answer. They do accept that the type is absent. So requests that say in `User-Agent`
that they come from one of those SDKs, in whatever language and version, get such types left out.
"""

from __future__ import annotations

from django.http import HttpRequest

# "codat-sdk/python 6.0.0 1.0.0 3.0.0 codat-platform", and what the generation before called itself:
# "speakeasy-sdk/python 0.35.0 2.415.6 3.0.0 codat-common".
_NAMES = ("codat-sdk/", "speakeasy-sdk/")


def is_official_sdk(request: HttpRequest) -> bool:
    return request.headers.get("User-Agent", "").lower().startswith(_NAMES)
