"""Stores behind the ports `queue`, `ledger` and `book`; SQL lives in named `.sql` files beside them."""
