"""Where HubSpot holds what [scope] asks for: pure, from the property definitions of a run."""

from collections.abc import Collection, Mapping
from typing import Any

from connectors.hubspot.schema import OBJECT
from connectors.scope_fields import RECORD_TYPE, ROLE, Traits, unknown

#: property types with values that people choose from, or short text
CHOICES = ("enumeration", "bool", "string")


def found(asked: Collection[str], company: Mapping[str, Any]) -> Traits:
    """Look for each criterion among a company's properties; an owner's team is always read."""
    traits = Traits()
    for criterion in asked:
        definition = company.get(criterion.lower())
        if criterion == ROLE:
            traits.fields[criterion] = ()
        elif criterion == RECORD_TYPE:
            traits.absent[criterion] = "HubSpot has no record types"
        elif definition is None:
            traits.absent[criterion] = unknown(criterion, OBJECT, company)
        elif definition.type not in CHOICES:
            traits.absent[criterion] = f"{OBJECT}.{definition.name} is {definition.type}, not a picklist"
        else:
            traits.fields[criterion] = (definition.name,)
            traits.offered[criterion] = tuple(o.value for o in definition.options or ())
    return traits
