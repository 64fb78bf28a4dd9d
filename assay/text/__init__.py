"""How values read: tables for people, CSV for spreadsheets, JSON for programs. Pure."""
