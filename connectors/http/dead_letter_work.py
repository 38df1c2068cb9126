"""/v1/dead-letters: putting them back to work, and giving them up. Of many only after a dry run, unless asked."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query

from connectors.dead_letters.drop import DropReport, drop_many, plan_drop
from connectors.dead_letters.many import Interrupted, RedriveReport, plan, redrive_many
from connectors.dead_letters.one import AlreadyDropped, AlreadyRedriven, CannotGoBack, Refused, drop, redrive
from connectors.http.dead_letter_bodies import DropBody, DropOneBody, RedriveBody
from connectors.http.dead_letters import PATH, TAG, DeadLetterId, no_dead_letter, plain
from connectors.http.json_response import JsonResponse
from connectors.http.ports import Parts
from connectors.http.problems import ALREADY_DROPPED, ALREADY_REDRIVEN, CANNOT_GO_BACK, Problem, unavailable
from connectors.http.responses import READING, WRITING, responses
from ops.telemetry import logs

_REFUSALS = {
    AlreadyRedriven: ALREADY_REDRIVEN,
    AlreadyDropped: ALREADY_DROPPED,
    CannotGoBack: CANNOT_GO_BACK,
}


@dataclass(frozen=True, slots=True)
class Redriven:
    """It is back in its topic."""

    dead_letter_id: str
    status: str
    notification_id: str | None
    delivery_id: str | None


@dataclass(frozen=True, slots=True)
class Dropped:
    """It is given up: what, why and when stay."""

    dead_letter_id: str
    status: str
    drop_reason: str


class DeadLetterWork:
    """Four routes."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def router(self) -> APIRouter:
        router = APIRouter(tags=[TAG])
        one = f"{PATH}/{{dead_letter_id}}"
        router.post(
            f"{PATH}/redrive",
            summary="Put many dead letters back to work",
            responses=responses(200, RedriveReport, WRITING),
        )(self.redrive_many)
        router.post(f"{PATH}/drop", summary="Give many dead letters up", responses=responses(200, DropReport, WRITING))(
            self.drop_many
        )
        router.post(
            f"{one}/redrive",
            status_code=202,
            summary="Put a dead letter back to work",
            responses=responses(202, Redriven, (*READING, ALREADY_REDRIVEN, ALREADY_DROPPED, CANNOT_GO_BACK)),
        )(self.redrive)
        router.post(
            f"{one}/drop",
            summary="Give a dead letter up",
            responses=responses(200, Dropped, (*READING, *WRITING, ALREADY_DROPPED)),
        )(self.drop)
        return router

    async def redrive_many(self, body: RedriveBody) -> JsonResponse:
        """Mend the cause first. A dry run unless `dry_run` is false: it tells how many would go back, of what.

        Those that wait go back oldest first, `rate` a second, with their ids, and unless `own_priority` is true at low
        priority, so that live deliveries do not feel it. Order is not promised after a redrive. What has expired is
        skipped and counted. An answer comes after 20 s at the latest: while `left` is not 0, send the same again with
        the `until` that was told. Whatever breaks off on the way, the same request goes on with what still waits.
        """
        if body.dry_run:
            return JsonResponse(await plan(body.asked(), self._parts))
        try:
            report = await redrive_many(body.asked(), self._parts)
        except Interrupted as error:
            told, service = error.report, error.cause.service
            logs.get().warning("redrive interrupted", redriven=told.redriven, left=told.left, service=service)
            said = f"{service} does not answer; {told.redriven} were redriven, {told.left} still wait"
            raise unavailable(service, said, redriven=told.redriven, left=told.left, until=told.until) from error
        logs.get().info("dead letters redriven", redriven=report.redriven, left=report.left, expired=report.expired)
        return JsonResponse(report)

    async def drop_many(self, body: DropBody) -> JsonResponse:
        """A dry run unless `dry_run` is false. What was dropped, when and why stays in the list; its key, headers and
        bytes are forgotten for good: export them before if they may be needed."""
        if body.dry_run:
            return JsonResponse(await plan_drop(body.asked(), self._parts))
        report = await drop_many(body.asked(), self._parts)
        logs.get().info("dead letters dropped", dropped=report.dropped)
        return JsonResponse(report)

    async def redrive(
        self,
        dead_letter_id: DeadLetterId,
        again: Annotated[bool, Query(description="Also when it was redriven before.")] = False,
    ) -> JsonResponse:
        """Mend the cause first. The same record goes back to its topic, with one more in its header `redrives`."""
        try:
            dead = await redrive(plain(dead_letter_id), again, self._parts)
        except Refused as error:
            raise _problem(error) from error
        if dead is None:
            raise no_dead_letter(dead_letter_id)
        return JsonResponse(Redriven(dead.dead_letter_id, "redriven", dead.notification_id, dead.delivery_id), 202)

    async def drop(self, dead_letter_id: DeadLetterId, body: DropOneBody) -> JsonResponse:
        """What it was, when and why it was dropped stays; its key, headers and bytes are forgotten for good."""
        try:
            dead = await drop(plain(dead_letter_id), body.drop_reason, self._parts)
        except Refused as error:
            raise _problem(error) from error
        if dead is None:
            raise no_dead_letter(dead_letter_id)
        return JsonResponse(Dropped(dead.dead_letter_id, "dropped", body.drop_reason))


def _problem(error: Refused) -> Problem:
    return Problem(_REFUSALS[type(error)], error.why)
