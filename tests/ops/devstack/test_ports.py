import socket

import pytest

from ops.devstack.ports import LOOPBACK, claim_port, number_of, reserve_port


def listen(number: int) -> socket.socket:
    """What every server of ours does: SO_REUSEADDR, bind, listen."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((LOOPBACK, number))
    server.listen()
    return server


def test_a_server_can_listen_on_a_held_port() -> None:
    with reserve_port() as held, listen(number_of(held)) as server:
        socket.create_connection(server.getsockname(), 1).close()


def test_a_held_port_is_given_to_nobody_else() -> None:
    with reserve_port() as one, reserve_port() as other, socket.socket() as strict:
        assert number_of(one) != number_of(other)
        with pytest.raises(OSError, match="in use"):
            strict.bind((LOOPBACK, number_of(one)))


def test_the_port_of_the_last_run_is_taken_again() -> None:
    with reserve_port() as last:
        number = number_of(last)
    with reserve_port(number) as again:
        assert number_of(again) == number


def test_another_port_is_taken_when_somebody_listens_on_that_of_the_last_run() -> None:
    with listen(0) as server, reserve_port(number_of(server)) as held:
        assert number_of(held) != number_of(server)


def test_a_claimed_port_is_that_port_or_an_error() -> None:
    with listen(0) as server, pytest.raises(OSError, match="in use"):
        claim_port(number_of(server))
