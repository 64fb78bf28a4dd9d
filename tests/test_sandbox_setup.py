"""Describe, custom fields and permission sets: a new field is invisible until a permission set grants it."""

from typing import Any

import httpx
import pytest

V = "/services/data/v68.0"
ACME = "001Wk0000000001IAA"
STATE = {
    "FullName": "Account.Assay_State__c",
    "Metadata": {
        "type": "Picklist",
        "label": "Assay state",
        "inlineHelpText": "What the night found",
        "valueSet": {
            "restricted": True,
            "valueSetDefinition": {
                "sorted": False,
                "value": [{"fullName": v, "valueName": v, "label": v} for v in ("A", "B")],
            },
        },
    },
}


def fields(client: httpx.Client, entity: str = "Account") -> dict[str, dict[str, Any]]:
    return {f["name"]: f for f in client.get(f"{V}/sobjects/{entity}/describe").json()["fields"]}


def make(client: httpx.Client, path: str, body: dict[str, Any]) -> str:
    reply = client.post(V + path, json=body)
    assert reply.status_code == 201, reply.text
    return str(reply.json()["id"])


def grant(client: httpx.Client, *, edit: bool) -> None:
    """A permission set with the field, assigned to the running user."""
    user = client.get("/services/oauth2/userinfo").json()["user_id"]
    parent = make(client, "/sobjects/PermissionSet", {"Name": "Assay", "Label": "Assay"})
    permission = {"ParentId": parent, "SobjectType": "Account", "Field": "Account.Assay_State__c"}
    make(client, "/sobjects/FieldPermissions", permission | {"PermissionsRead": True, "PermissionsEdit": edit})
    assert "Assay_State__c" not in fields(client), "granted to a set that nobody has yet"
    make(client, "/sobjects/PermissionSetAssignment", {"PermissionSetId": parent, "AssigneeId": user})


def test_a_new_field_is_invisible_until_it_is_granted(salesforce: httpx.Client) -> None:
    make(salesforce, "/tooling/sobjects/CustomField", STATE)
    assert "Assay_State__c" not in fields(salesforce)
    early = salesforce.patch(f"{V}/sobjects/Account/{ACME}", json={"Assay_State__c": "A"})
    assert early.json()[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    grant(salesforce, edit=True)
    field = fields(salesforce)["Assay_State__c"]
    assert (field["type"], field["label"], field["custom"]) == ("picklist", "Assay state", True)
    assert [v["value"] for v in field["picklistValues"]] == ["A", "B"]
    assert field["inlineHelpText"] == "What the night found"
    assert salesforce.patch(f"{V}/sobjects/Account/{ACME}", json={"Assay_State__c": "A"}).status_code == 204
    bad = salesforce.patch(f"{V}/sobjects/Account/{ACME}", json={"Assay_State__c": "C"})
    assert bad.json()[0]["errorCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"


def test_a_field_that_is_granted_for_reading_cannot_be_written(salesforce: httpx.Client) -> None:
    make(salesforce, "/tooling/sobjects/CustomField", STATE)
    grant(salesforce, edit=False)
    assert fields(salesforce)["Assay_State__c"]["updateable"] is False
    reply = salesforce.patch(f"{V}/sobjects/Account/{ACME}", json={"Assay_State__c": "A"})
    assert reply.json()[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_definitions_are_found_by_the_tooling_query_only(salesforce: httpx.Client) -> None:
    made = make(salesforce, "/tooling/sobjects/CustomField", STATE)
    soql = "SELECT Id, DeveloperName FROM CustomField WHERE TableEnumOrId = 'Account'"
    found = {r["DeveloperName"]: r["Id"] for r in salesforce.get(f"{V}/tooling/query", params={"q": soql}).json()["records"]}
    assert found["Assay_State"] == made
    assert {"Region", "Tier"} < set(found)
    assert salesforce.get(f"{V}/query", params={"q": soql}).json()[0]["errorCode"] == "INVALID_TYPE"
    soql = "SELECT DurableId FROM EntityDefinition WHERE QualifiedApiName = 'Account'"
    (entity,) = salesforce.get(f"{V}/tooling/query", params={"q": soql}).json()["records"]
    assert entity["DurableId"] == "Account"


def test_a_field_can_be_made_once_and_removed(salesforce: httpx.Client) -> None:
    made = make(salesforce, "/tooling/sobjects/CustomField", STATE)
    twice = salesforce.post(f"{V}/tooling/sobjects/CustomField", json=STATE)
    assert (twice.status_code, twice.json()[0]["errorCode"]) == (400, "DUPLICATE_DEVELOPER_NAME")
    grant(salesforce, edit=True)
    assert salesforce.delete(f"{V}/tooling/sobjects/CustomField/{made}").status_code == 204
    assert "Assay_State__c" not in fields(salesforce)


def test_permissions_for_a_field_that_is_not_there_are_refused(salesforce: httpx.Client) -> None:
    parent = make(salesforce, "/sobjects/PermissionSet", {"Name": "P", "Label": "P"})
    body = {"ParentId": parent, "SobjectType": "Account", "Field": "Account.Nope__c", "PermissionsRead": True}
    assert salesforce.post(f"{V}/sobjects/FieldPermissions", json=body).status_code == 400


@pytest.mark.parametrize(
    ("name", "kind", "facts"),
    [
        ("Id", "id", {"nillable": False, "updateable": False, "soapType": "tns:ID"}),
        ("Name", "string", {"nillable": False, "updateable": True, "length": 255, "nameField": True}),
        ("AnnualRevenue", "currency", {"precision": 18, "scale": 0}),
        ("OwnerId", "reference", {"referenceTo": ["User"], "relationshipName": "Owner"}),
        ("IsDeleted", "boolean", {"updateable": False, "filterable": True}),
        ("BillingAddress", "address", {"filterable": True, "updateable": False}),
        ("BillingCity", "string", {"compoundFieldName": "BillingAddress"}),
        ("Description", "textarea", {"filterable": False, "length": 32000}),
        ("Region__c", "string", {"custom": True, "permissionable": True, "updateable": True}),
        ("Tier__c", "double", {"custom": True, "soapType": "xsd:double"}),
    ],
)
def test_describe_gives_types_and_flags(salesforce: httpx.Client, name: str, kind: str, facts: dict[str, Any]) -> None:
    field = fields(salesforce)[name]
    assert field["type"] == kind
    assert {k: field[k] for k in facts} == facts


def test_describe_global_lists_objects_with_their_prefixes(salesforce: httpx.Client) -> None:
    listing = salesforce.get(f"{V}/sobjects").json()
    found = {o["name"]: o for o in listing["sobjects"]}
    assert found["Account"]["keyPrefix"] == "001"
    assert found["Account"]["queryable"] is True
    assert listing["maxBatchSize"] == 200
    assert not {"CustomField", "EntityDefinition", "CurrencyType"} & set(found)


def test_an_unknown_object_is_not_found(salesforce: httpx.Client) -> None:
    reply = salesforce.get(f"{V}/sobjects/Nope/describe")
    assert (reply.status_code, reply.json()[0]["errorCode"]) == (404, "NOT_FOUND")
