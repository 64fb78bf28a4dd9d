"""Which accounts two CRMs both know."""

from hypothesis import given
from hypothesis import strategies as st

from scoring.linking import Known, links

FIRST = [
    Known("001A00000000001AAA", "Acme", "acme.example", None),
    Known("001A00000000002AAA", "Blue", "blue.example", None),
    Known("001A00000000003AAA", "Cyan", "gmail.com", None),
]


def test_the_id_that_the_second_crm_holds_links_in_both_its_lengths() -> None:
    """Salesforce ids have 15 or 18 characters."""
    second = [Known("1", "x", None, "001A00000000001AAA"), Known("2", "y", None, "001A00000000002")]
    found = links(FIRST, second)
    assert found.to == {"1": ("001A00000000001AAA", "id"), "2": ("001A00000000002AAA", "id")}


def test_a_domain_links_if_each_side_has_it_once() -> None:
    assert links(FIRST, [Known("1", "Acme Inc", "acme.example", None)]).to == {"1": ("001A00000000001AAA", "domain")}


def test_a_domain_of_two_accounts_or_of_a_mail_provider_is_told_and_links_nothing() -> None:
    twice = [Known("1", "North", "acme.example", None), Known("2", "South", "acme.example", None)]
    assert links(FIRST, twice).to == {}
    assert links(FIRST, twice).doubtful == ("acme.example belongs to 1 and 2 accounts, for instance Acme and North",)
    mail = links(FIRST, [Known("1", "Cy", "gmail.com", None)])
    assert mail.to == {}
    assert "mail provider" in mail.doubtful[0]


def test_the_id_wins_over_the_domain_and_frees_the_domain_for_nobody_else() -> None:
    second = [Known("1", "Blue", "acme.example", "001A00000000002AAA"), Known("2", "Acme", "acme.example", None)]
    assert links(FIRST, second).to == {"1": ("001A00000000002AAA", "id"), "2": ("001A00000000001AAA", "domain")}


def test_an_id_that_points_nowhere_falls_back_to_the_domain() -> None:
    assert links(FIRST, [Known("1", "Blue", "blue.example", "001Z")]).to == {"1": ("001A00000000002AAA", "domain")}


def test_two_that_name_one_account_are_told_and_neither_is_linked() -> None:
    second = [Known("1", "N", None, "001A00000000001AAA"), Known("2", "S", None, "001A00000000001")]
    found = links(FIRST, second)
    assert found.to == {}
    assert found.doubtful == ("several accounts name Acme (001A00000000001AAA) as theirs",)


KNOWN = st.builds(
    Known, st.text("123456", min_size=1, max_size=2), st.just("n"), st.sampled_from([None, "a.example", "b.example", "gmail.com"]),
    st.sampled_from([None, "1", "2", "9"]),
)  # fmt: skip


@given(st.lists(KNOWN, unique_by=lambda k: k.id), st.lists(KNOWN, unique_by=lambda k: k.id), st.randoms())
def test_links_are_one_to_one_and_do_not_depend_on_order(first: list[Known], second: list[Known], random: object) -> None:
    found = links(first, second)
    assert len({to for to, _ in found.to.values()}) == len(found.to)
    assert found.to.keys() <= {k.id for k in second}
    assert {to for to, _ in found.to.values()} <= {k.id for k in first}
    random.shuffle(first)  # type: ignore[attr-defined]
    random.shuffle(second)  # type: ignore[attr-defined]
    assert links(first, second).to == found.to
