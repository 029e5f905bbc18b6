"""Companies: list, detail, create, rename, delete, refresh."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.access import actor_of, allows, companies_for, may
from portal.activity import recent_activity
from portal.company_page import cards_context, grid_context
from portal.confirming import ask_first
from portal.forms.companies import CompanyForm, ConfirmForm, RenameForm
from portal.htmx import go_and_say, not_changed, render_page, wants_fragment
from syncengine.actions.companies import create_company, delete_company, rename_company
from syncengine.actions.datasets import refresh_company
from syncengine.exceptions import Refused
from syncengine.models import Company
from syncengine.queries.companies import NO_CONNECTIONS, STATES_BY_URGENCY, companies_page
from syncengine.queries.data_status import grid_version

DETAIL = "portal/companies/detail.html"


@require_safe
@may("companies.view")
def company_list(request: HttpRequest) -> HttpResponse:
    search, state = request.GET.get("q", "").replace("\0", "").strip()[:200], request.GET.get("state", "")
    page = companies_page(
        companies_for(request.user), search=search, state=state, after=request.GET.get("after"), size=25
    )
    context = {
        "page": page,
        "search": search,
        "state": state,
        "states": [*STATES_BY_URGENCY, NO_CONNECTIONS],
        "is_filtered": bool(search or state),
    }
    return render_page(request, "portal/companies/list.html", context, fragment="results")


@require_http_methods(["GET", "POST"])
@may("companies.edit")
def company_create(request: HttpRequest) -> HttpResponse:
    form = CompanyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            company = create_company(**form.cleaned_data, actor=actor_of(request))
        except Refused as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        else:
            return go_and_say(
                request, f"{company.name} is created. Connect a platform next.", "company-detail", company_id=company.pk
            )
    status = 422 if form.errors else 200
    return render_page(request, "portal/companies/form.html", {"form": form}, status=status)


@require_safe
@may("companies.view")
def company_detail(request: HttpRequest, company_id: UUID) -> HttpResponse:
    company = _company(request, company_id)
    polled = request.GET.get("v")
    if polled and wants_fragment(request) and polled == grid_version(company):
        return not_changed()
    return render_page(request, DETAIL, _detail_context(request, company), fragment="live")


@require_http_methods(["GET", "POST"])
@may("companies.edit")
def company_rename(request: HttpRequest, company_id: UUID) -> HttpResponse:
    company = _company(request, company_id)
    form = RenameForm(request.POST if request.method == "POST" else None, initial={"name": company.name})
    if request.method == "POST" and form.is_valid():
        try:
            rename_company(company, name=form.cleaned_data["name"], actor=actor_of(request))
        except Refused as refusal:
            form.add_error("name", refusal.message)
        else:
            return go_and_say(request, f"Renamed to {company.name}.", "company-detail", company_id=company.pk)
    context = {"form": form, "company": company}
    return render_page(
        request, "portal/companies/rename.html", context, fragment="form", status=422 if form.errors else 200
    )


@require_http_methods(["GET", "POST"])
@may("companies.delete")
def company_delete(request: HttpRequest, company_id: UUID) -> HttpResponse:
    company = _company(request, company_id)
    form = ConfirmForm(request.POST if request.method == "POST" else None, name=company.name)
    if request.method == "POST" and form.is_valid():
        delete_company(company, actor=actor_of(request))
        return go_and_say(request, f"{company.name} is deleted.", "company-list")
    return ask_first(
        request,
        title=f"Delete {company.name}?",
        text="Its connections and all data read for it go with it. This cannot be undone.",
        button="Delete company",
        here="Delete company",
        trail=[
            ("Companies", reverse("company-list")),
            (company.name, reverse("company-detail", args=[company.pk])),
        ],
        form=form,
    )


@require_POST
@may("data.refresh")
def company_refresh(request: HttpRequest, company_id: UUID) -> HttpResponse:
    company = _company(request, company_id)
    try:
        queued = refresh_company(company, actor=actor_of(request))
    except Refused as refusal:
        return go_and_say(request, refusal.message, "company-detail", company_id=company.pk, tone="warning")
    if not queued:
        said, tone = "Every data type is being read already.", "info"
    else:
        said, tone = f"{len(queued)} data {'type is' if len(queued) == 1 else 'types are'} queued.", "success"
    return go_and_say(request, said, "company-detail", company_id=company.pk, tone=tone)


def _company(request: HttpRequest, company_id: UUID) -> Company:
    return get_object_or_404(companies_for(request.user), pk=company_id)


def _detail_context(request: HttpRequest, company: Company) -> dict[str, Any]:
    context = cards_context(company, seen=request.GET.get("c"))
    context["activity"] = recent_activity(company)
    if allows(request.user, "data.view"):
        context |= grid_context(company)
    return context
