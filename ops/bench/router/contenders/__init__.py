"""Who is measured: each module a program of its own, `python -m ops.bench.router.contenders.<name> <order>`."""
