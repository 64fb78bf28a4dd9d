"""The OAuth addresses (reference: salesforce.md 1.2, 4.1)."""

from typing import TYPE_CHECKING

from starlette.responses import Response

from sandbox.salesforce import auth
from sandbox.salesforce.call import Call, as_json
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.loading import PEOPLE

if TYPE_CHECKING:
    from sandbox.salesforce.app import SalesforceApp


def token(app: "SalesforceApp", call: Call) -> Response:
    return as_json(auth.token(app.door, app.org, call.form(), call.headers.get("authorization", ""), call.base))


def userinfo(app: "SalesforceApp", call: Call) -> Response:
    """Who is logged in; the same at the identity address that the token's reply names."""
    org_id = app.org_id()
    name = next(n for n, i in app.org.people.items() if i == app.org.user)
    return as_json({
        "sub": app.identity(call.base), "id": app.identity(call.base), "user_id": app.org.user, "organization_id": org_id,
        "preferred_username": name, "username": name, "email": name, "name": PEOPLE[name], "active": True,
        "urls": {"rest": f"{call.base}/services/data/v{{version}}/"},
    })  # fmt: skip


def identity(app: "SalesforceApp", call: Call, org: str, user: str) -> Response:
    if (org[:15], user[:15]) != (app.org_id()[:15], app.org.user[:15]):
        raise ApiError(403, "Bad_Id", "Bad_Id")
    return userinfo(app, call)


def introspect(app: "SalesforceApp", call: Call) -> Response:
    """Asked by the client app (aio-sf, RFC 7662), not under a session."""
    form = call.form()
    auth.check_client(app.door, form, call.headers.get("authorization", ""))
    session = app.door.sessions.get(form.get("token", ""))
    if session is None:
        return as_json({"active": False})
    facts = {"active": True, "scope": "api", "client_id": app.door.client_id, "username": session.username}
    return as_json(facts | {"sub": app.identity(call.base), "token_type": "access_token"})


def revoke(app: "SalesforceApp", call: Call) -> Response:
    """Of a session, by form or by address; an unknown one is no error (RFC 7009)."""
    app.door.sessions.pop(call.form().get("token", ""), None)
    return Response(status_code=200)
