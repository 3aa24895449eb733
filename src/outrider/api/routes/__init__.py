"""The management API's routes, one file per kind of thing."""
