"""The table of rates: its rows, days, and the operator's file before it."""

from datetime import date
from decimal import Decimal

import pytest

from bookshop.products import ProductClass
from bookshop.tax.rates import STANDARD, RatesError, RateTable, packaged_rows, read_rows
from bookshop.tax.territories import MEMBER_STATES

DAY = date(2026, 11, 27)


def percent(territory, product=ProductClass.PRINT, day=DAY, rows=None, region=""):
    found = RateTable(packaged_rows() if rows is None else rows).find(
        territory, product, day, region
    )
    return found and (str(found.rate.percent), found.assumed)


@pytest.mark.parametrize("territory", sorted({*MEMBER_STATES, "XI", "GB", "CH", "NO", "IS"}))
@pytest.mark.parametrize("product", ProductClass)
def test_every_product_has_a_rate_everywhere_and_each_row_a_source(territory, product):
    found = RateTable(packaged_rows()).find(territory, product, DAY)
    assert 0 <= found.rate.percent < 30
    assert found.row.source
    assert found.rate.territory == territory


@pytest.mark.parametrize(
    ("territory", "product", "expected"),
    [
        ("GB", ProductClass.PRINT, ("0", False)),
        ("GB", ProductClass.EBOOK, ("0", False)),
        ("GB", ProductClass.AUDIO_DOWNLOAD, ("20", False)),
        ("XI", ProductClass.PRINT, ("0", False)),
        ("DE", ProductClass.PRINT, ("7", False)),
        ("DE", ProductClass.AUDIO_DOWNLOAD, ("19", True)),
        ("DE", ProductClass.OTHER, ("19", True)),
        ("FR", ProductClass.PRINT, ("5.5", False)),
        ("IE", ProductClass.EBOOK, ("0", False)),
        ("CH", ProductClass.PRINT, ("2.6", False)),
    ],
)
def test_rate_of_a_product_and_the_standard_rate_where_none_was_found(territory, product, expected):
    assert percent(territory, product) == expected


@pytest.mark.parametrize(
    ("territory", "day", "expected"),
    [
        ("LT", date(2025, 12, 31), "9"),
        ("LT", date(2026, 1, 1), "5"),
        ("RO", date(2025, 7, 31), "5"),
        ("RO", date(2025, 8, 1), "11"),
    ],
)
def test_day_decides_the_rate(territory, day, expected):
    assert percent(territory, day=day) == (expected, False)


def test_territory_without_a_row_has_no_rate():
    assert percent("US") is None


def file(tmp_path, *lines):
    path = tmp_path / "rates.csv"
    path.write_text("territory,product,rate,code,from,until,source\n" + "\n".join(lines))
    return path


def test_operators_rows_go_before_the_packaged_ones(tmp_path):
    rows = read_rows(
        file(tmp_path, "GB,audio_download,0,Z,2027-01-01,,own", "US-NY,print,8.875,,,,own")
    )
    rows = (*rows, *packaged_rows())
    audio = ProductClass.AUDIO_DOWNLOAD
    assert percent("GB", audio, date(2026, 12, 31), rows) == ("20", False)
    assert percent("GB", audio, date(2027, 1, 1), rows) == ("0", False)
    assert percent("US", rows=rows, region="NY") == ("8.875", False)
    assert percent("US", rows=rows, region="CA") is None


def test_faults_of_a_file_name_their_lines(tmp_path):
    path = file(
        tmp_path, "GB,scroll,0,,,,", "GB,print,a lot,,,,", "GB,print,101,,,,", "GB,print,0,X,,,"
    )
    with pytest.raises(RatesError) as caught:
        read_rows(path)
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [
        f"line {number}" for number in range(2, 6)
    ]


def test_packaged_rows_do_not_overlap():
    seen = {}
    for row in packaged_rows():
        assert row.product in {STANDARD, *ProductClass}
        for other in seen.setdefault((row.territory, row.product), []):
            starts = max(row.starts or date.min, other.starts or date.min)
            ends = min(row.ends or date.max, other.ends or date.max)
            assert starts > ends, (row, other)
        seen[row.territory, row.product].append(row)
    assert all(isinstance(row.percent, Decimal | None) for row in packaged_rows())
