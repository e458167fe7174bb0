"""Finding a book in Chromium: with the keyboard alone, without scripts, on a phone."""

import re

import pytest
from playwright.sync_api import expect

MOSS = "9786941041210"


@pytest.fixture(params=[True, False], ids=["script", "no script"])
def page(browser, browser_context_args, live, request):
    """A page of a browser that runs scripts, and of one that does not."""
    context = browser.new_context(
        **browser_context_args, base_url=live.url, java_script_enabled=request.param
    )
    page = context.new_page()
    complaints = []
    page.on("console", lambda said: said.type in {"error", "warning"} and complaints.append(said))
    yield page
    context.close()
    assert [said.text for said in complaints] == []


def tab_to(page, place):
    """Press Tab until the place has the focus; it must be visible then."""
    expect(place).to_have_count(1)
    for _ in range(300):
        page.keyboard.press("Tab")
        if place.evaluate("each => each === document.activeElement"):
            expect(place).to_be_in_viewport()
            return
    pytest.fail("Tab never came there")


def test_with_the_keyboard_alone(page):
    page.goto("/")
    tab_to(page, page.get_by_role("searchbox"))
    page.keyboard.type("moss")
    page.keyboard.press("Enter")
    page.wait_for_url("**/books/?q=moss")

    tab_to(page, page.locator(f"main h2 a[href$='/books/{MOSS}']"))
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/books/{MOSS}")
    expect(page.locator("h1")).to_contain_text("Moss")

    tab_to(page, page.locator("main .offer a[href*='item=']"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/checkout?item=*")


def test_a_list_is_narrowed_and_leafed_through(page):
    page.goto("/books/")
    everything = page.locator("main .section-head p").inner_text()
    tab_to(page, page.get_by_role("link", name="Next page"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/books/?page=*")
    expect(page.locator(".ledger li").first).to_be_visible()
    page.get_by_role("link", name="Previous page").click()
    expect(page.locator("main .section-head p")).to_have_text(everything)

    paperbacks = page.get_by_role("link", name=re.compile(r"^Paperback \d+$"))
    tab_to(page, paperbacks)
    (count,) = re.findall(r"\d+", paperbacks.inner_text())
    page.keyboard.press("Enter")
    page.wait_for_url("**/books/?format=paperback")
    expect(page.locator("main .section-head p")).to_have_text(f"{count} books")

    tab_to(page, page.locator(".chosen a").first)
    page.keyboard.press("Enter")
    expect(page.locator("main .section-head p")).to_have_text(everything)


def test_the_focus_is_seen(page):
    page.goto("/books/")
    tab_to(page, page.get_by_role("searchbox"))
    for _ in range(12):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        width = focused.evaluate("each => getComputedStyle(each).outlineWidth")
        assert float(width.removesuffix("px")) >= 2, focused.evaluate("each => each.outerHTML")


def test_a_phone_unfolds_what_narrows_the_list(page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/books/")
    ebooks = page.get_by_role("link", name=re.compile(r"^E-book"))
    expect(ebooks).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    tab_to(page, page.locator("summary", has_text="Narrow the list"))
    page.keyboard.press("Enter")
    expect(ebooks).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    ebooks.click()
    page.wait_for_url("**/books/?format=ebook")
