"""The API's own description: OpenAPI 3.1, made from what is served.

Litestar's routes say which calls there are, msgspec says the schemas, from the very types that validate and
serialise; `call.py` and `intake.py` bring both kinds of routes to one shape. To document a route, see
`api/refusals.py`, and add examples to `examples/`.
"""
