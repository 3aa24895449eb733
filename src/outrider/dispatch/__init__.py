"""The engine: lanes → attempt → settle, with a feeder for what waits in the queue.

Read `engine.py`, `lanes.py`, `attempt.py`, `settler.py`, in that order.
"""
