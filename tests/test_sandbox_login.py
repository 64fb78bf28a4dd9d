"""Who may log in to the sandbox, and what a refusal looks like."""

import time
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
Ready = dict[str, Any]


def ask(ready: Ready, **form: str) -> httpx.Response:
    return httpx.post(f"{ready['url']}/services/oauth2/token", data=form)


def assertion(ready: Ready, key: str | None = None, **claims: Any) -> str:
    facts = {"iss": ready["client_id"], "sub": ready["username"], "aud": "https://login.salesforce.com"}
    facts |= {"exp": int(time.time()) + 120} | claims
    return jwt.encode(facts, key or Path(ready["private_key_file"]).read_text(), algorithm="RS256")


def test_a_jwt_signed_with_the_registered_key_opens_a_session(ready: Ready) -> None:
    reply = ask(ready, grant_type=GRANT, assertion=assertion(ready)).json()
    assert reply["instance_url"] == ready["url"]
    assert reply["token_type"] == "Bearer"
    assert reply["issued_at"].isdigit()
    assert "/id/00D" in reply["id"]
    url = f"{ready['url']}/services/data/v68.0/limits"
    assert httpx.get(url, headers={"Authorization": f"Bearer {reply['access_token']}"}).status_code == 200


@pytest.mark.parametrize(
    "claims",
    [{"exp": 1}, {"aud": "https://elsewhere.example"}, {"iss": "3MVG9other"}, {"sub": "nobody@small.example"}],
    ids=["expired", "other audience", "other client", "unknown user"],
)
def test_a_jwt_with_a_wrong_claim_is_refused(ready: Ready, claims: dict[str, Any]) -> None:
    reply = ask(ready, grant_type=GRANT, assertion=assertion(ready, **claims))
    assert reply.status_code == 400
    assert set(reply.json()) == {"error", "error_description"}


def test_a_jwt_signed_by_someone_else_is_refused(ready: Ready) -> None:
    other = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    reply = ask(ready, grant_type=GRANT, assertion=assertion(ready, other.decode()))
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_grant")


def test_expiry_is_measured_on_the_machine_clock_not_the_org_clock(ready: Ready, salesforce: httpx.Client) -> None:
    salesforce.post("/_sandbox/clock", json={"set": "2040-01-01T00:00:00Z"})
    reply = ask(ready, grant_type=GRANT, assertion=assertion(ready))
    assert reply.status_code == 200
    assert "2040" not in reply.headers["Date"]
    assert "2040" in salesforce.get("/services/data/v68.0/limits").headers["Date"]


def test_client_credentials_work_in_the_body_and_as_basic_auth(ready: Ready) -> None:
    pair = (ready["client_id"], ready["client_secret"])
    url = f"{ready['url']}/services/oauth2/token"
    in_body = ask(ready, grant_type="client_credentials", client_id=pair[0], client_secret=pair[1])
    basic = httpx.post(url, data={"grant_type": "client_credentials"}, auth=pair)
    assert (in_body.status_code, basic.status_code) == (200, 200)
    wrong = ask(ready, grant_type="client_credentials", client_id=pair[0], client_secret="no")
    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_client")


def test_a_refresh_token_opens_a_session(ready: Ready) -> None:
    form = {k: ready[k] for k in ("client_id", "client_secret", "refresh_token")}
    assert ask(ready, grant_type="refresh_token", **form).status_code == 200
    assert ask(ready, grant_type="refresh_token", **(form | {"refresh_token": "x"})).status_code == 400


def test_user_name_and_password_are_refused(ready: Ready) -> None:
    reply = ask(ready, grant_type="password", username=ready["username"], password="x", client_id=ready["client_id"])
    assert reply.status_code == 400
    assert reply.json() == {"error": "invalid_grant", "error_description": "authentication failure"}


def test_no_session_and_a_wrong_session_are_401(ready: Ready) -> None:
    for headers in ({}, {"Authorization": "Bearer 00D!wrong"}):
        reply = httpx.get(f"{ready['url']}/services/data/v68.0/limits", headers=headers)
        assert reply.status_code == 401
        assert reply.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


def test_versions_need_no_session_and_odd_slashes_are_accepted(ready: Ready, salesforce: httpx.Client) -> None:
    versions = httpx.get(f"{ready['url']}/services/data").json()
    assert versions[-1]["version"] == "68.0"
    assert set(versions[-1]) == {"label", "url", "version"}
    for path in ("/services/data/", "//services/data", "/services/data/v59.0/", "//services/data/v60.0/limits/"):
        assert httpx.get(ready["url"] + path, headers=salesforce.headers).status_code == 200, path


def test_userinfo_names_user_and_org(salesforce: httpx.Client, ready: Ready) -> None:
    facts = salesforce.get("/services/oauth2/userinfo").json()
    assert facts["organization_id"].startswith("00D")
    assert facts["user_id"].startswith("005")
    assert facts["preferred_username"] == ready["username"]
    resources = salesforce.get("/services/data/v68.0").json()
    assert salesforce.get(resources["identity"]).json()["user_id"] == facts["user_id"]
