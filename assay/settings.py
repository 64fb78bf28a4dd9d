"""Settings from flags, environment, file and defaults, in that order; every problem reported at once."""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from annotated_types import Len
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, create_model
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from connectors.vendor import Section
from connectors.vendors import VENDORS
from scoring.rules import Rules, preset
from scoring.scope import ROLE
from scoring.scope import Scope as Chosen

if TYPE_CHECKING:
    from scheduler import Cron

PREFIX = "ASSAY_"
MASK = "********"
Values = Annotated[tuple[str, ...], Len(1)]


class ConfigError(Exception):
    """The configuration is wrong; one line a problem."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Database(_Section):
    url: str = Field(default="sqlite:///data/assay.db", description="where pulled and judged data live")


class Write(_Section):
    enabled: bool = Field(default=False, description="nothing is written to the CRM unless this is true")
    only: tuple[str, ...] = Field(default=(), description="write these account ids only (a pilot); empty = all")
    max_flag_change: float = Field(default=0.20, gt=0, le=1, description="stop if a larger share of accounts changes state")
    band_hours: float = Field(default=1.0, ge=0, description="hours are rewritten only when they move further than this")
    band_share: float = Field(
        default=0.10,
        ge=0,
        le=1,
        description="potential is rewritten only when it moves by more than this share of itself and of its own 80 % range",
    )
    band_points: int = Field(
        default=5,
        ge=0,
        le=100,
        description="confidence in a claim is rewritten only when it moves further than this, where nothing is claimed than twice this",
    )


class Scope(_Section):
    rollup: Literal["none", "parent"] = Field(
        default="none", description="parent = what happens at an account counts for its topmost parent account"
    )
    include: dict[str, Values] = Field(
        default={},
        description="criterion = values, such as owner, role, record_type, type or a picklist's API name; all must match",
    )
    exclude: dict[str, Values] = Field(default={}, description="criterion = values; an account that matches one is left out")

    def chosen(self) -> Chosen:
        """What the score understands: a team is a role, as each CRM has one of them."""
        return Chosen(_by_role(self.include), _by_role(self.exclude), self.rollup == "parent")


def _by_role(lists: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, values in lists.items():
        name = ROLE if name == "team" else name
        found[name] = (*found.get(name, ()), *values)
    return found


class Scoring(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)
    preset: Literal["cautious", "normal", "sensitive"] = Field(default="normal", description="how readily a state is given")
    replay_nights: int = Field(default=30, ge=0, le=60, description="nights replayed on the first run or after missed ones")

    def rules(self) -> Rules:
        """The preset with this file's own numbers in place; raises `ValueError`."""
        return preset(self.preset, **(self.model_extra or {}))


class Schedule(_Section):
    cron: str = Field(default="0 2 * * *", description="when `assay serve` runs a night; empty = never")
    timezone: str = Field(default="UTC", description="whose wall clock cron means, such as Europe/Berlin")
    ping_url: SecretStr | None = Field(
        default=None, description="told of each night's start, success and failure (URL/start, URL, URL/fail)"
    )
    lease_seconds: int = Field(
        default=60, ge=3, description="a run that died on another machine is replaced after this long"
    )

    def clock(self) -> "Cron | None":
        """When nights come; raises `ValueError`."""
        from scheduler import Cron  # loads APScheduler, which a health check need not wait for

        return Cron(self.cron, self.timezone) if self.cron else None


class Retention(_Section):
    people_days: int = Field(
        default=1500, ge=366, description="who took part in activities older than this is forgotten; time and owner stay"
    )
    nights_days: int = Field(default=400, ge=90, description="nightly states older than this are dropped")
    ledger_days: int = Field(default=400, ge=90, description="settled writes older than this are dropped; undo needs 90")


class Log(_Section):
    format: Literal["auto", "text", "json"] = Field(default="auto", description="auto = text on a terminal, else JSON")
    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="the least that is logged")


class Report(_Section):
    hide_owners: bool = Field(default=False, description="leave the names of owners out of the report")


class Web(_Section):
    host: str = Field(default="127.0.0.1", description="address of the page; other than loopback needs a token")
    port: int = Field(default=8080, ge=0, le=65_535, description="port of the page")
    token: SecretStr | None = Field(default=None, description="who may read the page: Bearer, or the Basic password")
    token_file: Path | None = Field(default=None, description="a file that holds the token, instead of token")


