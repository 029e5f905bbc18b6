"""Signing in and out, and the person's time zone."""

from __future__ import annotations

import hashlib

from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from portal.access import signed_in
from portal.addresses import address_of
from portal.formats import zone_named
from portal.forms.session import SignInForm
from portal.models import User
from syncengine.limits import Budget, take

# A stranger who guesses at an account slows down only the address he guesses from, never the account's owner.
PER_ACCOUNT_AND_ADDRESS = 30  # five at once, then one every 2.3 s (syncengine.limits)
PER_ADDRESS = 120
WRONG = "This e-mail address and password do not belong together. Check both and try again."
TOO_MANY = "There were too many attempts from here. Wait a minute, then try again."


@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    wanted = own_path(request, request.POST.get("next") or request.GET.get("next", ""))
    if request.user.is_authenticated:
        return redirect(wanted)
    form = SignInForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = _try(request, form)
        if status == 200:
            return redirect(wanted)
    response = render(request, "portal/session/sign_in.html", {"form": form, "next": wanted}, status=status)
    add_never_cache_headers(response)
    return response


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("sign-in")


@require_POST
@signed_in
def choose_time_zone(request: HttpRequest) -> HttpResponse:
    """Remember the zone that times are shown in; an unknown one changes nothing."""
    name = request.POST.get("zone", "")[:64]
    if zone_named(name) is not None:
        User.objects.filter(pk=str(request.user.pk)).update(time_zone=name)
    return redirect(own_path(request, request.POST.get("next", "")))


def own_path(request: HttpRequest, url: str) -> str:
    """Return `url` when it is a path of this portal, else the overview."""
    is_own = url.startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts={request.get_host()})
    return url if is_own else reverse("overview")


def _try(request: HttpRequest, form: SignInForm) -> int:
    """Sign the person in, or note on the form why not. Returns the status to answer with."""
    if not form.is_valid():
        return 422
    email = form.cleaned_data["email"].lower()
    address = address_of(request)
    account = hashlib.sha256(email.encode()).hexdigest()[:32]
    budgets = [
        Budget(f"sign-in:{address}", PER_ADDRESS),
        Budget(f"sign-in:{address}:{account}", PER_ACCOUNT_AND_ADDRESS),
    ]
    if take(budgets) > 0:
        form.add_error(None, TOO_MANY)
        return 429
    user = authenticate(request, username=email, password=form.cleaned_data["password"])
    if user is None:
        form.add_error(None, WRONG)
        return 422
    login(request, user)
    return 200
