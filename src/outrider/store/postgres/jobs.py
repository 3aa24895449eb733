class PostgresJobs:
    def __init__(self, c):
        self._c = c
