"""What `assay init` writes and tells for Salesforce: a section, a key with its certificate, and an admin's clicks."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from connectors.salesforce.keys import certificate, new_key, pem
from connectors.vendor import SetUp

SECTION = """\
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

CLICKS = """\
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


def set_up(answers: Mapping[str, str], folder: Path) -> SetUp:
    """Make a pair of key and certificate in the folder of the configuration, and tell where each goes."""
    key_file, key = folder / "salesforce.key", new_key()
    certificate_file = key_file.with_suffix(".crt")
    return SetUp(
        SECTION.format(**answers, key=key_file),
        CLICKS.format(username=answers["username"], certificate=certificate_file),
        {key_file: (pem(key), 0o600), certificate_file: (certificate(key, "assay", datetime.now(UTC)), 0o644)},
    )
