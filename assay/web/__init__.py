"""The page and the JSON API people and programs look at: read-only, server-rendered, no script needed."""

from assay.web.access import raise_if_exposed
from assay.web.app import Health, create_app

__all__ = ["Health", "create_app", "raise_if_exposed"]
