"""A HubSpot portal over HTTP."""
