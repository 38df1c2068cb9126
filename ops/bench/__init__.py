"""Benchmarks: each one command, each printing a table and, with --json, one object a line."""
