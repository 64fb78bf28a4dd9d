"""What `assay init` writes and tells for HubSpot: a section and an admin's clicks; the key stays out of the file."""

from connectors.vendor import SetUp

SECTION = """\
[hubspot]
# The service key stays out of this file: ASSAY_HUBSPOT__TOKEN_FILE names a file that holds it (mode 600).
# The most of the portal's daily API calls that a night may use.
quota_share = 0.10
"""

CLICKS = """\
HubSpot, as a super admin (docs/hubspot.md has every step):
  1. Development > Keys > Service keys: a key with the scopes listed there.
  2. Put it into a file of mode 600 and name that: ASSAY_HUBSPOT__TOKEN_FILE=/path/to/the/file
  3. assay schema apply --yes
"""


def set_up() -> SetUp:
    """Nothing has to be asked, and no file made."""
    return SetUp(SECTION, CLICKS)
