"""Where a customer's browser goes after linking: the address in the deployment's profile, filled in."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest

from portal.models import DeploymentSettings
from portal.redirect_template import custom_placeholders, fill, tells_outcome
from syncengine.exceptions import Refused
from syncengine.models import Company, Connection
from syncengine.states import ConnectionStatus

LONGEST_VALUE = 200


def keep_query(request: HttpRequest, company: Company) -> None:
    """Keep what the redirect wants of the customer's link's own query, until they come back from the platform."""
    wanted = custom_placeholders(DeploymentSettings.load().redirect_url) & set(request.GET)
    if wanted:
        request.session[_place(company)] = {name: request.GET[name][:LONGEST_VALUE] for name in sorted(wanted)}


def way_back(
    request: HttpRequest, connection: Connection, *, refusal: Refused | None = None, denied: bool = False
) -> str:
    """Return where to send the customer, "" for our own page.

    That is also where they stay when linking failed and the template would not say so.
    denied:  the customer said no at the platform.
    """
    profile = DeploymentSettings.load()
    if not profile.redirect_url or (refusal and not tells_outcome(profile.redirect_url)):
        return ""
    status = _status(connection, refusal, denied)
    company, integration = connection.company, connection.integration
    values = {
        **request.session.get(_place(company), {}),
        "clientId": str(profile.client_id),
        "connectionId": str(connection.pk),
        "companyId": str(company.pk),
        "integrationId": str(integration.pk),
        "sourceId": str(connection.source_id),
        "platform": integration.key,
        "platformName": integration.name,
        "sourceType": integration.source_type,
        "statusCode": str(status.value),
        "statusText": status.phrase,
        "errorMessage": refusal.message if refusal else "",
        "data.company.companyName": company.name,
    }
    return fill(profile.redirect_url, values, profile.white_list_urls)


def _status(connection: Connection, refusal: Refused | None, denied: bool) -> HTTPStatus:
    """200 linked, 201 nothing done, 403 the customer said no, 500 anything else (codat contract, section 16.5)."""
    if refusal is None:
        return HTTPStatus.OK
    if denied:
        return HTTPStatus.FORBIDDEN
    if connection.status == ConnectionStatus.LINKED:
        return HTTPStatus.CREATED
    return HTTPStatus.INTERNAL_SERVER_ERROR


def _place(company: Company) -> str:
    return f"link-query:{company.pk}"
