"""`assay init`: a commented assay.toml, a key and a certificate for Salesforce, and what an admin clicks. Never overwrites."""

import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.x509.oid import NameOID

from assay.settings import ConfigError

CRMS = {"salesforce": ("salesforce",), "hubspot": ("hubspot",), "both": ("salesforce", "hubspot")}
#: how long a certificate is good for; doctor tells a month before its end
DAYS = 730
BITS = 2048

SALESFORCE = """\
[salesforce]
# Your org's My Domain address, such as https://acme.my.salesforce.com; a sandbox has one of its own.
login_url = "{login_url}"
# The consumer key of the External Client App (Set-up > External Client App Manager > Assay > Settings > OAuth).
client_id = "{client_id}"
# The integration user's name. One user for Assay alone, licence Salesforce Integration.
username = "{username}"
private_key_file = "{key}"
# The most of the org's daily API calls that a night may use.
quota_share = 0.10
"""

HUBSPOT = """\
[hubspot]
# The service key stays out of this file: ASSAY_HUBSPOT__TOKEN_FILE names a file that holds it (mode 600).
# The most of the portal's daily API calls that a night may use.
quota_share = 0.10
"""

HEAD = """\
# Assay. Every key can also be given as ASSAY_SECTION__KEY; `assay config show` explains all of them.
[database]
url = "{database}"

"""

TAIL = """
[write]
# Nothing is written to the CRM before you say so. Read `assay plan` first; even then the first run is dry.
enabled = false
# A pilot: only these account ids. Empty = all.
only = []

# Which accounts are judged and written at all: begin with one region, or a few owners (docs/scope.md).
# [scope.include]
# owner = ["Ann Smith"]

[scoring]
# How readily a state is given: cautious, normal, sensitive.
preset = "normal"
"""

SALESFORCE_CLICKS = """\
Salesforce, as an admin (docs/salesforce.md has every step):
  1. Set-up > Users > New User: licence "Salesforce Integration", profile "Minimum Access - API Only Integrations",
     username {username}. Then its permission set licence "Salesforce API Integration".
  2. Set-up > External Client App Manager > New: name Assay, local. Enable OAuth, scope "Manage user data via APIs (api)",
     enable "JWT Bearer Flow" and upload {certificate}.
  3. The app's Policies: "Admin approved users are pre-authorized", and the permission set Assay_Integration.
  4. Its consumer key goes to [salesforce] client_id.
  5. Fields and permission sets, with your own session and not the integration user's:
       sf org login web --alias admin && sf org display --target-org admin --verbose --json
       ASSAY_SALESFORCE__ACCESS_TOKEN=... ASSAY_SALESFORCE__INSTANCE_URL=... assay schema apply --yes
"""

HUBSPOT_CLICKS = """\
HubSpot, as a super admin (docs/hubspot.md has every step):
  1. Development > Keys > Service keys: a key with the scopes listed there.
  2. Put it into a file of mode 600 and name that: ASSAY_HUBSPOT__TOKEN_FILE=/path/to/the/file
  3. assay schema apply --yes
"""

NEXT = "Then: assay doctor, assay run (dry), assay plan, and [write] enabled = true when you like what you see."


def new_key() -> RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=BITS)


