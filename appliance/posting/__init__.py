"""Signed bodies on their way to apps' web servers: straight there, or by the site's proxy."""
