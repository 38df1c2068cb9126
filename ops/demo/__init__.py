"""`tidings demo`: the whole system on real servers, told as one short story."""