class General(BaseSettings):
    """What stands at the top of the file, before the CRMs."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True)
    allow_hosts: tuple[str, ...] = Field(default=(), description="additional host:port that Assay may connect to")
    ca_file: Path | None = Field(default=None, description="additional certificate authority, beside the system's")
    database: Database = Database()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` merged: it knows where each value came from."""
        return (init_settings,)


class Settings(General):
    """What an admin decides. Unknown keys are errors; the CRMs' sections are added by `settings_model`."""

    write: Write = Write()
    scope: Scope = Scope()
    scoring: Scoring = Scoring()
    report: Report = Report()
    schedule: Schedule = Schedule()
    retention: Retention = Retention()
    log: Log = Log()
    web: Web = Web()

    def crms(self) -> dict[str, Section]:
        """The section of each CRM that is configured, in the order of the registry."""
        return {name: section for name, section in self if isinstance(section, Section)}

    def required_crms(self) -> dict[str, Section]:
        """The same; raises `ConfigError` if there is none."""
        crms = self.crms()
        if not crms:
            sections = " or a ".join(f"[{name}]" for name in VENDORS)
            raise ConfigError([f"no CRM is configured. Fix: add a {sections} section to assay.toml"])
        return crms


def settings_model() -> type[Settings]:
    """`Settings` with a section for each vendor of the registry."""
    return _with_sections(tuple((name, vendor.section) for name, vendor in VENDORS.items()))


@cache
def _with_sections(sections: tuple[tuple[str, type[Section]], ...]) -> type[Settings]:
    """Fields come in the order of the bases, last one first: general ones, CRMs, all others."""
    fields: dict[str, Any] = {name: (section | None, None) for name, section in sections}
    crms = create_model("Crms", __base__=General, **fields)
    model = create_model("Settings", __base__=(Settings, crms))
    assert issubclass(model, Settings)  # noqa: S101 tells mypy, which sees the common base only
    return model


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings and, for each value that is not a default, where it came from."""

    settings: Settings
    origins: Mapping[str, str]


def load(path: Path | None = None, flags: Mapping[str, Any] | None = None) -> Loaded:
    """Read all sources; raises `ConfigError` with every problem found."""
    problems: list[str] = []
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, layer in _layers(path, flags or {}, problems):
        for key, value in _leaves(layer):
            _put(merged, key, value)
            origins[".".join(key)] = origin
    settings: Settings | None = None
    try:
        settings = settings_model()(**merged)
        settings.scoring.rules()
        problems += _schedule_problems(settings)
    except ValidationError as error:
        problems += [_explain(e, origins) for e in error.errors()]
    except ValueError as error:
        problems.append(f"[scoring]: {error}")
    if problems or settings is None:
        raise ConfigError(problems)
    return Loaded(settings, origins)


def _schedule_problems(settings: Settings) -> list[str]:
    """What only the schedule's own clock, or the list of hosts, can tell."""
    problems = []
    try:
        settings.schedule.clock()
    except ValueError as error:
        problems.append(f"[schedule]: {error}")
    if settings.schedule.ping_url is not None:
        host = urlsplit(settings.schedule.ping_url.get_secret_value()).netloc.rpartition("@")[2]
        if host not in settings.allow_hosts:
            problems.append(f'[schedule] ping_url: {host or "no host"} is not listed. Fix: set allow_hosts = ["{host}"]')
    return problems


def config_path(given: Path | None) -> Path | None:
    """--config, else ASSAY_CONFIG, else assay.toml if it is here."""
    if given or os.environ.get("ASSAY_CONFIG"):
        return given or Path(os.environ["ASSAY_CONFIG"])
    return Path("assay.toml") if Path("assay.toml").exists() else None


def shown(loaded: Loaded) -> list[tuple[str, str, str]]:
    """(key, value with secrets masked, origin) for every setting."""
    rows = []
    for key, value in _leaves(loaded.settings.model_dump()):
        name = ".".join(key)
        text = MASK if isinstance(value, SecretStr) else _without_password(str(value)) if key[-1] == "url" else str(value)
        rows.append((name, text, loaded.origins.get(name, "default")))
    return rows


def _without_password(url: str) -> str:
    head, at, tail = url.rpartition("@")
    return f"{head.rpartition(':')[0]}:{MASK}@{tail}" if at and head.count(":") > 1 else url


