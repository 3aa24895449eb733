"""What the process tells its operator while it runs."""
