"""How the monthly backtest came out, in words."""

from assay.text.words import count, percent
from scoring.proof.learned import BASELINES, LEAST_CUTS
from scoring.proof.stored import Proof

#: a range that holds in this share of outcomes does what it says
HOLDS = (0.75, 0.85)
#: orders that are one column in any CRM
TRAILING = BASELINES[:2]


def verdict(p: Proof) -> str:
    """The first sentence: whether `expected` is worth more than a simple column, and if not, which one to use."""
    if not p.lines:
        return f"Nothing is claimed: the records are too short for {LEAST_CUTS} cuts, so no score could be tested yet."
    ours = p.lines[0]
    others = [x for x in p.lines if x.name in BASELINES and x.name != "random"]
    better = sorted((x for x in others if x.verdict == "worse"), key=lambda x: -x.rho)
    if better:
        named = ", ".join(f"{x.name} ({x.rho:.2f})" for x in better)
        return (
            f"Here the simple baseline is better: {named} ranked the accounts better than expected revenue ({ours.rho:.2f})."
        )
    best = max(others, key=lambda x: x.rho, default=None)
    if best is None:
        return f"Expected revenue ranked the accounts with {ours.rho:.2f}; these records hold nothing to compare it with."
    if best.verdict == "better":
        return f"Expected revenue ranked the accounts better than every simple baseline: {ours.rho:.2f}, {best.name} {best.rho:.2f}."
    equal = ", ".join(f"{x.name} ({x.rho:.2f})" for x in others if x.verdict == "no difference")
    return (
        f"Expected revenue ({ours.rho:.2f}) ranked the accounts no better than {equal}: the simple column does as well here."
    )


def on_trailing(p: Proof) -> list[str]:
    """A sentence on each of the trailing revenues."""
    words = {
        "better": "Expected revenue ranked better than {0} ({1:.2f} against {2:.2f}; difference {3:+.3f}, 95 % {4:+.3f} to {5:+.3f}).",
        "worse": "{0} ranked better than expected revenue ({2:.2f} against {1:.2f}; difference {3:+.3f}, 95 % {4:+.3f} to {5:+.3f}).",
        "no difference": "Between expected revenue and {0} there is no clear difference ({1:.2f} and {2:.2f}; {3:+.3f}, 95 % {4:+.3f} to "
        "{5:+.3f}).",
    }
    said = []
    for x in p.lines:
        if x.name in TRAILING and x.verdict:
            text = words[x.verdict].format(x.name, p.lines[0].rho, x.rho, x.gap, x.gap_low, x.gap_high)
            said.append(text[0].upper() + text[1:])
    return said


def on_ranges(p: Proof) -> str:
    """How often the 80 % range of `expected` held."""
    c = p.calibration
    if c.coverage is None:
        return (
            "The range of expected revenue is a rule of thumb; how often it holds has not been tested on this firm's past."
        )
    share = f"{percent(c.coverage)} of {count(c.accounts, 'outcome')}"
    text = f"The 80 % range of expected revenue held in {share} at cuts that had no part in it"
    if c.coverage_forward is not None:
        text += f", and in {percent(c.coverage_forward)} where only what had ended before the cut could teach"
    text += "."
    if c.level > 0.80:
        text += f" Quarters differ here: to get there it spans {percent(c.level)} of all past outcomes."
    if not HOLDS[0] <= c.coverage <= HOLDS[1]:
        text += " That is not what an 80 % range should do: read it with care."
    return text
