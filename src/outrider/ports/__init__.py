"""Small protocols, each shaped by its user; the outside world implements them."""
