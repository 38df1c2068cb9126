"""The router measured beside a bare consumer loop and beside ordinary Faust, from outside and on the same data.

data -> ground (topics) -> process (a contender, pinned to its cores) -> one file per question: throughput,
same_records, latency, live_preference, scaling, recovery, priorities, growth. `parts.py` lists them.
"""
