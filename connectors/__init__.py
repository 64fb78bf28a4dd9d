"""One folder per CRM. A connector speaks its CRM's API and nothing else."""
