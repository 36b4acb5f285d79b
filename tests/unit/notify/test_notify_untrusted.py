"""What attackers write is harmless to show."""

from __future__ import annotations

import re
import time
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stanch.notify import untrusted
from stanch.notify.untrusted import inert, plain
from tests.unit.notify.samples import HOSTILE, anything

SHOWN = {
    "markdown link": "[log in again](hxxps[:]//evil[.]example/login?x=1)",
    "markdown image": "![x](hxxp[:]//evil[.]example/pixel.png)",
    "bare url": "see HxxPS[:]//evil[.]example/x and www[.]evil.example",
    "bare host": "resolve evil[.]com now",
    "ideographic stop": "hxxp[:]//evil[.]com/x",
    "hidden in url": "hxxps[:]//evil[.]example/x",
    "other scheme": "smb[:]//evil[.]example/share",
    "share": "open [\\\\]evil.example\\share\\run.exe",
    "html": '<a href="hxxps[:]//evil[.]example/x">ok</a><img src=//evil[.]com/x onerror=alert(1)>',
    "card function": "{{DATE(2026-11-23T00:00:00Z,SHORT)}} {{{TIME(2026-11-23T00:00:00Z)}}}",
    "mention": "<at>everyone</at> @channel",
    "line breaks": "ok Subject: ACTED Undo rm -rf / x y z w",
    "ansi": "[2J[31mACTED[0m ]8;;hxxps[:]//evil[.]examplelink]8;; 1A",
    "bidi": "usertxt.exex",
    "zero width": "admin",
    "backspace": "denyallow",
    "astral": "\U0001f512 key",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_is_inert(name: str) -> None:
    assert inert(HOSTILE[name]) == SHOWN[name]


@pytest.mark.parametrize(
    "exact",
    [
        "arn:aws:s3:::logs.example.com",
        "arn:aws:iam::111122223333:user/alice.smith",
        "AWS::EC2::SecurityGroup",
        "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourceGroups/rg.live/providers/Microsoft.Network/networkSecurityGroups/web",
        "Microsoft.Network/networkSecurityGroups",
        "alice.smith@corp.example",
        "alice.smith",
        "0.0.0.0/0",
        "2001:db8::/32",
        "2026-11-23T15:40:38.123Z",
        "aws.iam.deactivate_access_key",
        "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom",
        "Zürich → 東京",
    ],
)
def test_names_that_people_copy_stay_exact(exact: str) -> None:
    assert inert(exact) == exact


@given(anything)
def test_plain_is_one_printable_line(text: str) -> None:
    shown = plain(text)
    assert not [
        char for char in shown if unicodedata.category(char)[0] == "C" or unicodedata.category(char) in ("Zl", "Zp")
    ]
    assert "  " not in shown
    assert shown == shown.strip()
    assert shown.encode().decode() == shown


_pieces = st.lists(
    st.sampled_from(
        [
            "http",
            "https",
            "ftp",
            ":",
            "//",
            "\\\\",
            "www",
            ".",
            "\u3002",
            "evil",
            "com",
            "xyz",
            "/",
            " ",
            "@",
            "\u200b",
            "\n",
            "[",
            "]",
            ":::",
            "-",
            "1",
        ]
    ),
    max_size=14,
).map("".join)


@given(_pieces)
@settings(max_examples=300)
@example("http://http://evil.com")
@example("a.com.b.com")
def test_nothing_stays_a_link(text: str) -> None:
    shown = inert(text)
    lower = shown.lower()
    assert "http:" not in lower
    assert "https:" not in lower
    assert "://" not in shown
    assert ":\\\\" not in shown
    assert not re.search(r"(?<!\w)www\.\w", lower)
    assert not re.search(r"//\w*\.\w", lower)
    assert inert(shown) == shown


@given(anything, st.integers(1, 80))
def test_is_cut_by_code_points_and_says_so(text: str, limit: int) -> None:
    whole, shown = plain(text), plain(text, limit)
    assert len(shown) <= limit
    assert shown == whole if len(whole) <= limit else shown.endswith("…")


def test_counts_characters_not_bytes() -> None:
    assert plain("é" * 10, 4) == "ééé…"
    assert plain("\U0001f512" * 10, 4) == "\U0001f512\U0001f512\U0001f512…"
    assert plain("abcd", 4) == "abcd"


@pytest.mark.parametrize("unit", ["a.", "http://", "aaaa", "\\\\", "www.", "a-", ":::", "microsoft.a/", "\u200b"])
def test_a_megabyte_takes_no_time(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    started = time.process_time()
    assert len(inert(text, 100)) <= 100
    assert time.process_time() - started < 3


_PIECES = st.sampled_from(
    ["https", "hTTp", "www", "WWW.", "evil.example", "a.b.com", "//", "/", "\\", "\\\\", ":", "://", "[:]", "[.]", ".", "。", "．", "｡", " ", "@",
     "?", "-", "_", "é", "ſ", "İ", "\u200b", "\ud800", "microsoft.compute/x", "arn:aws:iam::111122223333:user/x", "::ffff:1.2.3.4"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=9).map("".join))
def test_no_pattern_is_passed_over_that_would_have_changed_something(text: str) -> None:
    """`inert` asks for a pattern only where the text holds what it needs; here every pattern is asked."""
    every = untrusted._HTTP.sub(r"\1xx\2", plain(text))
    every = untrusted._AUTHORITY.sub(untrusted._defanged, untrusted._SCHEME.sub("[:]", every))
    every = untrusted._WWW.sub("www[.]", untrusted._SHARE.sub(r"[\\\\]", every))
    assert inert(text) == untrusted._BARE.sub(untrusted._defanged, every)
