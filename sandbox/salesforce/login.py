"""The OAuth addresses."""

from typing import TYPE_CHECKING

from starlette.responses import Response

from sandbox.salesforce import auth
from sandbox.salesforce.call import Call, as_json

if TYPE_CHECKING:
    from sandbox.salesforce.app import SalesforceApp


def token(app: "SalesforceApp", call: Call) -> Response:
    return as_json(auth.token(app.door, app.org, call.form(), call.headers.get("authorization", ""), call.base))


def userinfo(app: "SalesforceApp", call: Call) -> Response:
    org_id = next(iter(app.org.tables["Organization"].by_id))
    return as_json({"sub": f"{call.base}/id/{org_id}/{app.org.user}", "user_id": app.org.user,
                    "organization_id": org_id, "preferred_username": app.door.username, "active": True})  # fmt: skip


def introspect(app: "SalesforceApp", call: Call) -> Response:
    return as_json({"active": call.form().get("token") in app.door.sessions, "username": app.door.username})


def revoke(app: "SalesforceApp", call: Call) -> Response:
    app.door.sessions.discard(call.form().get("token", ""))
    return Response(status_code=200)
