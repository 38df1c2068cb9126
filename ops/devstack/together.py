"""Steps side by side."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from ops.devstack.failures import StackFailed

T = TypeVar("T")


async def together(*steps: Coroutine[Any, Any, T]) -> list[T]:
    """Run all steps at once and give their results; when one fails the others are cancelled and have ended."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(step) for step in steps]
    except ExceptionGroup as problems:
        failed, others = problems.split(StackFailed)
        if failed is None or others is not None:
            raise
        raise StackFailed("\n".join(str(each) for each in failed.exceptions)) from problems
    return [task.result() for task in tasks]
