"""The API of the Celery contender: an event comes by POST and is given to the queue."""

import os
import sys
from typing import Any

import uvicorn
from fastapi import FastAPI

from ops.bench.sender.contenders.celery_tasks import ORDER, mail

app = FastAPI()


@app.post("/notify", status_code=202)
def notify(delivery: dict[str, Any]) -> dict[str, str]:
    """Accepted."""
    mail.delay(delivery)
    return {"delivery_id": str(delivery["delivery_id"])}


if __name__ == "__main__":
    assert ORDER in os.environ
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
