"""Where HubSpot holds what [scope] asks for: pure, from the property definitions of a run."""

from collections.abc import Collection, Mapping
from typing import Any

from connectors.hubspot.schema import OBJECT
from connectors.scope_fields import RECORD_TYPE, ROLE, Traits, unknown

#: property types with values that people choose from, or short text
CHOICES = ("enumeration", "bool", "string")


def found(asked: Collection[str], company: Mapping[str, Any]) -> Traits:
    """Look for each criterion among a company's properties; an owner's team is always read."""
    made = Traits()
    for criterion in asked:
        held = company.get(criterion.lower())
        if criterion == ROLE:
            made.fields[criterion] = ()
        elif criterion == RECORD_TYPE:
            made.absent[criterion] = "HubSpot has no record types"
        elif held is None:
            made.absent[criterion] = unknown(criterion, OBJECT, company)
        elif held.type not in CHOICES:
            made.absent[criterion] = f"{OBJECT}.{held.name} is {held.type}, not a picklist"
        else:
            made.fields[criterion] = (held.name,)
            made.offered[criterion] = tuple(o.value for o in held.options or ())
    return made
