"""Search, filters and pagination in Chromium: by keyboard, without scripts, on a phone."""

import pytest
from playwright.sync_api import expect

from tests.demo_books import FOUR_FORMATS, MOSS, MOSS_PAPERBACK

pytestmark = pytest.mark.detail


@pytest.fixture(params=[True, False], ids=["script", "no script"])
def page(browser, browser_context_args, live, request):
    """A page of a browser that runs scripts, and of one that does not."""
    context = browser.new_context(
        **browser_context_args, base_url=live.url, java_script_enabled=request.param
    )
    page = context.new_page()
    messages = []
    page.on(
        "console", lambda message: message.type in {"error", "warning"} and messages.append(message)
    )
    yield page
    context.close()
    assert [message.text for message in messages] == []


def tab_to(page, target):
    """Press Tab until the target has the focus; it has to be visible then."""
    expect(target).to_have_count(1)
    for _ in range(300):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            expect(target).to_be_in_viewport()
            return
    pytest.fail("the target never had the focus")


def test_book_is_found_and_bought_by_keyboard(page):
    page.goto("/")
    tab_to(page, page.get_by_role("searchbox"))
    page.keyboard.type("moss")
    page.keyboard.press("Enter")
    page.wait_for_url("**/books/?q=moss")

    tab_to(page, page.locator(f"main h2 a[href$='/books/{MOSS_PAPERBACK}']"))
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/books/{MOSS_PAPERBACK}")
    expect(page.locator("h1")).to_contain_text("Moss")

    tab_to(page, page.locator("main .offer a[href*='item=']"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/checkout?item=*")


def test_list_is_paged_and_filtered_by_keyboard(page):
    page.goto("/books/")
    everything = page.locator("#total").get_attribute("data-total")
    tab_to(page, page.locator("main a[rel=next]"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/books/?page=*")
    expect(page.locator(".book-list li").first).to_be_visible()
    page.locator("main a[rel=prev]").click()
    expect(page.locator("#total")).to_have_attribute("data-total", everything)

    paperbacks = page.locator("[data-facet=format] [data-value=paperback]")
    tab_to(page, paperbacks)
    count = paperbacks.locator(".count").inner_text()
    page.keyboard.press("Enter")
    page.wait_for_url("**/books/?format=paperback")
    expect(page.locator("#total")).to_have_attribute("data-total", count)

    tab_to(page, page.locator(".active-filters a").first)
    page.keyboard.press("Enter")
    expect(page.locator("#total")).to_have_attribute("data-total", everything)


def test_focus_is_visible(page):
    page.goto("/books/")
    tab_to(page, page.get_by_role("searchbox"))
    for _ in range(12):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        width = focused.evaluate("element => getComputedStyle(element).outlineWidth")
        assert float(width.removesuffix("px")) >= 2, focused.evaluate(
            "element => element.outerHTML"
        )


def bottom(locator):
    """The lower edge of an element on the page, in CSS pixels."""
    box = locator.bounding_box()
    return box["y"] + box["height"]


def test_first_row_of_the_index_shows_its_prices_on_a_laptop(page):
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto("/")
    for number in range(5):
        assert bottom(page.locator(".book-card .purchase").nth(number)) <= 800


def test_price_and_button_of_a_book_are_on_the_first_screen_of_a_phone(page):
    page.set_viewport_size({"width": 390, "height": 844})
    for sku in (MOSS, FOUR_FORMATS[0]):
        page.goto(f"/books/{sku}")
        assert bottom(page.locator(".offer .price")) <= 844
        assert bottom(page.locator(".offer .button")) <= 844
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_format_is_chosen_and_bought_by_keyboard(page):
    page.goto("/")
    card = page.locator(f".book-card:has([data-format='{FOUR_FORMATS[0]}'])")
    tab_to(page, card.locator("summary"))
    page.keyboard.press("Enter")
    tab_to(page, card.locator(f"[data-format='{FOUR_FORMATS[2]}']"))
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/checkout?item={FOUR_FORMATS[2]}")


def test_phone_opens_the_filters(page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/books/")
    ebooks = page.locator("[data-facet=format] [data-value=ebook]")
    expect(ebooks).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    tab_to(page, page.locator(".facets > summary"))
    page.keyboard.press("Enter")
    expect(ebooks).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    ebooks.click()
    page.wait_for_url("**/books/?format=ebook")
