"""Structured data and metadata of pages, checked against schema.org and Google's rules.

`schema-dts` has the vocabulary of schema.org as TypeScript types. The JSON-LD of all pages is
written as TypeScript and has to pass the type checker, which also refuses unknown properties.
"""

import copy
import io
import json
import re
import subprocess
from datetime import date
from pathlib import Path

import find_node
import pytest
from PIL import Image

from bookshop.catalogue import labels
from bookshop.catalogue.edition import Contributor, Feature, Series, Subject
from tests.demo_books import COUNT, MOSS

PACKAGES = Path(__file__).parents[1] / "contract/types"
HOME = "http://localhost:6543/"
ERROR = re.compile(r"page\.ts\((?P<line>\d+),\d+\): error (?P<what>TS\d+: .*)")
CONFIG = {
    "compilerOptions": {
        "strict": True,
        "noEmit": True,
        "skipLibCheck": True,
        "types": [],
        "target": "es2022",
        "module": "esnext",
        "moduleResolution": "bundler",
    },
    "files": ["page.ts"],
}
KINDS = {
    ("Book", "Product"): "MergeLeafTypes<[BookLeaf, ProductLeaf]>",
    ("Audiobook", "Product"): "MergeLeafTypes<[AudiobookLeaf, ProductLeaf]>",
    ("BreadcrumbList",): "BreadcrumbListLeaf",
    ("WebSite",): "WebSiteLeaf",
    ("BookStore",): "BookStoreLeaf",
    ("SearchAction",): "WithActionConstraints<SearchActionLeaf>",
}
IMPORTS = sorted(set(re.findall(r"[A-Z]\w+", " ".join(KINDS.values()))))
# Properties required for prices and breadcrumbs in search results:
# https://developers.google.com/search/docs/appearance/structured-data/merchant-listing
# https://developers.google.com/search/docs/appearance/structured-data/breadcrumb
REQUIRED = {
    "Product": {"name", "image", "offers"},
    "Offer": {"price", "priceCurrency", "availability", "itemCondition", "url", "seller"},
    "Book": {"name", "author", "url", "isbn", "bookFormat", "inLanguage"},
    "BreadcrumbList": {"itemListElement"},
    "ListItem": {"position", "name", "item"},
    "WebSite": {"name", "url", "potentialAction"},
    "BookStore": {"name", "url"},
    "SearchAction": {"target", "query-input"},
}


def nodes_of(page):
    """The nodes of a page's JSON-LD."""
    (script,) = page.html.select('script[type="application/ld+json"]')
    data = json.loads(script.string)
    assert set(data) == {"@context", "@graph"}
    assert data["@context"] == "https://schema.org"
    return data["@graph"]


def inside(value):
    """Yield all nodes in a value, recursively."""
    if isinstance(value, dict):
        yield value
    children = value.values() if isinstance(value, dict) else value
    if isinstance(value, dict | list):
        for child in children:
            yield from inside(child)


def kinds_of(node):
    kinds = node.get("@type", ())
    return (kinds,) if isinstance(kinds, str) else tuple(kinds)


def kinds_and_nodes(pages):
    """Yield the nodes to check; actions with constraints have types of their own."""
    for node in copy.deepcopy(pages):
        action = node.pop("potentialAction", None)
        yield node
        if action:
            yield action


