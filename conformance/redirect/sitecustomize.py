"""Leads clients with a built-in address to the sandbox: put this folder on PYTHONPATH and set SANDBOX_HUBSPOT.

Only the address of the request changes, neither the client nor what it sends (docs/facts/hubspot.md, "Foreign clients").
"""

import os

import requests.adapters

_send = requests.adapters.HTTPAdapter.send


def send(self, request, **options):
    """Sends to the sandbox what was meant for HubSpot."""
    real = "https://api.hubapi.com"
    if request.url.startswith(real):
        request.url = os.environ["SANDBOX_HUBSPOT"] + request.url[len(real) :]
    return _send(self, request, **options)


requests.adapters.HTTPAdapter.send = send
