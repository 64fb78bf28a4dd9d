"""What every contender reads of a portal: the types, properties and links that Assay reads."""

PROPERTIES = {
    "companies": ("name", "domain", "hubspot_owner_id", "type", "industry", "country", "numberofemployees", "annualrevenue",
                  "createdate", "hs_lastmodifieddate"),
    "contacts": ("jobtitle", "createdate", "lastmodifieddate"),
    "deals": ("dealname", "dealstage", "pipeline", "amount", "deal_currency_code", "closedate", "createdate", "hs_is_closed",
              "hs_is_closed_won", "hs_deal_stage_probability", "hubspot_owner_id", "dealtype", "hs_lastmodifieddate"),
    "meetings": ("hubspot_owner_id", "hs_timestamp", "hs_createdate", "hs_meeting_start_time", "hs_meeting_end_time",
                 "hs_meeting_outcome", "hs_meeting_title", "hs_attendee_owner_ids", "hs_lastmodifieddate"),
    "calls": ("hubspot_owner_id", "hs_timestamp", "hs_createdate", "hs_call_duration", "hs_call_direction",
              "hs_call_status", "hs_call_title", "hs_lastmodifieddate"),
    "emails": ("hubspot_owner_id", "hs_timestamp", "hs_createdate", "hs_email_direction", "hs_email_status",
               "hs_email_subject", "hs_lastmodifieddate"),
}  # fmt: skip
LINKS = {"companies": (), "contacts": ("companies",), "deals": ("companies", "contacts")} | dict.fromkeys(
    ("meetings", "calls", "emails"), ("companies", "deals", "contacts")
)
HISTORY = {"deals": ("dealstage", "amount", "closedate")}
