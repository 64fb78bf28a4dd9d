"""docs/configuration.md, from the settings themselves: `python -m assay.doc_pages.configuration > docs/configuration.md` (`make docs`)."""

import re
import types
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from assay.settings import PREFIX, sections, settings_model
from scoring.rules import Rules

HEAD = """# Configuration

Made from the settings by `make docs`; do not edit.

Read from `assay.toml` (`--config`, else `ASSAY_CONFIG`, else the working folder). Every key is also an environment variable,
`ASSAY_SECTION__KEY`; lists are JSON there. A secret may instead come from a file named by the variable with `_FILE` at its
end. A flag wins over the environment, the environment over the file, the file over the default. Unknown keys are errors.
`assay config show` prints what is in effect and where each value came from, secrets masked.
"""


def markdown() -> str:
    """The whole page."""
    top = {k: f for k, f in settings_model().model_fields.items() if k not in sections()}
    parts = [HEAD, "## At the top of the file\n", *_table("", top)]
    for name, model in sections().items():
        parts += [f"\n## [{name}]\n", *_table(name, model.model_fields)]
        if model.model_config.get("extra") == "allow":
            parts += ["\nAlso every constant of the score, with the value of preset `normal`:\n", *_rules()]
    return "\n".join(parts) + "\n"


def _table(section: str, keys: dict[str, FieldInfo]) -> Iterator[str]:
    yield from ("| key | type | default | meaning |", "|---|---|---|---|")
    for key, field in keys.items():
        name = f"{PREFIX}{section.upper()}__{key.upper()}" if section else f"{PREFIX}{key.upper()}"
        secret = f" Secret: or `{name}_FILE`." if SecretStr in _kinds(field.annotation) or key == "url" else ""
        yield f"| `{key}` | {_type(field)} | {_shown(field.default)} | {_text(field.description or '')}.{secret} |"


def _rules() -> Iterator[str]:
    yield from ("| key | default |", "|---|---|")
    for constant in fields(Rules):
        yield f"| `{constant.name}` | {_shown(constant.default)} |"


def _kinds(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _type(field: FieldInfo) -> str:
    [kind] = [k for k in _kinds(field.annotation) if k is not types.NoneType]
    if get_origin(kind) is dict:
        return "table of lists of texts"
    if get_origin(kind) is Literal:
        return ", ".join(f"`{x}`" for x in get_args(kind))
    words = {str: "text", SecretStr: "text", Path: "path", bool: "true or false", int: "number", float: "number"}
    return words.get(kind, "list of texts") + _limits(field)


def _limits(field: FieldInfo) -> str:
    signs = {Ge: ("≥", "ge"), Gt: (">", "gt"), Le: ("≤", "le"), Lt: ("<", "lt")}
    bounds = [f"{signs[type(m)][0]} {getattr(m, signs[type(m)][1])}" for m in field.metadata if type(m) in signs]
    return f" ({', '.join(bounds)})" if bounds else ""


def _shown(value: Any) -> str:
    if value is None or value in ("", (), {}):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else list(value) if isinstance(value, tuple) else value}`"


def _text(words: str) -> str:
    return re.sub(r"\|", "\\|", words[:1].upper() + words[1:])


if __name__ == "__main__":
    print(markdown(), end="")  # noqa: T201 this page is the output
