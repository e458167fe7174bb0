"""Each page checked by axe-core against WCAG 2.2 AA, light and dark, on phone and desktop."""

from pathlib import Path

import find_node
import pytest

from tests.tour import STOPS, Tour

pytestmark = pytest.mark.detail

PACKAGES = Path(__file__).parents[1] / "pages"
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# The content of Stripe's iframe is not the shop's.
RUN = """(tags) => axe.run(
  { exclude: [["#payment-element iframe"]] },
  { runOnly: tags, resultTypes: ["violations"], iframes: false },
)"""


@pytest.fixture(scope="module")
def tour(serving, tmp_path_factory):
    with serving(tmp_path_factory.mktemp("tour")) as shop:
        yield Tour(shop, shop.sandbox)


@pytest.fixture(scope="module")
def reader(browser, browser_context_args, tour):
    """A browser page with the session of the tour's visitor."""
    context = browser.new_context(**browser_context_args, base_url=tour.shop.url)
    context.add_cookies(
        [
            {"name": cookie.name, "value": cookie.value, "url": tour.shop.url}
            for cookie in tour.visitor.cookiejar
        ]
    )
    page = context.new_page()
    yield page
    context.close()


@pytest.fixture(scope="module")
def axe():
    return (find_node.packages(PACKAGES) / "axe-core/axe.min.js").read_text(encoding="utf-8")


@pytest.fixture
def findings(reader, axe):
    """Return the violations on the current page, with all details open, in light and in dark."""

    def check():
        reader.evaluate(axe)
        reader.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
        found = []
        for scheme in ("light", "dark"):
            reader.emulate_media(color_scheme=scheme)
            found += [
                f"{scheme}: {rule['id']} at {' '.join(map(str, node['target']))}: {rule['help']}"
                for rule in reader.evaluate(RUN, TAGS)["violations"]
                for node in rule["nodes"]
            ]
        return found

    return check


def open_stop(reader, tour, name):
    """Open a page of the tour, and wait for the payment frame where it has one."""
    assert reader.goto(tour.path(name)).status == STOPS[name].status
    if name == "checkout":
        reader.frame_locator("#payment-element iframe").locator("input[name=number]").wait_for()


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("name", STOPS)
def test_page_has_no_accessibility_violation(name, size, tour, reader, findings):
    reader.set_viewport_size(size)
    open_stop(reader, tour, name)
    assert findings() == []


# The elements that extend beyond the right edge, outermost first.
OVERFLOWING = """() => [...document.querySelectorAll("body *")]
  .filter((part) => part.getBoundingClientRect().right > document.documentElement.clientWidth)
  .map((part) => part.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("name", STOPS)
def test_no_page_is_wider_than_the_smallest_screen(name, tour, reader):
    reader.set_viewport_size({"width": 320, "height": 640})  # WCAG 1.4.10: 1280 at 400 %
    open_stop(reader, tour, name)
    width = reader.evaluate("document.documentElement.scrollWidth")
    assert width <= 320, reader.evaluate(OVERFLOWING)


def test_violations_are_found_in_light_and_dark(reader, findings):
    reader.goto("/")
    reader.evaluate("""() => {
      const text = document.createElement("p");
      text.id = "low-contrast";
      text.textContent = "Too dark for a dark background";
      text.style.color = "light-dark(#222, #222)";
      const details = document.createElement("details");
      details.append(document.createElement("summary"), document.createElement("img"));
      document.querySelector("main").append(text, details);
    }""")

    found = "\n".join(findings())
    assert "dark: color-contrast at #low-contrast" in found
    assert "light: color-contrast at #low-contrast" not in found
    for rule in ("summary-name", "image-alt"):
        assert f"light: {rule}" in found
        assert f"dark: {rule}" in found
