"""Salesforce's face: what the rest of the product asks of it; see `connectors.vendor.Vendor`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from connectors.vendor import Question, SetUp, Table, Vendor

if TYPE_CHECKING:
    from connectors.salesforce.section import SalesforceSection


def _address_fault(url: str) -> str:
    is_safe = url.startswith(("https://", "http://127.0.0.1", "http://localhost"))
    return "" if is_safe else "not an https address. Fix: such as https://acme.my.salesforce.com"


class SalesforceVendor(Vendor):
    name, guide = "salesforce", "docs/salesforce.md"
    anchors: ClassVar[Mapping[str, str]] = {
        "secrets": "set-up",
        "clock": "set-up",
        "login": "set-up",
        "org": "set-up",
        "permissions": "permissions",
        "records": "access-modes",
        "fields": "what-is-written",
        "quota": "what-it-costs",
        "coverage": "what-is-read",
    }
    secret_shapes = (r"\b00D[A-Za-z0-9]{12,15}![\w.]+",)  #: a session
    questions = (
        Question("login_url", "Salesforce: the org's My Domain address.", "Salesforce: My Domain address", _address_fault),
        Question("client_id", "Salesforce: the consumer key; may be filled in later."),
        Question("username", "Salesforce: the integration user's name.", "Salesforce: the integration user's name"),
    )
    init_makes = "a key and a certificate for Salesforce"
    export_makes = "a Salesforce source project (fields, permission sets, views, reports)"
    has_sandbox = True

    @property
    def section(self) -> "type[SalesforceSection]":
        from connectors.salesforce.section import SalesforceSection

        return SalesforceSection

    def write_calls(self, rows: int) -> int:
        from connectors.salesforce import write

        return write.calls(rows)

    def set_up(self, answers: Mapping[str, str], folder: Path) -> SetUp:
        from connectors.salesforce import set_up

        return set_up.set_up(answers, folder)

    def export(self) -> Mapping[str, str]:
        from connectors.salesforce import source

        return source.project()

    def account_fields(self) -> tuple[str, Mapping[str, str]]:
        from connectors.salesforce.schema import NAMES

        return "Salesforce Account", NAMES

    def review(self) -> Mapping[str, Table]:
        from connectors.salesforce import review

        return review.tables()

    def sandbox_section(self, ready: Mapping[str, str]) -> str:
        return (
            f'[salesforce]\nlogin_url = "{ready["url"]}"\nclient_id = "{ready["client_id"]}"\nusername = "{ready["username"]}"\n'
            f'private_key_file = "{ready["private_key_file"]}"\naccess_token = "{ready["admin_access_token"]}"\n'
        )
