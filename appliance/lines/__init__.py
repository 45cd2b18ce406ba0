"""One line and what keeps it going: starting, sending, hearing, judging, mending."""
