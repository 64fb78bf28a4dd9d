"""Fields and permission sets in an org: made, completed, shown, removed; by an admin, over real HTTP."""
