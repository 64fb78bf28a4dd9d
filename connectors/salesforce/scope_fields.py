"""Where Salesforce holds what [scope] asks for: pure, from the describes of a run."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from connectors.salesforce.schema import OBJECT
from connectors.scope_fields import RECORD_TYPE, ROLE, Traits, unknown

#: describe types with values that people choose from, or short text
CHOICES = ("picklist", "multipicklist", "combobox", "boolean", "string")
#: criterion -> object whose records hold it, and the fields with its name (object reference, User and Account)
THROUGH = {ROLE: ("User", ("UserRole.Name",)), RECORD_TYPE: (OBJECT, ("RecordType.DeveloperName", "RecordType.Name"))}


def found(asked: Collection[str], account: Mapping[str, Any], has: Callable[[str, str], bool]) -> Traits:
    """Look for each criterion among an account's fields; `has` tells whether an object's field is visible."""
    made, names = Traits(), {name.casefold(): name for name in account}
    for criterion in asked:
        if criterion in THROUGH:
            entity, fields = THROUGH[criterion]
            if seen := tuple(f for f in fields if has(entity, f)):
                made.fields[criterion] = seen if entity == OBJECT else ()  # people are always asked for theirs
            else:
                made.absent[criterion] = f"this user sees no {' or '.join(fields)} of {entity}"
        elif (name := names.get(criterion.casefold())) is None:
            made.absent[criterion] = unknown(criterion, OBJECT, account)
        elif account[name]["type"] not in CHOICES:
            made.absent[criterion] = f"{OBJECT}.{name} is {account[name]['type']}, not a picklist"
        else:
            made.fields[criterion] = (name,)
            made.offered[criterion] = tuple(v["value"] for v in account[name].get("picklistValues") or ())
    return made
