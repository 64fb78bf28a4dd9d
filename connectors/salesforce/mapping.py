"""Salesforce's objects to our records; pure. With `activities` and `schema` the only place that knows the vendor's field names.

What the fields mean: docs/facts/salesforce.md, "Activities" and "Opportunities, products and money".
"""

from connectors.columns import cents, days, domains, flags, ids, instants, whole, within
from connectors.salesforce import schema
from connectors.salesforce.sheet import Context, Rows, Sheet, ids_of, rows
from connectors.scope_fields import kept
from connectors.seniority import level

# ---- people, stages, money ------------------------------------------------------------------------------------------


def owner(s: Sheet, c: Context) -> Rows:
    zones = ids(s["TimeZoneSidKey"])
    c.zones.update({i: z for i, z in zip(s["Id"], zones, strict=True) if z})
    active = flags(s["IsActive"])
    started = instants(s["CreatedDate"], c.odd, "User.CreatedDate")
    roles = [name or i for name, i in zip(s["UserRole.Name"], ids(s["UserRoleId"]), strict=True)]
    return rows(
        s["Id"],
        s["Name"],
        active,
        ids(s["UserType"]),
        roles,
        ids(s["ManagerId"]),
        zones,
        c.people.column(s["Email"]),
        started,
        s.fill(False),
    )


def stage(s: Sheet, c: Context) -> Rows:
    name = [n or label for n, label in zip(s["ApiName"], s["MasterLabel"], strict=True)]
    return rows(
        name,
        s["MasterLabel"],
        whole(s["SortOrder"]),
        flags(s["IsClosed"]),
        flags(s["IsWon"]),
        whole(s["DefaultProbability"]),
        s.fill(False),
    )


def currency(s: Sheet, c: Context) -> Rows:
    rates = [round(float(r or 1) * 1_000_000) for r in s["ConversionRate"]]
    return rows(s["IsoCode"], rates, flags(s["IsCorporate"]), s.fill(False))


# ---- accounts and contacts ------------------------------------------------------------------------------------------


def account(s: Sheet, c: Context) -> Rows:
    employees = within(whole(s["NumberOfEmployees"]), 0, 10_000_000, c.odd, "Account.NumberOfEmployees")
    return rows(
        s["Id"],
        s["Name"],
        ids(s["OwnerId"]),
        ids(s["ParentId"]),
        ids(s["Type"]),
        ids(s["Industry"]),
        ids(s["BillingCountry"]),
        employees,
        cents(s["AnnualRevenue"], c.odd, "Account.AnnualRevenue"),
        ids(s["CurrencyIsoCode"]),
        instants(s["CreatedDate"], c.odd, "Account.CreatedDate"),
        ids(s["MasterRecordId"]),
        domains(s["Website"]),
        s.fill(None),
        schema.read(s.columns, s.count),
        kept({name: [s[f] for f in fields] for name, fields in c.traits.items()}, s.count),
        flags(s["IsDeleted"]),
    )


def contact(s: Sheet, c: Context) -> Rows:
    level_of = {t: level(t) for t in set(s["Title"])}
    levels = [level_of[t] for t in s["Title"]]
    return rows(
        s["Id"],
        ids(s["AccountId"]),
        ids(s["Department"]),
        levels,
        s.fill(None),
        instants(s["CreatedDate"], c.odd, "Contact.CreatedDate"),
        flags(s["IsDeleted"]),
    )


# ---- opportunities --------------------------------------------------------------------------------------------------


def opportunity(s: Sheet, c: Context) -> Rows:
    odds = within(whole(s["Probability"]), 0, 100, c.odd, "Opportunity.Probability")
    return rows(
        s["Id"],
        ids(s["AccountId"]),
        ids(s["OwnerId"]),
        s["Name"],
        ids(s["StageName"]),
        cents(s["Amount"], c.odd, "Opportunity.Amount"),
        ids(s["CurrencyIsoCode"]),
        odds,
        days(s["CloseDate"]),
        ids(s["Type"]),
        instants(s["CreatedDate"], c.odd, "Opportunity.CreatedDate"),
        flags(s["IsClosed"]),
        flags(s["IsWon"]),
        s.fill(None),
        flags(s["IsDeleted"]),
    )


def history(s: Sheet, c: Context) -> Rows:
    changed = [m or 0 for m in instants(s["CreatedDate"], c.odd, "OpportunityHistory.CreatedDate")]
    odds = within(whole(s["Probability"]), 0, 100, c.odd, "OpportunityHistory.Probability")
    return rows(
        s["Id"],
        s["OpportunityId"],
        changed,
        ids(s["StageName"]),
        cents(s["Amount"], c.odd, "OpportunityHistory.Amount"),
        days(s["CloseDate"]),
        odds,
        flags(s["IsDeleted"]),
    )


def owner_change(s: Sheet, c: Context) -> Rows:
    """Each change of owner is written twice, with ids and with names; only the ids are kept."""
    at = instants(s["CreatedDate"], c.odd, "AccountHistory.CreatedDate")
    changes = rows(
        s["Id"], s["AccountId"], at, ids_of("005", s["NewValue"]), ids_of("005", s["OldValue"]), flags(s["IsDeleted"])
    )
    return [r for r in changes if r[2] is not None and r[3] is not None]


def team_member(s: Sheet, c: Context) -> Rows:
    return rows(
        s["Id"],
        s["AccountId"],
        s["UserId"],
        ids(s["TeamMemberRole"]),
        instants(s["CreatedDate"], c.odd, "AccountTeamMember.CreatedDate"),
        flags(s["IsDeleted"]),
    )


#: standard values of Quote.Status with which the customer has it (object reference, Quote)
PRESENTED = ("Presented", "Accepted", "Denied")


def quote(s: Sheet, c: Context) -> Rows:
    return rows(
        s["Id"],
        ids(s["OpportunityId"]),
        [v in PRESENTED for v in s["Status"]],
        instants(s["CreatedDate"], c.odd, "Quote.CreatedDate"),
        flags(s["IsDeleted"]),
    )


def quote_item(s: Sheet, c: Context) -> Rows:
    return rows(
        s["Id"],
        s["QuoteId"],
        ids(s["Product2Id"]),
        ids(s["Product2.Family"]),
        cents(s["TotalPrice"], c.odd, "QuoteLineItem.TotalPrice"),
        instants(s["CreatedDate"], c.odd, "QuoteLineItem.CreatedDate"),
        flags(s["IsDeleted"]),
    )


def line_item(s: Sheet, c: Context) -> Rows:
    return rows(
        s["Id"],
        s["OpportunityId"],
        ids(s["Product2Id"]),
        ids(s["Product2.Family"]),
        cents(s["TotalPrice"], c.odd, "OpportunityLineItem.TotalPrice"),
        instants(s["CreatedDate"], c.odd, "OpportunityLineItem.CreatedDate"),
        flags(s["IsDeleted"]),
    )


def contact_role(s: Sheet, c: Context) -> Rows:
    return rows(
        s["Id"],
        s["OpportunityId"],
        s["ContactId"],
        ids(s["Role"]),
        instants(s["CreatedDate"], c.odd, "OpportunityContactRole.CreatedDate"),
        flags(s["IsDeleted"]),
    )