def pem(key: RSAPrivateKey) -> bytes:
    """The private key without a passphrase: the night has nobody to ask."""
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def certificate(key: RSAPrivateKey, name: str, start: datetime, days: int = DAYS) -> bytes:
    """Self-signed, as Salesforce takes it: it only carries the public key and an end ("Create a Private Key", help)."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(start + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    return made.public_bytes(serialization.Encoding.PEM)


def command(
    crm: Annotated[str, typer.Option(help=f"{', '.join(CRMS)}.")] = "",
    out: Annotated[Path, typer.Option(help="The configuration file to write.")] = Path("assay.toml"),
    database: Annotated[str, typer.Option(help="Where pulled and judged data live.")] = "sqlite:///data/assay.db",
    login_url: Annotated[str, typer.Option(help="Salesforce: the org's My Domain address.")] = "",
    client_id: Annotated[str, typer.Option(help="Salesforce: the consumer key; may be filled in later.")] = "",
    username: Annotated[str, typer.Option(help="Salesforce: the integration user's name.")] = "",
) -> None:
    """Write a commented assay.toml, a key and a certificate for Salesforce, and tell an admin what to click."""
    answers = _answers(crm, {"login_url": login_url, "client_id": client_id, "username": username})
    files = _files(out, database, answers)
    _raise_if_there(list(files))
    for path, (text, mode) in files.items():
        _write(path, text, mode)
        typer.echo(f"written: {path}", err=True)
    certificate_file = next((p for p in files if p.suffix == ".crt"), None)
    if "login_url" in answers:
        typer.echo(SALESFORCE_CLICKS.format(username=answers["username"], certificate=certificate_file))
    if answers["crm"] != "salesforce":
        typer.echo(HUBSPOT_CLICKS)
    typer.echo(NEXT)


def asking() -> bool:
    """Whether there is a person to ask."""
    return sys.stdin.isatty()


def _answers(crm: str, salesforce: Mapping[str, str]) -> dict[str, str]:
    """What was given as flags, and what a person at the terminal adds; raises `ConfigError` for what nobody answers."""
    questions = {"login_url": "Salesforce: My Domain address", "username": "Salesforce: the integration user's name"}
    asked = asking()
    crm = crm or (typer.prompt("Which CRM (salesforce, hubspot, both)") if asked else "")
    if crm not in CRMS:
        raise ConfigError([f"--crm {crm or 'is missing'}: unknown. Fix: one of {', '.join(CRMS)}"])
    if "salesforce" not in CRMS[crm]:
        return {"crm": crm}
    given = dict(salesforce)
    for name, question in questions.items():
        given[name] = given[name] or (typer.prompt(question) if asked else "")
    missing = [
        f"--{name.replace('_', '-')} is missing. Fix: give it, there is nobody to ask here"
        for name in questions
        if not given[name]
    ]
    strange = [f"--{name.replace('_', '-')} holds a quote or a line end. Fix: give the plain value" for name, value in given.items()
               if set(value) & set('"\\\n\r')]  # fmt: skip
    if not given["login_url"].startswith(("https://", "http://127.0.0.1", "http://localhost")) and given["login_url"]:
        strange.append(
            f"--login-url {given['login_url']}: not an https address. Fix: such as https://acme.my.salesforce.com"
        )
    if missing or strange:
        raise ConfigError([*missing, *strange])
    return {"crm": crm, **given}


def _files(out: Path, database: str, answers: Mapping[str, str]) -> dict[Path, tuple[bytes, int]]:
    """Path -> (content, mode). The key is made last, when everything else is known to be right."""
    parts, files = [HEAD.format(database=database)], dict[Path, tuple[bytes, int]]()
    if "login_url" in answers:
        key_file = out.resolve().parent / "salesforce.key"
        parts.append(SALESFORCE.format(**answers, key=key_file))
        key = new_key()
        files[key_file] = (pem(key), 0o600)
        files[key_file.with_suffix(".crt")] = (certificate(key, "assay", datetime.now(UTC)), 0o644)
    if "hubspot" in CRMS[answers["crm"]]:
        parts.append(HUBSPOT)
    return {out: ("\n".join([parts[0].rstrip("\n") + "\n", *parts[1:]]).encode() + TAIL.encode(), 0o600), **files}


def _raise_if_there(paths: list[Path]) -> None:
    held = [p for p in paths if p.exists()]
    if held:
        raise ConfigError([f"{p} exists and is not overwritten. Fix: move it away, or choose another --out" for p in held])


def _write(path: Path, content: bytes, mode: int) -> None:
    """Made with its mode, so that a secret is never readable in between; "x" keeps even a race from overwriting."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(content)
