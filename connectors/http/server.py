"""The API as a process: uvicorn with uvloop and httptools, until SIGTERM or SIGINT."""

import gc
import signal

import uvicorn
from fastapi import FastAPI

_DRAIN_SECONDS = 10
_KEEP_ALIVE_SECONDS = 30


def serve(app: FastAPI, host: str, port: int) -> None:
    """Answer on host:port until told to stop; then what is under way is finished, for at most 10 seconds.

    Exits with status 3 when the port is taken.
    """
    # uvicorn raises the signal that stopped it once more when all is done: let that not kill us, the end was orderly
    signal.signal(signal.SIGTERM, lambda *_: None)
    app.openapi()  # now, not while the first requests wait
    gc.collect()
    gc.freeze()  # what lives as long as the process need not be looked at again
    uvicorn.run(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
