"""Every constant of the score, with its unit; what each rests on stands in docs/facts/scoring.md under the heading its group names."""

from dataclasses import dataclass, fields, replace

MODEL_VERSION = "1"


@dataclass(frozen=True, slots=True)
class Rules:
    """What an admin may tune; defaults are the preset `normal`."""

    window_days: int = 180  #: effort window
    horizon_days: int = 365  #: revenue horizon
    # "Selling minutes"
    meeting_minutes: int = 45  #: a meeting nobody measured
    call_minutes: int = 7
    mail_out_minutes: int = 4
    mail_in_minutes: int = 1
    task_minutes: int = 5
    note_minutes: int = 2
    shortest_meeting: int = 5  #: minutes; shorter ones are cut up to this, longer ones down to the next
    longest_meeting: int = 240
    all_day_minutes: int = 480  #: beyond this a length is no length: the default counts
    no_show_minutes: int = 5
    same_start_seconds: int = 300  #: records this close together are one activity
    mails_a_day: int = 5  #: of one subject to one account; more add nothing
    bulk_mails: int = 10  #: one subject to more recipients an hour than this is a bulk mail
    bulk_mail_seconds: int = 18
    day_minutes: int = 600  #: a person's day holds no more selling time
    service_types: tuple[str, ...] = ()  #: types of activities that are not selling, as the CRM spells them
    service_roles: tuple[str, ...] = ()  #: roles of people whose time is not selling time, as the CRM spells them
    # "Logging coverage"
    thin_logging: float = 0.30  #: share of the reference below which a book is not judged
    provisional_logging: float = 0.60
    floor_minutes: float = 15.0  #: minutes a working day below which nobody can be judged, whatever the colleagues log
    # evidence gates ("States")
    least_activities: int = 6
    least_hours: float = 3.0
    youngest_days: int = 90
    owner_days: int = 60
    least_book: int = 5  #: accounts; a share of fewer says nothing
    # "Potential"
    stage_prior: float = 20.0  #: weight of the admin's stage odds, in opportunities
    realisable: float = 0.25  #: share of the headroom that can be realised in a year
    wallet_quantile: float = 0.80
    grade_a: float = 0.80  #: rank above which an account is an A
    grade_b: float = 0.50
    grade_slack: float = 0.03  #: hysteresis of the grade, in rank
    # "Time against potential"
    gamma: float = 0.6
    maintenance_minutes: float = 30.0  #: a month, for customers
    occasion_minutes: float = 120.0  #: for a renewal, a first order, or where a person says that a project runs
    renewal_types: tuple[str, ...] = ("renewal", "replacement")  #: words in the type of an opportunity that renews
    kappa: float = 4.0  #: activities at which evidence weighs half
    most_activities: int = 40  #: evidence does not grow beyond
    over_ratio: float = 1.5
    doubt: float = 0.55  #: log units of doubt about potential
    doubt_fallback: float = 0.30  #: more where look-alikes are too few
    # "Behaviour"
    decision_days: int = 365  #: days in which a resolution counts: a half-year holds too few to judge by (ADR 0011)
    prior_events: float = 2.0
    shallow_share: float = 0.5  #: of what peers open
    # "States"
    enter: float = 0.45  #: J that points at a comfort zone
    leave: float = 0.25  #: J that points away from it
    p_over_earning: float = 0.70
    p_shallow_earning: float = 0.20  #: below what it is where nothing is known (0.26)
    p_under: float = 0.70
    nights_in: int = 5
    nights_out: int = 14
    dwell_days: int = 14

    def check(self) -> None:
        """Raise ValueError for a value that makes no sense."""
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type == tuple[str, ...]:
                if not (isinstance(value, tuple) and all(isinstance(v, str) and v for v in value)):
                    raise ValueError(f"{field.name} = {value!r} must be a list of words")
                continue
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"{field.name} = {value!r} is no number")
            if field.type is int and not isinstance(value, int):
                raise ValueError(f"{field.name} = {value!r} must be a whole number")
            if value < 0:
                raise ValueError(f"{field.name} = {value!r} must not be negative")
        for name in SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} = {getattr(self, name)!r} must lie between 0 and 1")
        if self.leave > self.enter:
            raise ValueError(f"leave = {self.leave} must not be above enter = {self.enter}")


SHARES = (
    "thin_logging",
    "provisional_logging",
    "realisable",
    "wallet_quantile",
    "grade_a",
    "grade_b",
    "enter",
    "leave",
    "p_over_earning",
    "p_shallow_earning",
    "p_under",
    "shallow_share",
    "gamma",
)

PRESETS: dict[str, dict[str, float | int]] = {
    "cautious": {"enter": 0.60, "leave": 0.35, "p_over_earning": 0.80, "p_under": 0.80, "over_ratio": 2.0},
    "normal": {},
    "sensitive": {"enter": 0.35, "leave": 0.20, "p_over_earning": 0.60, "p_under": 0.60},
}


def preset(name: str, **overrides: object) -> Rules:
    """Choose a preset with some constants replaced; raises ValueError naming key, value and what is valid."""
    if name not in PRESETS:
        raise ValueError(f"preset {name!r} is unknown; valid are {', '.join(PRESETS)}")
    names = {f.name for f in fields(Rules)}
    for key in overrides:
        if key not in names:
            raise ValueError(f"unknown key {key}; valid are preset, replay_nights, {', '.join(sorted(names))}")
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in overrides.items()}
    rules = replace(Rules(), **(PRESETS[name] | values))  # type: ignore[arg-type]
    rules.check()
    return rules
