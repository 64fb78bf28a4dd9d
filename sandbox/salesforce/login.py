"""Handlers of the OAuth addresses (docs/facts/salesforce.md, "Login and tokens")."""

from starlette.responses import Response

from sandbox.salesforce import auth
from sandbox.salesforce.call import Call, as_json
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.loading import PEOPLE
from sandbox.salesforce.state import OrgState


def token(state: OrgState, call: Call) -> Response:
    return as_json(auth.token(state.client_app, state.org, call.form(), call.headers.get("authorization", ""), call.base))


def userinfo(state: OrgState, call: Call) -> Response:
    """Describe the running user; also at the identity address that the token's reply names."""
    org_id = state.org_id()
    name = next(n for n, i in state.org.people.items() if i == state.org.user)
    return as_json(
        {
            "sub": state.identity(call.base),
            "id": state.identity(call.base),
            "user_id": state.org.user,
            "organization_id": org_id,
            "preferred_username": name,
            "username": name,
            "email": name,
            "name": PEOPLE[name],
            "active": True,
            "urls": {"rest": f"{call.base}/services/data/v{{version}}/"},
        }
    )


def identity(state: OrgState, call: Call, org: str, user: str) -> Response:
    if (org[:15], user[:15]) != (state.org_id()[:15], state.org.user[:15]):
        raise ApiError(403, "Bad_Id", "Bad_Id")
    return userinfo(state, call)


def introspect(state: OrgState, call: Call) -> Response:
    """Describe a token to the client app (aio-sf, RFC 7662); needs no session."""
    form = call.form()
    auth.check_client(state.client_app, form, call.headers.get("authorization", ""))
    session = state.client_app.sessions.get(form.get("token", ""))
    if session is None:
        return as_json({"active": False})
    facts = {"active": True, "scope": "api", "client_id": state.client_app.client_id, "username": session.username}
    return as_json(facts | {"sub": state.identity(call.base), "token_type": "access_token"})


def revoke(state: OrgState, call: Call) -> Response:
    """End a session, by form or by address; an unknown one is no error (RFC 7009)."""
    state.client_app.sessions.pop(call.form().get("token", ""), None)
    return Response(status_code=200)
