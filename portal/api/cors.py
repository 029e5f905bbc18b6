"""Which browser origins may read answers (codat contract, section 16.3)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers

from portal.models import DeploymentSettings

METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
SENT = "Authorization, Content-Type, Idempotency-Key, If-None-Match, X-Correlation-Id"
SHOWN = (
    "ETag, Retry-After, Idempotency-Replayed, X-Correlation-Id, X-Data-As-Of, X-Data-Stale, X-Data-Stale-Reason, "
    "X-Rate-Limit-Limit, X-Rate-Limit-Remaining, X-Rate-Limit-Reset, "
    "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Raw-Data-Source"
)


def preflight(request: HttpRequest) -> HttpResponse:
    """Answer a browser that asks before it sends; it holds no key yet, so nobody is asked for one."""
    response = HttpResponse(status=204)
    response["Allow"] = METHODS
    if request.headers.get("Access-Control-Request-Method") and _allowed(request):
        response["Access-Control-Allow-Methods"] = METHODS
        response["Access-Control-Allow-Headers"] = SENT
        response["Access-Control-Max-Age"] = "600"
    return response


def stamp(request: HttpRequest, response: HttpResponseBase) -> None:
    """Let an allowed origin read the answer. Cookies play no part: the API knows keys only."""
    if "Origin" not in request.headers:
        return
    patch_vary_headers(response, ("Origin",))
    if _allowed(request):
        response["Access-Control-Allow-Origin"] = request.headers["Origin"]
        response["Access-Control-Expose-Headers"] = SHOWN


def _allowed(request: HttpRequest) -> bool:
    origins = DeploymentSettings.objects.filter(pk=1).values_list("allowed_origins", flat=True).first() or []
    return request.headers.get("Origin", "") in origins
