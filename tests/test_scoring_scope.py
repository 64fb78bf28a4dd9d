"""Who is in scope, and whose child an account is: pure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.scope import Scope, roots

FACTS = {"owner": ("Ann Smith", "005A"), "type": ("Customer",), "Region__c": ("EMEA", "DACH"), "role": ("",)}


@pytest.mark.parametrize(
    ("include", "exclude", "why"),
    [
        ({}, {}, ""),
        ({"owner": ("ann smith",)}, {}, ""),
        ({"owner": ("005a",), "Region__c": ("DACH", "US")}, {}, ""),
        ({"owner": ("Ann Smith",), "type": ("Prospect", "Partner")}, {}, "type is not Prospect or Partner"),
        ({"role": ("",)}, {}, ""),
        ({"type": ("",)}, {}, "type is not without a value"),
        ({}, {"type": ("Partner", "CUSTOMER")}, "type = CUSTOMER"),
        ({}, {"role": ("",)}, "role = no value"),
        ({"type": ("Customer",)}, {"Region__c": ("DACH",)}, "Region__c = DACH"),
        ({"type": ("Customer",), "Tier__c": ("1",)}, {"Tier__c": ("2",)}, ""),
        ({"Tier__c": ("1",)}, {}, "its CRM has no Tier__c"),
    ],
)
def test_every_include_criterion_and_no_exclude_criterion(
    include: dict[str, tuple[str, ...]], exclude: dict[str, tuple[str, ...]], why: str
) -> None:
    """A criterion that an account's CRM does not have excludes nothing and includes nothing."""
    assert Scope(include, exclude).left_out(FACTS) == why


def test_a_scope_knows_what_a_crm_must_be_asked_for() -> None:
    scope = Scope({"owner": ("A",), "role": ("R",)}, {"type": ("P",), "Tier__c": ("1",), "role": ("Q", "R")})
    assert (scope.asked, scope.values("role")) == (("Tier__c", "role"), ("R", "Q"))
    assert scope.criteria == ("owner", "role", "type", "Tier__c")
    assert scope
    assert Scope(rollup=True)
    assert not Scope()


@pytest.mark.parametrize(
    ("parents", "tops"),
    [
        ({"a": None, "b": "a", "c": "b", "d": "c"}, {"b": "a", "c": "a", "d": "a"}),
        ({"d": "c", "c": "b", "b": "a", "a": None}, {"b": "a", "c": "a", "d": "a"}),
        ({"a": "gone", "b": "a"}, {"b": "a"}),
        ({"a": "a"}, {}),
        ({"c": "b", "b": "a", "a": "c", "x": "b"}, {"b": "a", "c": "a", "x": "a"}),
    ],
    ids=["chain", "chain in any order", "a parent that nobody knows", "its own parent", "a ring and who hangs on it"],
)
def test_the_topmost_ancestor(parents: dict[str, str | None], tops: dict[str, str]) -> None:
    assert roots(parents) == tops


@given(st.dictionaries(st.integers(0, 12).map(str), st.one_of(st.none(), st.integers(0, 14).map(str))))
def test_nobody_is_rolled_up_into_an_account_that_is_rolled_up(parents: dict[str, str | None]) -> None:
    found = roots(parents)
    assert not found.keys() & set(found.values())
    assert all(top in parents for top in found.values())
    for child, top in found.items():
        assert found.get(parents[child] or "", parents[child]) == top, (
            "its parent's top is its own, or its parent is the top"
        )