def findings(nodes, folder):
    """Return the errors that TypeScript finds in these nodes."""
    lines = [f"import type {{ {', '.join(IMPORTS)} }} from 'schema-dts';"]
    for number, node in enumerate(kinds_and_nodes(nodes)):
        lines.append(f"export const n{number}: {KINDS[kinds_of(node)]} = {json.dumps(node)};")
    folder.mkdir(exist_ok=True)
    (folder / "page.ts").write_text("\n".join(lines), encoding="utf-8")
    (folder / "tsconfig.json").write_text(json.dumps(CONFIG))
    packages = folder / "node_modules"
    if not packages.exists():
        packages.symlink_to(find_node.packages(PACKAGES), target_is_directory=True)
    tsc = [find_node.find(), packages / "typescript/bin/tsc"]
    command = [*tsc, "--project", folder, "--pretty", "false"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    found = [match["what"] for line in done.stdout.splitlines() if (match := ERROR.match(line))]
    assert (done.returncode == 0) == (not found), done.stdout + done.stderr
    return found


@pytest.fixture
def rich(shop):
    """The nodes of a book with all properties."""
    shop.change_book(
        MOSS,
        title="</script><!-- Moss \u2028",
        series=(Series("Slow Histories", "3"),),
        contributors=(
            *(Contributor(name, role) for name, role in (("Ada", "A01"), ("Ben", "A12"))),
            *(Contributor(name, role) for name, role in (("Cem", "B06"), ("Dot", "B01"))),
            *(Contributor(name, role) for name, role in (("Eve", "E07"), ("Fay", "A24"))),
        ),
        subjects=(Subject("93", "WNP", None, main=True), Subject("20", "", "moss")),
        imprint="Tern",
        accessibility=(Feature("11"), Feature("36"), Feature("00", "All of it.")),
        published=date(2030, 3, 14),
    )
    return nodes_of(shop.visitor().get(f"/books/{MOSS}"))


@pytest.fixture
def all_books(shop):
    """The nodes of all books' pages of the demo."""
    visitor = shop.visitor()
    with shop.registry.services.engine.connect() as connection:
        skus = connection.exec_driver_sql("SELECT sku FROM listings ORDER BY book_id").scalars()
        skus = list(skus)
    return [node for sku in skus for node in nodes_of(visitor.get(f"/books/{sku}"))]


@pytest.mark.detail
def test_structured_data_is_valid_schema_org(shop, all_books, rich, tmp_path):
    index = nodes_of(shop.visitor().get("/"))

    assert findings([*index, *all_books, *rich], tmp_path) == []
    kinds = {kinds_of(node) for node in (*index, *all_books)}
    assert kinds | {("SearchAction",)} == set(KINDS)


@pytest.mark.detail
@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ((), "isbm", "9780306406157"),
        ((), "numberOfPages", "many"),
        ((), "bookFormat", "https://schema.org/Clothbound"),
        ((), "translator", {"@type": "Persona", "name": "Cem"}),
        (("offers",), "availability", "https://schema.org/InStok"),
        (("offers",), "prize", "9.99"),
        (("offers", "seller"), "nickname", "Tern"),
        (("about", 0), "termCod", "FBA"),
    ],
)
def test_check_finds_problems(rich, tmp_path, path, name, value):
    book = rich[0]
    place = book
    for step in path:
        place = place[step]
    place[name] = value

    assert findings([book], tmp_path) != []


def test_properties_required_by_google_are_present(shop, all_books, rich):
    index = nodes_of(shop.visitor().get("/"))
    sold = [node for node in all_books if "isbn" in node and "image" in node]
    crumbs = [node for node in all_books if kinds_of(node) == ("BreadcrumbList",)]
    assert len(sold) > 20
    assert len(crumbs) == COUNT

    for top in (*index, *sold, *crumbs, *rich):
        for node in inside(top):
            if node.keys() == {"@id"} or ("Book" in kinds_of(node) and node is not top):
                continue  # named only; a format of the same work
            for kind in kinds_of(node):
                assert REQUIRED.get(kind, set()) <= node.keys(), (kind, node)


def test_urls_are_absolute_and_of_the_shop(shop, all_books):
    nodes = [*nodes_of(shop.visitor().get("/")), *all_books]
    found = [
        node[name]
        for top in nodes
        for node in inside(top)
        for name in ("@id", "url", "image", "item", "urlTemplate")
        if name in node
    ]

    assert len(found) > 100
    assert all(address.startswith(HOME) for address in found)


