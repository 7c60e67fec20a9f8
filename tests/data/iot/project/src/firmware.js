// The sensor of the board itself reports its temperature to the log.
