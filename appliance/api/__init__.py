"""The HTTP door: the API for apps, the local page for technicians, the socket for the CLI."""
