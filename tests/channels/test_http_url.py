import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from connectors.channels.http_url import LONGEST, Origin, UnfitUrl, parse_url

_HOSTS = st.sampled_from(
    ["a.example", "A.Example", "127.0.0.1", "[::1]", "a.example.", "xn--bcher-kva.example", "bücher.example", "a..b"]
)
_REST = st.text("aZ09._~-/%?=&+#@:;,!$'()*äé \\\r\n\t", max_size=30)


@pytest.mark.parametrize(
    ("text", "origin", "target"),
    [
        ("https://a.example", Origin(True, "a.example", 443, "a.example"), "/"),
        ("https://a.example/b.c/d?e=f&g", Origin(True, "a.example", 443, "a.example"), "/b.c/d?e=f&g"),
        ("http://a.example:8080/", Origin(False, "a.example", 8080, "a.example:8080"), "/"),
        ("https://[::1]:8443/x", Origin(True, "::1", 8443, "[::1]:8443"), "/x"),
        ("https://bücher.example/ä?ö=ü", Origin(True, "xn--bcher-kva.example", 443, "xn--bcher-kva.example"),
         "/%C3%A4?%C3%B6=%C3%BC"),
        ("https://a.example/b/../c", Origin(True, "a.example", 443, "a.example"), "/c"),
        ("https://a.example/b#c", Origin(True, "a.example", 443, "a.example"), "/b"),
    ],
)  # fmt: skip
def test_a_url_is_where_to_connect_and_what_to_ask_for(text: str, origin: Origin, target: str) -> None:
    assert parse_url(text) == (origin, target)


@given(scheme=st.sampled_from(["http", "https", "HTTPS"]), host=_HOSTS, port=st.sampled_from(["", ":80", ":8443"]),
       rest=_REST)  # fmt: skip
@example("https", "a.example", "", "/.")
@example("https", "a.example", "", "/a/..")
@example("https", "a.example", "", "/a/.b/c.")
@example("https", "a.example", "", "//a//b/?")
@example("https", "a.example", ":", "/")
@example("https", "a.example", "", "/a b\r\nX-Evil: y")
def test_what_is_read_fast_is_what_yarl_reads(scheme: str, host: str, port: str, rest: str) -> None:
    text = f"{scheme}://{host}{port}/{rest}"
    try:
        url = URL(text)
        expected = (url.scheme == "https", url.raw_host, url.port, url.host_port_subcomponent, url.raw_path_qs)
    except ValueError:
        with pytest.raises(UnfitUrl):
            parse_url(text)
        return
    origin, target = parse_url(text)
    assert (*origin, target) == expected
    assert target.isascii()
    assert target.isprintable()
    assert " " not in target


@pytest.mark.parametrize(
    "text", ["", "x", "https://", "ftp://a.example/", "https://u@a.example/", "https://a.example/" + "x" * LONGEST]
)
def test_what_cannot_be_called_is_no_url(text: str) -> None:
    with pytest.raises(UnfitUrl):
        parse_url(text)