def test_title_cannot_close_the_script_element(shop, rich):
    page = shop.visitor().get(f"/books/{MOSS}")

    assert rich[0]["alternateName"] == "</script><!-- Moss \u2028"
    assert page.html.select_one("link[rel=canonical]")["href"] == f"{HOME}books/{MOSS}"
    assert page.html.h1


def test_preorder_has_its_release_date(rich):
    assert rich[0]["offers"]["availability"] == "https://schema.org/PreOrder"
    assert rich[0]["offers"]["availabilityStarts"] == "2030-03-14"


def meta(page):
    """Return the contents of a page's meta elements, by name or property."""
    found = {}
    for each in page.html.select("meta[name], meta[property]"):
        found.setdefault(each.get("name") or each["property"], []).append(each["content"])
    return found


def test_book_has_open_graph_properties(shop):
    page = shop.visitor().get(f"/books/{MOSS}")

    found = meta(page)

    assert found["og:type"] == ["book"]
    assert found["og:title"] == ["Moss, Eilidh Strandberg-Kerr"]
    assert found["og:url"] == [f"{HOME}books/{MOSS}"]
    assert found["og:site_name"] == [shop.registry.services.settings.shop.name]
    assert found["og:locale"] == ["en_GB"]
    assert found["book:isbn"] == [MOSS]
    assert found["book:author"] == ["Eilidh Strandberg-Kerr"]
    assert found["book:release_date"] == ["2021-04-22"]
    assert found["twitter:card"] == ["summary"]
    assert found["description"] == found["og:description"]
    assert 80 < len(found["description"][0]) <= 155


@pytest.mark.parametrize("path", ["/", f"/books/{MOSS}"])
def test_preview_of_a_link_has_a_raster_image(shop, path):
    """The cover of the demo's book is a vector image, which sites that preview links ignore."""
    (image,) = meta(shop.visitor().get(path))["og:image"]

    assert image.startswith(HOME)
    body = shop.visitor().get(image.removeprefix(HOME[:-1])).body
    assert Image.open(io.BytesIO(body)).size == (1200, 630)


@pytest.mark.parametrize("path", ["/", "/books/", f"/books/{MOSS}", "/books/?subject=FBA"])
def test_page_has_one_canonical_url_and_no_duplicate_metadata(shop, path):
    page = shop.visitor().get(path)

    found = meta(page)

    assert [each["href"] for each in page.html.select("link[rel=canonical]")] == [HOME[:-1] + path]
    assert found["og:url"] == [HOME[:-1] + path]
    assert {name for name, values in found.items() if len(values) > 1} <= {"book:author"}


@pytest.mark.parametrize(
    ("changes", "description"),
    [
        ({}, None),
        ({"bookshop__tagline": "Books by the sea"}, ["Books by the sea"]),
        (
            {"bookshop__tagline": "Books by the sea", "bookshop__description": "All about us."},
            ["All about us."],
        ),
    ],
)
def test_index_has_the_shops_own_description(make_shop, changes, description):
    page = make_shop(**changes).visitor().get("/")

    assert meta(page).get("description") == description
    assert meta(page).get("og:description") == description
    tagline = page.html.select_one(".shop-intro .lede")
    assert (tagline and tagline.text) == changes.get("bookshop__tagline")


def test_sort_order_is_not_in_the_canonical_url(shop):
    page = shop.visitor().get("/books/?sort=price&subject=FBA&utm_source=mail")

    assert page.html.select_one("link[rel=canonical]")["href"] == f"{HOME}books/?subject=FBA"


def test_main_subject_is_the_marked_one_or_the_first():
    subjects = (Subject("10", "FIC000000"), Subject("93", "FBA"), Subject("93", "FF", main=True))

    assert labels.main_subject(subjects).code == "FF"
    assert labels.main_subject(subjects[:2]).code == "FBA"
    assert labels.main_subject(subjects[:1]) is None
