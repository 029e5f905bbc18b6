"""Who acted, as the engine writes it ("user:<id>", "api-key:<id>"), and the people among them by name."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

from portal.models import User


def ids_among(actors: Iterable[str], kind: str) -> dict[str, UUID]:
    """Return the id of each actor of this kind, such as "user", by the actor."""
    found = {}
    for actor in actors:
        before, _, rest = actor.partition(":")
        if before == kind:
            with suppress(ValueError):
                found[actor] = UUID(rest)
    return found


def user_names(actors: Iterable[str]) -> dict[str, str]:
    """Return the name of each actor that is a user who is still there; one query, none without users."""
    ids = ids_among(actors, "user")
    users = {user.pk: str(user) for user in User.objects.filter(pk__in=set(ids.values()))} if ids else {}
    return {actor: users[key] for actor, key in ids.items() if key in users}
