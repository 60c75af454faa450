"""The outside world behind the ports: recorded bars and the paper venue."""
