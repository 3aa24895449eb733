"""The store on PostgreSQL 14 to 18: any number of processes share it."""
