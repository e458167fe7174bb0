"""What the pages tell search engines, held against schema.org's terms and Google's rules.

`schema-dts` has all terms of schema.org as TypeScript types: the JSON-LD of all pages is written
out as TypeScript, and must pass its checker, which also knows every property that is none.
"""

import copy
import json
import re
import subprocess
from datetime import date
from pathlib import Path

import find_node
import pytest

from bookshop.catalogue import labels
from bookshop.catalogue.edition import Contributor, Feature, Series, Subject

PACKAGES = Path(__file__).parents[1] / "contract/types"
MOSS = "9786941041210"
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
# What a page must say to be shown with its price, and as a path:
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
    """All nodes in a value, however deep."""
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
    """What TypeScript is to check. An action's constraints have types of their own."""
    for node in copy.deepcopy(pages):
        action = node.pop("potentialAction", None)
        yield node
        if action:
            yield action


def findings(nodes, folder):
    """What TypeScript does not know of these nodes."""
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
    """A book of which everything is known."""
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


def test_all_terms_and_values_are_schema_orgs(shop, all_books, rich, tmp_path):
    index = nodes_of(shop.visitor().get("/"))

    assert findings([*index, *all_books, *rich], tmp_path) == []
    kinds = {kinds_of(node) for node in (*index, *all_books)}
    assert kinds | {("SearchAction",)} == set(KINDS)


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
def test_a_mistake_would_be_found(rich, tmp_path, path, name, value):
    book = rich[0]
    place = book
    for step in path:
        place = place[step]
    place[name] = value

    assert findings([book], tmp_path) != []


def test_nothing_is_missing_that_google_asks_for(shop, all_books, rich):
    index = nodes_of(shop.visitor().get("/"))
    sold = [node for node in all_books if "isbn" in node and "image" in node]
    crumbs = [node for node in all_books if kinds_of(node) == ("BreadcrumbList",)]
    assert len(sold) > 20
    assert len(crumbs) == 33

    for top in (*index, *sold, *crumbs, *rich):
        for node in inside(top):
            if node.keys() == {"@id"} or ("Book" in kinds_of(node) and node is not top):
                continue  # named only; a format of the same work
            for kind in kinds_of(node):
                assert REQUIRED.get(kind, set()) <= node.keys(), (kind, node)


def test_every_address_is_absolute_and_the_shops_own(shop, all_books):
    nodes = [*nodes_of(shop.visitor().get("/")), *all_books]
    told = [
        node[name]
        for top in nodes
        for node in inside(top)
        for name in ("@id", "url", "image", "item", "urlTemplate")
        if name in node
    ]

    assert len(told) > 100
    assert all(address.startswith(HOME) for address in told)


def test_the_title_that_ends_a_script_ends_none(shop, rich):
    page = shop.visitor().get(f"/books/{MOSS}")

    assert rich[0]["alternateName"] == "</script><!-- Moss \u2028"
    assert page.html.select_one("link[rel=canonical]")["href"] == f"{HOME}books/{MOSS}"
    assert page.html.h1


def test_a_preorder_is_told_with_its_day(rich):
    assert rich[0]["offers"]["availability"] == "https://schema.org/PreOrder"
    assert rich[0]["offers"]["availabilityStarts"] == "2030-03-14"


def meta(page):
    """What a page's meta elements say, by name or property."""
    found = {}
    for each in page.html.select("meta[name], meta[property]"):
        found.setdefault(each.get("name") or each["property"], []).append(each["content"])
    return found


def test_a_book_is_told_to_sites_that_show_links(shop):
    page = shop.visitor().get(f"/books/{MOSS}")

    told = meta(page)

    assert told["og:type"] == ["book"]
    assert told["og:title"] == ["Moss, Eilidh Strandberg-Kerr"]
    assert told["og:url"] == [f"{HOME}books/{MOSS}"]
    assert told["og:site_name"] == ["The Test Shelf"]
    assert told["og:locale"] == ["en_GB"]
    assert told["book:isbn"] == [MOSS]
    assert told["book:author"] == ["Eilidh Strandberg-Kerr"]
    assert told["book:release_date"] == ["2021-04-22"]
    assert told["twitter:card"] == ["summary"]
    assert told["description"] == told["og:description"]
    assert 80 < len(told["description"][0]) <= 155
    (image,) = told["og:image"]
    assert image.startswith(HOME)
    assert shop.visitor().get(image.removeprefix(HOME[:-1])).content_type.startswith("image/")


@pytest.mark.parametrize("path", ["/", "/books/", f"/books/{MOSS}", "/books/?subject=FBA"])
def test_a_page_has_one_address_and_says_nothing_twice(shop, path):
    page = shop.visitor().get(path)

    told = meta(page)

    assert [each["href"] for each in page.html.select("link[rel=canonical]")] == [HOME[:-1] + path]
    assert told["og:url"] == [HOME[:-1] + path]
    assert {name for name, values in told.items() if len(values) > 1} <= {"book:author"}


def test_the_order_of_a_list_makes_no_other_page_of_it(shop):
    page = shop.visitor().get("/books/?sort=price&subject=FBA&utm_source=mail")

    assert page.html.select_one("link[rel=canonical]")["href"] == f"{HOME}books/?subject=FBA"


def test_the_way_to_a_book_goes_by_its_main_subject():
    subjects = (Subject("10", "FIC000000"), Subject("93", "FBA"), Subject("93", "FF", main=True))

    assert labels.main_subject(subjects).code == "FF"
    assert labels.main_subject(subjects[:2]).code == "FBA"
    assert labels.main_subject(subjects[:1]) is None
