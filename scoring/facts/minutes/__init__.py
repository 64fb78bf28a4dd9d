"""How long each activity counts for whom: one rule a file, put together by `chain`."""
