"""What waits all day: the schedule, the nights it starts, metrics."""
