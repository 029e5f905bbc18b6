"""Benchmarks: speed claims live here, never in timed tests."""
