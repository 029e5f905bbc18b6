"""What custom fields may be put on: our data types, as models under categories."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from syncengine.datatypes import DATA_TYPES, DataType

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class CatalogueModel:
    """slug: the data type's key in snake_case without the category: `chart_of_accounts`, `account_balances`."""

    slug: str
    display_name: str
    category: str
    data_type: str


def _model(data_type: DataType) -> CatalogueModel:
    category = data_type.source_type.upper()
    name = data_type.key.removeprefix(f"{data_type.source_type.lower()}-")
    return CatalogueModel(_CAPITAL.sub("_", name).lower(), data_type.label, category, data_type.key)


_MODELS = tuple(_model(data_type) for data_type in DATA_TYPES.values())
MODELS: Mapping[tuple[str, str], CatalogueModel] = MappingProxyType(
    {(model.category, model.slug): model for model in sorted(_MODELS, key=lambda model: (model.category, model.slug))}
)
BY_DATA_TYPE: Mapping[str, CatalogueModel] = MappingProxyType({model.data_type: model for model in _MODELS})
CATEGORIES = tuple(dict.fromkeys(category for category, _ in MODELS))


def models_of(category: str = "") -> list[CatalogueModel]:
    """Return the models of a category, or all of them, by category and slug."""
    return [model for model in MODELS.values() if category in ("", model.category)]


def model_named(category: str, slug: str) -> CatalogueModel | None:
    return MODELS.get((category, slug))
