"""Linking: on to the platform and back, for operators and for customers with a signed address."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from portal.access import actor_of, allows, connections_for, may
from portal.company_page import cards_of
from portal.htmx import go_and_say, go_to, render_page
from portal.links import callback_url, company_of, customer_token
from portal.way_back import keep_query, way_back
from syncengine.actions.linking import LinkRefused, begin_linking, check_approval, finish_linking
from syncengine.exceptions import Refused
from syncengine.models import Company, Connection
from syncengine.states import ConnectionStatus

LINKED = "{} is linked. The first reads have started."
RELINKED = "{} is linked again."


@require_POST
@may("connections.link")
def connection_link(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    return start_linking(request, _connection(request, connection_id))


@require_http_methods(["GET", "POST"])
@may("connections.link")
def connection_approve(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """Say what to approve inside the platform, and look whether it has been."""
    connection = _connection(request, connection_id)
    first = connection.first_linked_at is None
    refusal: Refused | None = None
    if request.method == "POST":
        try:
            linked = check_approval(connection, actor=actor_of(request))
        except Refused as error:
            refusal = error
        else:
            return _linked(request, linked, first)
    elif connection.status == ConnectionStatus.LINKED:
        return redirect("company-detail", company_id=connection.company_id)
    context = _approval_context(connection, refusal)
    return render_page(request, "portal/linking/approve.html", context, status=409 if refusal else 200)


@require_GET
def link_callback(request: HttpRequest) -> HttpResponse:
    """Where the platform sends people back to: operators to the company, customers to their own page."""
    answer = {name: request.GET[name] for name in request.GET if name != "state"}
    try:
        connection = finish_linking(request.GET.get("state", ""), answer, redirect_uri=callback_url())
    except LinkRefused as refusal:
        response = _not_linked(request, refusal, denied=answer.get("error") == "access_denied")
    else:
        response = _return(request, connection, LINKED.format(connection.integration.name))
    add_never_cache_headers(response)
    return response


@require_safe
def customer_page(request: HttpRequest, token: str) -> HttpResponse:
    """The customer's page: how their connections stand, and a way to link them again. No sign-in."""
    company = company_of(token)
    keep_query(request, company)
    context = {"company": company, "cards": cards_of(company), "token": token}
    return _private(render(request, "portal/linking/customer.html", context))


@require_POST
def customer_link(request: HttpRequest, token: str, connection_id: UUID) -> HttpResponse:
    company = company_of(token)
    connection = _customers_connection(company, connection_id)
    try:
        begun = begin_linking(connection, redirect_uri=callback_url(), actor=f"customer:{company.pk}")
    except LinkRefused as refusal:
        messages.warning(request, _with_words(refusal))
        return redirect("customer-page", token=token)
    if begun.url:
        return _leave(request, begun.url, connection)
    return redirect("customer-approve", token=token, connection_id=connection.pk)


@require_http_methods(["GET", "POST"])
def customer_approve(request: HttpRequest, token: str, connection_id: UUID) -> HttpResponse:
    company = company_of(token)
    connection = _customers_connection(company, connection_id)
    refusal: Refused | None = None
    if request.method == "POST":
        try:
            linked = check_approval(connection, actor=f"customer:{company.pk}")
        except Refused as error:
            refusal = error
        else:
            return _customer_returns(request, linked, f"{connection.integration.name} is linked.")
    context = {**_approval_context(connection, refusal), "token": token}
    return _private(render(request, "portal/linking/customer_approve.html", context, status=409 if refusal else 200))


def start_linking(request: HttpRequest, connection: Connection) -> HttpResponse:
    """Begin, and send the browser to the platform or to the page that says what to approve there."""
    try:
        begun = begin_linking(connection, redirect_uri=callback_url(), actor=actor_of(request))
    except LinkRefused as refusal:
        return go_and_say(
            request, _with_words(refusal), "company-detail", company_id=connection.company_id, tone="warning"
        )
    if begun.url:
        return _leave(request, begun.url, connection)
    return go_to(request, "connection-approve", connection_id=connection.pk)


def _leave(request: HttpRequest, url: str, connection: Connection) -> HttpResponse:
    # A page and not a redirect: browsers hold the redirects of a form to the policy's `form-action 'self'`.
    if not url.startswith(("https://", "http://")):
        raise ValueError(f"{connection.integration.key} wants to send people to something that is no web address.")
    return _private(render(request, "portal/linking/leave.html", {"url": url, "connection": connection}))


def _connection(request: HttpRequest, connection_id: UUID) -> Connection:
    return get_object_or_404(connections_for(request.user).select_related("company", "integration"), pk=connection_id)


def _customers_connection(company: Company, connection_id: UUID) -> Connection:
    return get_object_or_404(
        company.connections.filter(deleted_at__isnull=True).select_related("company", "integration"), pk=connection_id
    )


def _approval_context(connection: Connection, refusal: Refused | None) -> dict[str, object]:
    attempt = connection.link_attempts.filter(ended_at__isnull=True).order_by("-started_at").first()
    return {
        "connection": connection,
        "company": connection.company,
        "instruct": attempt.instruct if attempt else "",
        "refusal": refusal,
    }


def _linked(request: HttpRequest, connection: Connection, first: bool) -> HttpResponse:
    said = (LINKED if first else RELINKED).format(connection.integration.name)
    return go_and_say(request, said, "company-detail", company_id=connection.company_id)


def _not_linked(request: HttpRequest, refusal: LinkRefused, *, denied: bool) -> HttpResponse:
    if refusal.connection is None:
        context = {"refusal": refusal}
        return render(request, "portal/linking/unknown.html", context, status=404)
    return _return(request, refusal.connection, _with_words(refusal), refusal=refusal, denied=denied)


def _return(
    request: HttpRequest,
    connection: Connection,
    said: str,
    *,
    refusal: LinkRefused | None = None,
    denied: bool = False,
) -> HttpResponse:
    if allows(request.user, "companies.view"):
        messages.add_message(request, messages.WARNING if refusal else messages.SUCCESS, said)
        return redirect("company-detail", company_id=connection.company_id)
    return _customer_returns(request, connection, said, refusal=refusal, denied=denied)


def _customer_returns(
    request: HttpRequest,
    connection: Connection,
    said: str,
    *,
    refusal: LinkRefused | None = None,
    denied: bool = False,
) -> HttpResponse:
    """Send the customer to where the deployment's profile says, and to our own page when it says nothing."""
    if url := way_back(request, connection, refusal=refusal, denied=denied):
        # A page and not a redirect, as in `_leave`.
        return _private(render(request, "portal/linking/back.html", {"url": url}))
    messages.add_message(request, messages.WARNING if refusal else messages.SUCCESS, said)
    return redirect("customer-page", token=customer_token(connection.company))


def _with_words(refusal: Refused) -> str:
    upstream = getattr(refusal, "upstream", "")
    return f"{refusal.message} The platform said: “{upstream[:300]}”" if upstream else refusal.message


def _private(response: HttpResponse) -> HttpResponse:
    add_never_cache_headers(response)
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
