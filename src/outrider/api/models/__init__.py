"""What the API answers: Structs whose fields are the JSON's, in the JSON's order.

The same types are serialised, and described by `api/openapi/`. `api/views.py` makes them of the domain's nouns.
"""
