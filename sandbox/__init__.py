"""CRMs to run against when no CRM is at hand. Shares no code with the connectors it is judged by."""
