"""Runs inside the environment of one official SDK: makes the calls it is told and tells what came of them.

In:   one JSON object on standard input: {"package", "url", "authorization", "calls": [{"call", "request"?}]}.
Out:  one JSON array: {"ok": true, "value": …} or {"ok": false, "error": class, "status": …, "body": …} for each call.
It imports nothing of the project, for the SDK's environment holds none of it.
"""

import base64
import importlib
import json
import sys

NAMES = {
    "codat_platform": "CodatPlatform",
    "codat_accounting": "CodatAccounting",
    "codat_sync_for_expenses": "CodatSyncExpenses",
}


def client_of(package, url, authorization):
    module = importlib.import_module(package)
    made = {"server_url": url, "timeout_ms": 30000}
    if package == "codat_common":
        return module.CodatCommon(auth_header=authorization, retry_config=no_retries(package), **made)
    shared = importlib.import_module(f"{package}.models.shared")
    name = NAMES[package]
    security = shared.Security(auth_header=authorization)
    return getattr(module, name)(security=security, retry_config=no_retries(package), **made)


def no_retries(package):
    """Without this a 5xx is repeated for up to an hour."""
    try:
        return importlib.import_module(f"{package}.utils.retries").RetryConfig(strategy="none")
    except (ImportError, TypeError):
        utils = importlib.import_module(f"{package}.utils")
        return utils.RetryConfig("none", utils.BackoffStrategy(1, 1, 1, 1), False)


def make(client, call):
    operation = client
    for name in call["call"].split("."):
        operation = getattr(operation, name)
    return operation(request=real(call["request"])) if "request" in call else operation()


def real(value):
    """Return what JSON cannot say: bytes stand in it as {"$bytes": base64}."""
    if isinstance(value, list):
        return [real(item) for item in value]
    if isinstance(value, dict):
        inner = {key: real(member) for key, member in value.items()}
        return base64.b64decode(inner["$bytes"]) if set(inner) == {"$bytes"} else inner
    return value


def plain(value):
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if hasattr(value, "read"):
        return plain(value.read())
    return str(value)


def tell(client, call):
    try:
        return {"ok": True, "value": plain(make(client, call))}
    except Exception as error:
        answer = getattr(error, "raw_response", None)
        status = getattr(error, "status_code", None) or getattr(answer, "status_code", None)
        body = getattr(error, "body", None) or getattr(answer, "text", None) or str(error)
        if status is None and str(body).startswith("{"):
            status = json.loads(body)["statusCode"]  # the older ones keep nothing but the error body
        return {"ok": False, "error": type(error).__name__, "status": status, "body": str(body)[:4000]}


told = json.load(sys.stdin)
sdk = client_of(told["package"], told["url"], told["authorization"])
json.dump([tell(sdk, call) for call in told["calls"]], sys.stdout)
