"""Which spellings of an address are one mailbox to limits."""

import pytest

from bookshop.mail.addresses import address_key, mailbox_key


@pytest.mark.parametrize(
    "spelling",
    [
        "ada@b\u00fccher.example",
        "ada@bu\u0308cher.example",
        "ADA@B\u00dcCHER.EXAMPLE",
        "ada@b\u00fccher\u3002example",
        "ada@XN--BCHER-KVA.example",
        " ada@xn--bcher-kva.example\n",
    ],
)
def test_spellings_of_one_address_are_one(spelling):
    assert address_key(spelling) == "ada@xn--bcher-kva.example"


def test_other_addresses_differ():
    addresses = [
        "ada@reader.example",
        "a.da@reader.example",
        "ada+books@reader.example",
        "ada@stra\u00dfe.example",
        "ada@strasse.example",
        "ada@\u00fc..example",
        "ada",
        "@",
        "",
    ]
    assert len({address_key(address) for address in addresses}) == len(addresses)


@pytest.mark.parametrize(
    "spelling",
    [
        "ada.lovelace@reader.example",
        "ADA.Lovelace@Reader.Example",
        "adalovelace@reader.example",
        "a.d.a.lovelace+books@reader.example",
        " ada.lovelace@reader.example ",
        "\uff41\uff44\uff41lovelace@reader.example",
    ],
)
def test_spellings_of_one_mailbox_are_one(spelling):
    assert mailbox_key(spelling) == "adalovelace@reader.example"


def test_both_forms_of_a_domain_are_one_mailbox():
    assert mailbox_key("ada@Bücher.example") == mailbox_key("ada@xn--bcher-kva.example")


@pytest.mark.parametrize(
    "other", ["bea@reader.example", "ada@reader.example.org", "+@reader.example", "", "@", "a@.."]
)
def test_other_mailboxes_differ(other):
    assert mailbox_key(other) != mailbox_key("ada@reader.example")
