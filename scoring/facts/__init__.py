"""What is asked of the database: set algebra, integers only, as of a day."""
