"""The approval page in Chromium, on a phone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.expected_conditions import staleness_of
from selenium.webdriver.support.wait import WebDriverWait

from stanch.action import Action, Outcome
from tests.functional.approval.browser import HEIGHT, WIDTH, colours, picture
from tests.functional.approval.server import Site
from tests.unit.approval.desk import BOB, CAROL, link
from tests.unit.notify.samples import HOSTILE

NASTY = (
    "".join(HOSTILE.values())
    + "</title></style></textarea><script>document.title='pwned'</script><svg/onload=document.title='pwned'>"
)

APPROVE, DENY = "button[value=approve]", "button[value=deny]"

LAID_OUT = """
const boxes = [...document.querySelectorAll('button, textarea, summary, a')].map(e => [e.tagName, e.getBoundingClientRect()]);
const text = [...document.querySelectorAll('main *')].filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()));
return {
  viewport: innerWidth, scale: visualViewport.scale, width: document.documentElement.scrollWidth, height: innerHeight,
  low: boxes.filter(([, b]) => b.height && b.height < 44).map(([name]) => name),
  wide: text.filter(e => e.getBoundingClientRect().right > innerWidth + 0.5).map(e => e.tagName),
  small: text.filter(e => parseFloat(getComputedStyle(e).fontSize) < 15).map(e => e.tagName),
};
"""

CONTRASTS = """
const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
const light = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
const colour = s => s.match(/[\\d.]+/g).map(Number);
const behind = e => { for (; e; e = e.parentElement) { const c = colour(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
return [...document.querySelectorAll('main *')].filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())).map(e => {
  const [a, b] = [light(colour(getComputedStyle(e).color)), light(behind(e))];
  return [e.tagName + '.' + e.className, Math.round((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) * 100) / 100];
});
"""


def see(opened: Any, site: Site, action: Action, **changed: Any) -> str:
    """Open the link; what the page says."""
    opened.get(site.url(link(action, **changed)))
    return said(opened)


def said(opened: Any) -> str:
    return str(opened.find_element(By.TAG_NAME, "main").text)


def press(opened: Any, button: str, reason: str = "seen live") -> str:
    """Fill the form in and send it; what the next page says."""
    opened.find_element(By.ID, "reason").send_keys(reason)
    return follow(opened, opened.find_element(By.CSS_SELECTOR, button))


def follow(opened: Any, control: Any) -> str:
    """Click on what leads to another page, and wait for that page."""
    left = opened.find_element(By.TAG_NAME, "main")
    control.click()
    # Between two documents the driver answers with an error of no kind of its own ("Node … does not belong to the document").
    WebDriverWait(opened, 20, ignored_exceptions=(WebDriverException,)).until(staleness_of(left))
    return said(opened)


def test_opening_shows_the_plan_and_changes_nothing(opened: Any, site: Site) -> None:
    action = site.desk.ask()
    text = see(opened, site, action)
    assert text.startswith("AWAITING APPROVAL (high)\nClose a door\nNothing was changed: it waits for a person.")
    assert "front of door-1: open → shut" in text
    assert opened.title == "AWAITING APPROVAL (high): Close a door · Stanch"
    assert [request for request in site.seen if not request.endswith("/favicon.ico")] == ["GET /approval"]
    assert site.desk.cloud.writes() == []
    assert site.desk.now(action).as_json() == action.as_json()


def test_approve_acts_once_and_pressing_again_is_refused(opened: Any, site: Site) -> None:
    action = site.desk.ask()
    see(opened, site, action)
    text = press(opened, APPROVE, "SSH is open, seen live")
    assert text.startswith(
        "ACTED (high)\nClose a door\nContained: a second look confirmed it.\nYou approved it as alice@corp.example: SSH is open, seen live"
    )
    assert site.desk.cloud.writes() == ["Set door-1.front"]
    assert site.desk.now(action).approvals[0]["reason"] == "SSH is open, seen live"

    opened.refresh()  # sends the form again
    text = said(opened)
    assert text.startswith("REFUSED\nThis request did nothing\n")
    assert "ACTED (high) Contained: a second look confirmed it." in text

    opened.back()  # nothing was kept of the form
    assert said(opened).startswith("ACTED (high)\n")
    assert opened.find_elements(By.TAG_NAME, "form") == []

    assert [request for request in site.seen if request.startswith("POST")] == ["POST /approval"] * 2
    assert site.desk.cloud.writes() == ["Set door-1.front"]


def test_two_open_tabs_act_once(opened: Any, site: Site) -> None:
    action = site.desk.ask()
    see(opened, site, action)
    first = opened.current_window_handle
    opened.switch_to.new_window("tab")
    see(opened, site, action)
    assert press(opened, APPROVE).startswith("ACTED (high)\n")
    opened.close()
    opened.switch_to.window(first)
    assert press(opened, APPROVE).startswith("REFUSED\nThis request did nothing\n")
    assert site.desk.cloud.writes() == ["Set door-1.front"]


def test_deny_changes_nothing(opened: Any, site: Site) -> None:
    action = site.desk.ask()
    see(opened, site, action)
    assert press(opened, DENY, "it is ours").startswith("DENIED (high)\n")
    assert site.desk.cloud.writes() == []
    assert site.desk.now(action).outcome is Outcome.EXPIRED


def test_without_a_reason_nothing_is_sent(opened: Any, site: Site) -> None:
    action = site.desk.ask()
    see(opened, site, action)
    opened.find_element(By.CSS_SELECTOR, APPROVE).click()
    assert opened.switch_to.active_element.get_attribute("id") == "reason"
    assert not [request for request in site.seen if request.startswith("POST")]


def test_a_reason_of_blanks_is_asked_for_again(opened: Any, site: Site) -> None:
    action = site.desk.ask()
    see(opened, site, action)
    press(opened, APPROVE, "   ")
    assert opened.find_element(By.CSS_SELECTOR, "[role=alert]").text.startswith("Say why, in at most 1000 characters.")
    assert press(opened, APPROVE, "seen live").startswith("ACTED (high)\n")


def test_the_keyboard_is_enough(opened: Any, site: Site) -> None:
    see(opened, site, site.desk.ask())
    opened.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    order = []
    for _ in range(3):
        focused = opened.switch_to.active_element
        order.append(focused.get_attribute("id") or focused.get_attribute("value"))
        assert opened.execute_script("return getComputedStyle(arguments[0]).outlineStyle", focused) == "solid"
        focused.send_keys(Keys.TAB)
    assert order == ["reason", "approve", "deny"]


def test_a_colleague_outside_the_group_is_refused(opened: Any, site: Site) -> None:
    action = site.desk.ask()
    site.caller = CAROL
    see(opened, site, action)
    text = press(opened, APPROVE)
    assert "wrong group: carol@corp.example is not in sec-oncall" in text
    text = follow(opened, opened.find_element(By.LINK_TEXT, "Open the request"))
    assert text.startswith("AWAITING APPROVAL (high)\n")
    assert site.desk.cloud.writes() == []


def test_nobody_signed_in_sees_the_command_alone(opened: Any, site: Site) -> None:
    action = site.desk.ask()
    site.caller = None
    assert f"stanch approve {action.id} --reason 'why'" in see(opened, site, action)
    assert opened.find_elements(By.CSS_SELECTOR, "form, button, input, textarea") == []


def test_a_forged_link_shows_nothing(opened: Any, site: Site) -> None:
    opened.get(site.url("eyJhbGciOiJub25lIn0.e30."))
    assert said(opened).startswith("REFUSED\nThis request did nothing\nThis link approves nothing: ")


def test_two_people_approve_what_cannot_be_undone(opened: Any, site: Site) -> None:
    action = site.desk.ask_to_burn()
    see(opened, site, action)
    assert "a second person must approve" in press(opened, APPROVE)
    assert site.desk.cloud.writes() == []
    site.caller = BOB
    assert "1 of 2 approvals given" in see(opened, site, action)
    assert press(opened, APPROVE).startswith("ACTED (high)\n")
    assert site.desk.cloud.writes() == ["Set letter-1.front"]


def test_names_that_attack_stay_text(opened: Any, site: Site) -> None:
    """They stand in the title of the finding, in a live state, in what the person types and in the person's name."""
    action = site.desk.ask(front=NASTY, impact=NASTY)
    text = see(opened, site, action)
    assert "<script>" in text
    assert "hxxps[:]//evil[.]example" in text
    press(opened, APPROVE, "</textarea><script>document.title='pwned'</script>")
    assert "You approved it as alice@corp.example: </textarea><script>document.title='pwned'</script>" in said(opened)
    assert opened.title == "ACTED (high): Close a door · Stanch"
    assert opened.find_elements(By.CSS_SELECTOR, "script, img, svg, iframe, object, main a") == []
    assert opened.execute_script(LAID_OUT)["width"] == WIDTH


def test_scripts_and_foreign_forms_are_stopped_by_the_policy(opened: Any, site: Site) -> None:
    """Even if something got in: what an injected element would do, done by hand."""
    see(opened, site, site.desk.ask())
    opened.execute_script(
        "const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s);"
        "const i = new Image(); i.src = '/pixel'; document.body.append(i);"
        "const f = document.forms[0].cloneNode(true); f.id = 'evil'; f.action = 'http://localhost:' + location.port + '/evil';"
        "f.querySelector('textarea').value = 'x'; document.body.append(f);"
    )
    opened.find_element(By.CSS_SELECTOR, "#evil button").click()
    opened.execute_async_script("setTimeout(arguments[0], 300)")
    assert opened.execute_script("return window.ran") is None
    assert {request for request in site.seen if "favicon" not in request} == {"GET /approval"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_readable_on_a_phone_in_every_state(opened: Any, site: Site, scheme: str, tmp_path: Path) -> None:
    """No sideways scrolling, no zoom, targets of 44 px, contrast of 4.5: while it waits, for those who may not decide, refused and done."""
    colours(opened, scheme)
    action = site.desk.ask_to_burn()
    pages = {"waits": see(opened, site, action)}
    judge(opened, tmp_path / "waits.png")
    pages["changed"] = see(opened, site, action, plan_digest="5" * 64)
    judge(opened, tmp_path / "changed.png")
    see(opened, site, action)
    pages["once"] = press(opened, APPROVE)
    judge(opened, tmp_path / "once.png")
    opened.refresh()
    pages["refused"] = said(opened)
    judge(opened, tmp_path / "refused.png")
    site.caller = BOB
    see(opened, site, action)
    pages["acted"] = press(opened, APPROVE)
    judge(opened, tmp_path / "acted.png")
    assert [text.partition("\n")[0] for text in pages.values()] == [
        "AWAITING APPROVAL (high)", "AWAITING APPROVAL (high)", "AWAITING APPROVAL (high)", "REFUSED", "ACTED (high)",
    ]  # fmt: skip


def judge(opened: Any, path: Path) -> None:
    found = opened.execute_script(LAID_OUT)
    assert (found["viewport"], found["height"], found["scale"]) == (WIDTH, HEIGHT, 1)
    assert (found["width"], found["wide"], found["low"], found["small"]) == (WIDTH, [], [], [])
    contrasts = opened.execute_script(CONTRASTS)
    assert len(contrasts) > 4
    assert [each for each in contrasts if each[1] < 4.5] == []
    picture(opened, path)
    assert path.stat().st_size > 10_000
