"""Assay's own pull of the same objects: mapped, typed, upserted, with watermarks, in a migrated database."""

from collections.abc import Callable
from typing import Any

from pull_fields import OBJECTS

from assay.night import pull
from connectors import salesforce
from db.engine import open_database
from db.migrate import upgrade
from db.store import Store


def prepare(connection: dict[str, Any], url: str) -> Callable[[], int]:
    """Logged in, schema in place; what is returned is the race."""
    return assay_pull(connection, url)


def assay_pull(connection: dict[str, Any], url: str) -> Callable[[], int]:
    engine = open_database(url)
    upgrade(engine)
    store = Store(engine)
    crm = salesforce.open_org(
        salesforce.SalesforceConfig(
            login_url=connection["url"],
            client_id=connection["client_id"],
            client_secret=connection["client_secret"],
            objects=OBJECTS,
            quota_share=1.0,
            allow_hosts=(connection["url"].removeprefix("http://"),),
            subject_salt=b"bench",
        )
    )
    check = crm.check()
    facts = {"external_id": check.org_id, "name": check.org_name, "sandbox": check.sandbox, "currency": check.currency}
    org = store.pin_org("salesforce", facts)

    def race() -> int:
        tally = pull.Tally()
        pull.pull_pages(crm, store, org, 0, tally, lambda *_: None, full=False)
        return sum(tally.changed.values())

    return race
