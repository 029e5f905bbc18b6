"""The JSON API: one door in front of every router, each router one resource."""
