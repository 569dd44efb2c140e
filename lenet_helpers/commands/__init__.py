"""The command line, the runner of the lessons, and the doctor."""
