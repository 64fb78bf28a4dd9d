"""The meaning of Assay: pure values in, pure values out. No clock, no environment, no I/O, no logging."""
