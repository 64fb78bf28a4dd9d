"""Assay's own pull of a portal: mapped, typed, upserted, with watermarks, in a migrated database."""

from collections.abc import Callable
from typing import Any

from assay.night import pull
from connectors import hubspot
from db.engine import open_database
from db.migrate import upgrade
from db.store import Store

RECORDS = ("account", "contact", "opportunity", "activity")


def prepare(connection: dict[str, Any], url: str) -> Callable[[], int]:
    """Checked, schema in place; what is returned is the race."""
    engine = open_database(url)
    upgrade(engine)
    store = Store(engine)
    config = hubspot.HubSpotConfig(
        connection["token"],
        connection["url"],
        quota_share=1.0,
        quota_stop=1.0,
        allow_hosts=(connection["url"].removeprefix("http://"),),
        subject_salt=b"bench",
    )
    crm = hubspot.open_org(config)
    check = crm.check()
    facts = {"external_id": check.org_id, "name": check.org_name, "sandbox": check.sandbox, "currency": check.currency}
    org = store.pin_org("hubspot", facts)

    def race() -> int:
        pull.pull_pages(crm, store, org, 0, pull.Tally(), lambda *_: None, full=False)
        return sum(store.count(org.id, kind) for kind in RECORDS)

    return race