def _layers(path: Path | None, flags: Mapping[str, Any], problems: list[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Lowest precedence first."""
    path = config_path(path)
    if path:
        yield f"file {path}", _file(path, problems)
    try:
        yield "environment", _without_files(EnvSettingsSource(settings_model())())
    except Exception as error:  # the library wraps every parse error in its own class
        problems.append(f'environment: {error}. Fix: lists are JSON, for instance ["a", "b"]')
    problems += _unknown_environment()
    yield "secret file", _secret_files(problems)
    yield "flag", flags


def _file(path: Path, problems: list[str]) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        problems.append(f"{path}: cannot be read: {error.strerror}. Fix: check --config and ASSAY_CONFIG")
    except tomllib.TOMLDecodeError as error:
        problems.append(f"{path}: not valid TOML: {error}. Fix: strings need quotes, tables look like [write]")
    return {}


def _without_files(layer: dict[str, Any]) -> dict[str, Any]:
    """The environment without the `..._FILE` companions of secrets, which are a layer of their own."""
    return {
        section: {
            k: v for k, v in values.items() if k.removesuffix("_file") not in _secrets(section) or not k.endswith("_file")
        }
        if isinstance(values, dict)
        else values
        for section, values in layer.items()
    }


def _secret_files(problems: list[str]) -> dict[str, Any]:
    """`ASSAY_SECTION__KEY_FILE` holds the path of a file with the value of a secret key."""
    found: dict[str, Any] = {}
    for name, value in os.environ.items():
        section, _, key = name.removeprefix(PREFIX).lower().removesuffix("_file").partition("__")
        if not (name.startswith(PREFIX) and name.endswith("_FILE") and key in _secrets(section)):
            continue
        try:
            _put(found, (section, key), Path(value).read_text().strip())
        except OSError as error:
            problems.append(f"{name}: {value} cannot be read: {error.strerror}. Fix: check path and file mode")
    return found


def sections() -> dict[str, type[BaseModel]]:
    """Every section of the file and the model of its keys."""
    found: dict[str, type[BaseModel]] = {}
    for name, field in settings_model().model_fields.items():
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                found[name] = kind
    return found


def _secrets(section: str) -> set[str]:
    """Keys whose value may come from a file; a database URL may hold a password."""
    model = sections().get(section)
    keys = model.model_fields.items() if model else ()
    return {k for k, f in keys if SecretStr in (f.annotation, *get_args(f.annotation))} | ({"url"} & {k for k, _ in keys})


def secret_values(settings: Settings) -> list[str]:
    """Every secret that is set, for whoever must not repeat one."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    found = [v.get_secret_value() for _, v in _leaves(settings.model_dump()) if isinstance(v, SecretStr)]
    with suppress(ArgumentError):
        found += [make_url(settings.database.url).password or ""]
    for path in (path for section in settings.crms().values() for path in section.secret_files()):
        with suppress(OSError, UnicodeDecodeError):
            found += [line for line in path.read_text().splitlines() if not line.startswith("-----")]
    return [secret for secret in found if secret]


def _unknown_environment() -> list[str]:
    sections = [n.upper() for n in settings_model().model_fields]
    names = [n for n in os.environ if n.startswith(PREFIX) and "__" in n]
    strange = [n for n in names if n.removeprefix(PREFIX).partition("__")[0] not in sections]
    return [f"environment: {n}: there is no such section.{_nearest(n[6:].partition('__')[0], sections)}" for n in strange]


def _leaves(layer: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in layer.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value


def _put(tree: dict[str, Any], key: tuple[str, ...], value: Any) -> None:
    for part in key[:-1]:
        tree = tree.setdefault(part, {})
    tree[key[-1]] = value


def _explain(error: Any, origins: Mapping[str, str]) -> str:
    """One pydantic error as one line: where, what, the way out; values of secrets are never repeated."""
    where = [str(part) for part in error["loc"]]
    key = ".".join(where)
    origin = origins.get(key, next((o for k, o in origins.items() if k.startswith(key)), "configuration"))
    if error["type"] == "extra_forbidden":
        valid = settings_model().model_fields if len(where) == 1 else _section_keys(where[0])
        return f"{origin}: unknown key {key}.{_nearest(where[-1], list(valid))}"
    given = "" if where[-1] in _secrets(where[0]) else f" (given: {error['input']!r})"
    return f"{origin}: {key}: {error['msg']}{given}. Fix: see `assay config show` for the key's meaning"


def _section_keys(section: str) -> list[str]:
    model = sections().get(section)
    return list(model.model_fields) if model else []


def _nearest(word: str, valid: list[str]) -> str:
    match = difflib.get_close_matches(word, valid, n=1, cutoff=0.5)
    return f" Fix: did you mean {match[0]}?" if match else f" Fix: valid are {', '.join(sorted(valid))}"
