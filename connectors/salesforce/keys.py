"""The key of the JWT login and its certificate: made for an admin, and looked at by the doctor."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID

from connectors.diagnosis import Observation, Trouble

#: how long a certificate is good for, and so many days before its end the doctor warns
DAYS, NOTICE_DAYS = 730, 30
#: of an RSA key; Salesforce refuses one with fewer
BITS = 2048
ANEW = "make a new pair with `assay init --out new/assay.toml`"


def new_key() -> RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=BITS)


def pem(key: RSAPrivateKey) -> bytes:
    """Return the private key without a passphrase: the night has nobody to ask."""
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def certificate(key: RSAPrivateKey, name: str, start: datetime, days: int = DAYS) -> bytes:
    """Self-signed, as Salesforce takes it: it only carries the public key and an end ("Create a Private Key", help)."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def check_key(path: Path, now: datetime) -> Iterator[Trouble | Observation]:
    """Tell what is wrong with a private key; if nothing, what can be said of the certificate beside it."""
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        fix = "check the path, or run `assay init` to make a key"
        yield Trouble(f"[salesforce] private_key_file {path}: {error.strerror}", fix)
        return
    except (ValueError, TypeError):
        fix = "give the key that `assay init` made, not the certificate"
        yield Trouble(f"{path} is no private key without a passphrase in PEM form", fix)
        return
    if isinstance(key, RSAPrivateKey) and key.key_size >= BITS:
        yield from _check_certificate(path.with_suffix(".crt"), key, now)
    else:
        yield Trouble(f"{path} is no RSA key of {BITS} bits", "make a new one with `assay init`")


def _check_certificate(path: Path, key: RSAPrivateKey, now: datetime) -> Iterator[Trouble | Observation]:
    """The certificate lies beside its key, where `assay init` puts it."""
    if not path.exists():
        return
    try:
        loaded = x509.load_pem_x509_certificate(path.read_bytes())
    except ValueError:
        yield Trouble(f"{path} is no certificate in PEM form", ANEW)
        return
    if loaded.public_key() != key.public_key():
        yield Trouble(f"{path} belongs to another key", "upload the certificate of this key, or make a new pair")
        return
    yield _days_left(path, (loaded.not_valid_after_utc - now).days)


def _days_left(path: Path, days: int) -> Trouble | Observation:
    fix = f"{ANEW}, upload the certificate to the External Client App, then exchange the key"
    if days < 0:
        return Trouble(f"the certificate {path} expired {-days} days ago", fix)
    good, facts = f"the certificate {path} is good for {days} days", {"certificate_days": days}
    return Observation(good, facts) if days >= NOTICE_DAYS else Trouble(good, fix, grave=False, facts=facts)
