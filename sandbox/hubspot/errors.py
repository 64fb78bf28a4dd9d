"""Refusals in HubSpot's form (docs/facts/hubspot.md, "Errors")."""

import uuid
from typing import Any


class ApiError(Exception):
    """Refusal with a status and a category."""

    def __init__(self, status: int, category: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status, self.category, self.more = status, category, more

    def body(self) -> dict[str, Any]:
        return {
            "status": "error",
            "message": self.args[0],
            "correlationId": str(uuid.uuid4()),
            "category": self.category,
            **self.more,
        }


def not_found(what: str = "resource not found") -> ApiError:
    return ApiError(404, "OBJECT_NOT_FOUND", what)


def invalid(message: str, **more: Any) -> ApiError:
    return ApiError(400, "VALIDATION_ERROR", message, **more)


def missing_scopes(scopes: tuple[str, ...]) -> ApiError:
    return ApiError(
        403,
        "MISSING_SCOPES",
        "This app hasn't been granted all required scopes to make this call. Read more about required "
        "scopes here: https://developers.hubspot.com/scopes.",
        errors=[
            {
                "message": "One or more of the following scopes are required.",
                "context": {"requiredGranularScopes": list(scopes)},
            }
        ],
        links={"scopes": "https://developers.hubspot.com/scopes"},
    )
