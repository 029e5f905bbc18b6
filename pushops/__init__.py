"""Push operations: writing records back to the platforms they came from."""
