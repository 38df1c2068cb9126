"""The servers and processes of one run: brought up in order, taken down in order, obeying commands meanwhile."""

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import replace

from ops.devstack.child import Child, Site
from ops.devstack.endpoints import Endpoints
from ops.devstack.failures import StackFailed
from ops.devstack.leftovers import clear_leftovers
from ops.devstack.plan import Plan, ProcessSpec
from ops.devstack.ports import claim_port, give_up_where_needed, number_of, reserve_port
from ops.devstack.process_settings import API_PORT, STATE_FOLDER, stack_settings, webhook_secret, with_callers
from ops.devstack.processes import ProcessGroup
from ops.devstack.record import Identity, Record, read_record, write_record
from ops.devstack.services import Service, check_packages, make_services
from ops.devstack.together import together
from ops.devstack.wire import Command, Kind, Line


class RunningStack:
    """What a supervisor owns. `tell` reaches its starter, `on_death` hears why the stack cannot go on."""

    def __init__(self, plan: Plan, tell: Callable[[Line], None], on_death: Callable[[str], None]) -> None:
        self.plan, self.tell, self.on_death = plan, tell, on_death
        self.record = Record(supervisor=os.getpid())
        self.services: dict[str, Service] = {}
        self.group: ProcessGroup | None = None
        self.ports: dict[str, list[socket.socket]] = {}
        self.watchers: dict[str, asyncio.Task[None]] = {}
        self.told_to_stop: set[str] = set()
        self.start_seconds: dict[str, float] = {}

    async def up(self) -> None:
        """Start all; `record.ready` when it works. StackFailed when something does not start."""
        plan, last = self.plan, read_record(self.plan.data)
        check_packages(plan.to_start())
        self._write(replace(self.record, ports=last.ports, running=last.running))  # nobody joins the last run now
        site = Site(plan.data, await asyncio.to_thread(clear_leftovers, plan.data), self._say)
        self.services = make_services(plan, site)
        self._reserve_ports()
        found = await together(*(self._start_service(name) for name in self.services))
        endpoints = replace(plan.given, **{field: value for fields in found for field, value in fields.items()})
        await self._start_processes(site, endpoints)
        self._note_running()
        self._write(replace(self.record, ready=True, start_seconds=self.start_seconds))
        self.tell(Line(Kind.READY, record=self.record))

    async def down(self) -> None:
        """Stop all: the processes first, then the servers. After `up` has ended, in whatever way."""
        for watcher in self.watchers.values():
            watcher.cancel()
        with contextlib.suppress(OSError):
            self._write(replace(self.record, ready=False))
        if self.group:
            await self.group.down()
        await asyncio.gather(*(each.stop() for each in self.services.values()), return_exceptions=True)

    async def obey(self, command: Command) -> Line:
        """Do one command and answer it; StackFailed when it cannot be done."""
        match command.do:
            case "pids":
                return Line(Kind.REPLY, number=command.number, pids=self._pids())
            case "start":
                await self._start_again(command.name)
            case "stop":
                await self._stop(command.name)
            case _:
                raise StackFailed(f"no such command: {command.do}")
        self._note_running()
        return Line(Kind.REPLY, number=command.number)

    def _reserve_ports(self) -> None:
        wanted = {name: service.ports_needed for name, service in self.services.items()}
        wanted |= {spec.name: len(spec.port_variables) for spec in self.plan.processes}
        last = self.record.ports
        for name, count in wanted.items():
            numbers = (last.get(name, []) + [0] * count)[:count]
            self.ports[name] = [reserve_port(number) for number in numbers]
        for spec in self.plan.processes:
            self._claim_callers_port(spec)
        numbers_now = {name: [number_of(held) for held in ports] for name, ports in self.ports.items()}
        self._write(replace(self.record, ports={**last, **numbers_now}))

    def _claim_callers_port(self, spec: ProcessSpec) -> None:
        """The API listens where the caller's own setting says."""
        if API_PORT not in spec.port_variables or API_PORT not in os.environ:
            return
        place, number = spec.port_variables.index(API_PORT), os.environ[API_PORT]
        self.ports[spec.name][place].close()
        try:
            self.ports[spec.name][place] = claim_port(int(number))
        except (OSError, ValueError) as problem:
            raise StackFailed(f"port {number} ({API_PORT}) cannot be used: {problem}") from problem

    async def _start_service(self, name: str) -> dict[str, str]:
        service, began = self.services[name], time.monotonic()
        fields = await service.up(self.ports[name])
        self.start_seconds[name] = time.monotonic() - began
        if service.child:
            self.watchers[name] = asyncio.create_task(self._watch(name, service.child))
        return fields

    async def _watch(self, name: str, child: Child) -> None:
        report = await child.ended()
        if name in self.told_to_stop:
            return
        if self.plan.tolerates(name):
            self._on_change(report)
        else:
            self.on_death(report)

    async def _start_processes(self, site: Site, endpoints: Endpoints) -> None:
        specs, ports = self.plan.processes, self.record.ports
        with_api = [spec for spec in specs if API_PORT in spec.port_variables]
        api = ports[with_api[0].name][with_api[0].port_variables.index(API_PORT)] if with_api else 0
        own = stack_settings(endpoints, api, webhook_secret(self.plan.data), self.plan.brokers)
        own[STATE_FOLDER] = str(self.plan.data / "state")
        settings = with_callers(own, {**os.environ, **self.plan.settings})
        self.record = replace(
            self.record,
            endpoints=endpoints,
            brokers=self.plan.brokers,
            environment={name: settings[name] for name in (*own, *self.plan.settings)},
            process_ports={spec.name: ports[spec.name][0] for spec in specs if spec.port_variables},
        )
        for spec in specs:
            give_up_where_needed(self.ports[spec.name])
        self.group = ProcessGroup(specs, site, settings, ports, self._on_change)
        await self.group.up()
        self.start_seconds |= {name: each.start_seconds for name, each in self.group.kept.items()}

    async def _start_again(self, name: str) -> None:
        if name in self._pids():
            raise StackFailed(f"{name} runs already")
        self.told_to_stop.discard(name)
        if self.group and name in self.group.kept:
            await self.group.start(name)
        elif name in self.services:
            if sys.platform != "linux":  # there a held port is given up at the start of its server
                self.ports[name] = [reserve_port(number) for number in self.record.ports[name]]
            await self._start_service(name)
        else:
            raise StackFailed(f"no such server or process here: {name}")

    async def _stop(self, name: str) -> None:
        self.told_to_stop.add(name)
        if self.group and name in self.group.kept:
            await self.group.kept[name].stop()
        elif name in self.services and self.services[name].child:
            await self.services[name].stop()
        else:
            raise StackFailed(f"no such server or process here: {name}")

    def _pids(self) -> dict[str, int]:
        children = {name: service.child for name, service in self.services.items()}
        if self.group:
            children |= {name: each.child for name, each in self.group.kept.items()}
        return {name: child.pid for name, child in children.items() if child and child.pid}

    def _note_running(self) -> None:
        import psutil

        running = {}
        for name, pid in self._pids().items():
            with contextlib.suppress(psutil.Error):
                running[name] = Identity(pid, psutil.Process(pid).create_time())
        self._write(replace(self.record, running=running))

    def _on_change(self, report: str) -> None:
        self._note_running()
        if report:
            self.tell(Line(Kind.EVENT, report))

    def _say(self, text: str) -> None:
        self.tell(Line(Kind.PROGRESS, text))

    def _write(self, record: Record) -> None:
        self.record = record
        write_record(self.plan.data, record)
