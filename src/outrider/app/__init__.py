"""Use cases. The doors (`api/`, `cli/`) call these and nothing else."""
