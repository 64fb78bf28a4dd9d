"""One night's steps. They know no page, no terminal and no vendor."""
