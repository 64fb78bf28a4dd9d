"""The only room with queries: tables, engine, store, ledger, lease."""
