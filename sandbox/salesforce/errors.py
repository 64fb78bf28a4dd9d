"""The error bodies of the vendor's APIs (docs/facts/salesforce.md, "Errors")."""


class ApiError(Exception):
    """Refusal that becomes `[{message, errorCode}]` with its HTTP status."""

    def __init__(self, status: int, code: str, message: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.fields = status, code, message, fields

    def body(self) -> list[dict[str, object]]:
        error: dict[str, object] = {"message": self.message, "errorCode": self.code}
        return [error | ({"fields": list(self.fields)} if self.fields else {})]


class OAuthError(Exception):
    """Refusal of a login: `{error, error_description}`, an object, not an array."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error, self.description, self.status = error, description, status


def malformed(message: str) -> ApiError:
    return ApiError(400, "MALFORMED_QUERY", message)


def no_column(field: str, entity: str) -> ApiError:
    return ApiError(
        400,
        "INVALID_FIELD",
        f"\nSELECT {field} FROM {entity}\n       ^\nERROR at Row:1:Column:8\nNo such column '{field}' on entity '{entity}'. "
        "If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. "
        "Please reference your WSDL or the describe call for the appropriate names.",
    )


def no_type(entity: str) -> ApiError:
    return ApiError(
        400,
        "INVALID_TYPE",
        f"sObject type '{entity}' is not supported. If you are attempting to use a custom object, be sure to append the "
        "'__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names.",
    )
