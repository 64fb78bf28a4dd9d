"""The sheets of a HubSpot org folder: their columns, and the ids of what is written into them."""

from datetime import datetime, timedelta
from pathlib import Path

from sandbox.world.sheets import Sheets

HEADERS = {
    "companies": "id,name,domain,industry,country,numberofemployees,annualrevenue,type,lifecyclestage,hubspot_owner_id,"
    "createdate,hs_lastmodifieddate,salesforceaccountid",
    "contacts": "id,firstname,lastname,email,jobtitle,department,associatedcompanyid,hubspot_owner_id,createdate,"
    "lastmodifieddate,salesforcecontactid",
    "deals": "id,dealname,pipeline,dealstage,amount,deal_currency_code,closedate,createdate,dealtype,hubspot_owner_id,"
    "hs_lastmodifieddate,hs_salesforceopportunityid",
    "line_items": "id,name,hs_product_id,quantity,price,amount,createdate,hs_lastmodifieddate",
    "products": "id,name,price,hs_sku,product_family,createdate,hs_lastmodifieddate",
    "calls": "id,hs_timestamp,hs_call_duration,hs_call_direction,hs_call_status,hs_call_title,hubspot_owner_id,hs_createdate,"
    "hs_lastmodifieddate",
    "meetings": "id,hs_timestamp,hs_meeting_start_time,hs_meeting_end_time,hs_meeting_outcome,hs_meeting_title,"
    "hubspot_owner_id,hs_attendee_owner_ids,hs_createdate,hs_lastmodifieddate",
    "emails": "id,hs_timestamp,hs_email_direction,hs_email_status,hs_email_subject,hubspot_owner_id,hs_createdate,"
    "hs_lastmodifieddate",
    "owners": "id,userId,email,firstName,lastName,archived,createdAt,updatedAt",
    "pipelines": "pipeline_id,pipeline_label,stage_id,stage_label,display_order,probability,is_closed",
    "associations": "from_type,from_id,to_type,to_id,type_id,label",
    "property_history": "object_type,id,property,value,timestamp",
}
#: where each type's ids begin
FIRST_ID = {
    "companies": 10_000_000,
    "contacts": 20_000_000,
    "deals": 30_000_000,
    "line_items": 40_000_000,
    "products": 5_000,
    "owners": 700_000,
}
ACTIVITIES = 600_000_000


class Writer(Sheets):
    """Sheets of a portal; hands out ids."""

    def __init__(self, folder: Path, now: datetime) -> None:
        super().__init__(folder, now, HEADERS)
        self.next = dict.fromkeys(HEADERS, ACTIVITIES) | FIRST_ID

    def add(self, name: str, /, **values: object) -> int:
        """Write a record; returns its id."""
        self.next[name] += 1
        self.put(name, {"id": self.next[name], **values})
        return self.next[name]

    def link(self, from_type: str, from_id: int, to_type: str, to_id: int, type_id: int) -> None:
        self.rows["associations"].writerow((from_type, from_id, to_type, to_id, type_id, ""))

    def day(self, ago: float) -> str:
        """Return a date as HubSpot stores it: a moment of that day."""
        return (self.now - timedelta(days=ago)).strftime("%Y-%m-%dT12:00:00.000Z")
